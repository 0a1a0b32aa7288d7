//! BPF instructions, written one after the other: the few that the programs beside this file use.
//!
//! Encoding: RFC 9669 (BPF Instruction Set Architecture); each is 8 octets: opcode, registers, offset, immediate. Leaves
//! alone: what the programs do (`programs`), and checking them (the kernel's verifier does).

/// A register; `R10` is the frame pointer, `R0` holds results, `R1` to `R5` arguments, `R6` to `R9` survive calls.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(super) enum Reg {
    R0,
    R1,
    R2,
    R3,
    R4,
    R6 = 6,
    R7,
    R10 = 10,
}

/// A map that programs refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Map {
    /// Ring buffer of events.
    Events,
    /// Which senders were told already.
    Told,
    /// How many events found no room.
    Lost,
}

/// Helper functions of the kernel, by their numbers (`include/uapi/linux/bpf.h`). None is reserved to GPL programs.
#[derive(Debug, Clone, Copy)]
#[repr(u32)]
pub(super) enum Helper {
    MapLookup = 1,
    MapUpdate = 2,
    PidTgid = 14,
    UidGid = 15,
    Comm = 16,
    SocketCookie = 46,
    CgroupId = 80,
    NetnsCookie = 122,
    BootTime = 125,
    RingOutput = 130,
}

const LD_IMM64: u8 = 0x18;
const LDX_W: u8 = 0x61;
const LDX_DW: u8 = 0x79;
const ST_W: u8 = 0x62;
const ST_DW: u8 = 0x7a;
const STX_W: u8 = 0x63;
const STX_DW: u8 = 0x7b;
const ADD_DW: u8 = 0xdb;
const ADD64_IMM: u8 = 0x07;
const MOV64_IMM: u8 = 0xb7;
const MOV64_REG: u8 = 0xbf;
const JEQ_IMM: u8 = 0x15;
const JNE_IMM: u8 = 0x55;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;

/// Where a jump goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    /// Over the next so many instructions.
    Over(i16),
    /// To the end, where the program lets the socket go its way.
    End,
}

/// A program as it grows.
#[derive(Debug, Default)]
pub(super) struct Code {
    instructions: Vec<[u8; 8]>,
    /// Instructions that load a map's address.
    pub(super) maps: Vec<(usize, Map)>,
    /// Jumps to the end.
    ends: Vec<usize>,
}

impl Code {
    fn push(&mut self, opcode: u8, to: Reg, from: Reg, offset: i16, immediate: i32) {
        let [low, high] = offset.to_ne_bytes();
        let [a, b, c, d] = immediate.to_ne_bytes();
        // The two registers are bit fields, whose order follows the machine's.
        let (first, second) = if cfg!(target_endian = "little") { (to, from) } else { (from, to) };
        let registers = (second as u8) << 4 | first as u8;
        self.instructions.push([opcode, registers, low, high, a, b, c, d]);
    }

    pub(super) fn copy(&mut self, to: Reg, from: Reg) {
        self.push(MOV64_REG, to, from, 0, 0);
    }

    pub(super) fn set(&mut self, to: Reg, value: i32) {
        self.push(MOV64_IMM, to, Reg::R0, 0, value);
    }

    /// `to` = address of what lies at `offset` on the stack.
    pub(super) fn stack(&mut self, to: Reg, offset: i16) {
        self.copy(to, Reg::R10);
        self.push(ADD64_IMM, to, Reg::R0, 0, offset.into());
    }

    pub(super) fn load32(&mut self, to: Reg, from: Reg, offset: i16) {
        self.push(LDX_W, to, from, offset, 0);
    }

    pub(super) fn load64(&mut self, to: Reg, from: Reg, offset: i16) {
        self.push(LDX_DW, to, from, offset, 0);
    }

    /// Onto the stack, 32 bits.
    pub(super) fn store32(&mut self, offset: i16, from: Reg) {
        self.push(STX_W, Reg::R10, from, offset, 0);
    }

    /// Onto the stack, 64 bits.
    pub(super) fn store64(&mut self, offset: i16, from: Reg) {
        self.push(STX_DW, Reg::R10, from, offset, 0);
    }

    /// A number onto the stack, 32 bits.
    pub(super) fn store32_value(&mut self, offset: i16, value: i32) {
        self.push(ST_W, Reg::R10, Reg::R0, offset, value);
    }

    /// Zeroes onto the stack, `octets` of them, a multiple of 8.
    pub(super) fn clear(&mut self, offset: i16, octets: i16) {
        for at in (offset..offset + octets).step_by(8) {
            self.push(ST_DW, Reg::R10, Reg::R0, at, 0);
        }
    }

    /// Adds a register to the 64 bits at the address in `at`, in one piece.
    pub(super) fn add_at(&mut self, at: Reg, from: Reg) {
        self.push(ADD_DW, at, from, 0, 0);
    }

    /// `to` = address of a map.
    pub(super) fn map(&mut self, to: Reg, map: Map) {
        self.maps.push((self.instructions.len(), map));
        self.push(LD_IMM64, to, Reg::R0, 0, 0);
        self.push(0, Reg::R0, Reg::R0, 0, 0);
    }

    pub(super) fn call(&mut self, helper: Helper) {
        self.push(CALL, Reg::R0, Reg::R0, 0, helper as i32);
    }

    pub(super) fn jump_if(&mut self, register: Reg, equals: i32, to: To) {
        self.jump(JEQ_IMM, register, equals, to);
    }

    pub(super) fn jump_unless(&mut self, register: Reg, equals: i32, to: To) {
        self.jump(JNE_IMM, register, equals, to);
    }

    fn jump(&mut self, opcode: u8, register: Reg, value: i32, to: To) {
        if to == To::End {
            self.ends.push(self.instructions.len());
        }
        let over = if let To::Over(count) = to { count } else { 0 };
        self.push(opcode, register, Reg::R0, over, value);
    }

    /// The end: what the program answers, and its octets.
    pub(super) fn finish(&mut self, answer: i32) -> Vec<u8> {
        let end = self.instructions.len();
        for at in std::mem::take(&mut self.ends) {
            let distance = i16::try_from(end - at - 1).unwrap_or(i16::MAX).to_ne_bytes();
            if let Some([_, _, low, high, ..]) = self.instructions.get_mut(at) {
                [*low, *high] = distance;
            }
        }
        self.set(Reg::R0, answer);
        self.push(EXIT, Reg::R0, Reg::R0, 0, 0);
        self.instructions.concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn instructions_are_those_of_rfc_9669() {
        let mut code = Code::default();
        code.jump_unless(Reg::R1, 3, To::End);
        code.load32(Reg::R1, Reg::R6, 24);
        code.store32(-8, Reg::R1);
        code.map(Reg::R1, Map::Events);
        code.call(Helper::SocketCookie);
        let octets = code.finish(1);
        assert_eq!(
            octets.chunks_exact(8).collect::<Vec<_>>(),
            [
                [0x55, 0x01, 5, 0, 3, 0, 0, 0],       // if r1 != 3 goto +5
                [0x61, 0x61, 24, 0, 0, 0, 0, 0],      // r1 = *(u32 *)(r6 + 24)
                [0x63, 0x1a, 0xf8, 0xff, 0, 0, 0, 0], // *(u32 *)(r10 - 8) = r1
                [0x18, 0x01, 0, 0, 0, 0, 0, 0],       // r1 = 0 ll
                [0, 0, 0, 0, 0, 0, 0, 0],
                [0x85, 0, 0, 0, 46, 0, 0, 0], // call 46
                [0xb7, 0, 0, 0, 1, 0, 0, 0],  // r0 = 1
                [0x95, 0, 0, 0, 0, 0, 0, 0],  // exit
            ]
        );
        assert_eq!(code.maps, [(3, Map::Events)]);
    }
}
