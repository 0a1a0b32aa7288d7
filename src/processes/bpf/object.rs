//! The programs and their maps as an object file (ELF), the form in which the loader takes them.
//!
//! A compiler for BPF would write the same; without one nothing but this crate is needed to build the program.

use object::write::{Object, Relocation, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationFlags, SectionKind, SymbolFlags, SymbolKind,
    SymbolScope, elf,
};

use super::code::Map;
use super::programs::{self, Program};

/// The licence that the kernel is told. No helper used is kept for GPL programs.
const LICENCE: &[u8] = b"MIT\0";
/// Octets of the ring of events: some 8,000 of them, for between two looks.
const RING: u32 = 1 << 20;
/// Senders remembered as told.
const SENDERS: u32 = 8192;

impl Map {
    pub(super) const ALL: [Self; 3] = [Self::Events, Self::Told, Self::Lost];

    /// Its name, up to 15 octets.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Events => "whither_events",
            Self::Told => "whither_told",
            Self::Lost => "whither_lost",
        }
    }

    /// Type (`enum bpf_map_type`), octets of key and value, entries.
    const fn shape(self) -> [u32; 4] {
        match self {
            Self::Events => [27, 0, 0, RING],
            Self::Told => [9, programs::KEY_SIZE, 8, SENDERS],
            Self::Lost => [2, 4, 8, 1],
        }
    }
}

/// The object file's octets.
pub(super) fn build() -> Result<Vec<u8>, object::write::Error> {
    let endian = if cfg!(target_endian = "little") { Endianness::Little } else { Endianness::Big };
    let mut object = Object::new(BinaryFormat::Elf, Architecture::Bpf, endian);
    let licence = object.add_section(Vec::new(), b"license".to_vec(), SectionKind::Data);
    object.set_section_data(licence, LICENCE, 1);

    let maps = object.add_section(Vec::new(), b"maps".to_vec(), SectionKind::Data);
    let symbols = Map::ALL.map(|map| {
        // Flags, id and pinning follow the shape: none.
        let definition: Vec<u8> = map.shape().into_iter().chain([0; 3]).flat_map(u32::to_ne_bytes).collect();
        let symbol = object.add_symbol(symbol(map.name(), SymbolKind::Data, SymbolSection::Section(maps)));
        object.add_symbol_data(symbol, maps, &definition, 4);
        (map, symbol)
    });

    for Program { name, section, octets, maps: uses } in programs::all() {
        let section = object.add_section(Vec::new(), section.as_bytes().to_vec(), SectionKind::Text);
        let program = object.add_symbol(symbol(name, SymbolKind::Text, SymbolSection::Section(section)));
        let start = object.add_symbol_data(program, section, &octets, 8);
        for (at, map) in uses {
            let Some((_, symbol)) = symbols.iter().find(|(named, _)| *named == map) else { continue };
            object.add_relocation(
                section,
                Relocation {
                    offset: start + 8 * at as u64,
                    symbol: *symbol,
                    addend: 0,
                    flags: RelocationFlags::Elf { r_type: elf::R_BPF_64_64 },
                },
            )?;
        }
    }
    object.write()
}

fn symbol(name: &str, kind: SymbolKind, section: SymbolSection) -> Symbol {
    Symbol {
        name: name.as_bytes().to_vec(),
        value: 0,
        size: 0,
        kind,
        scope: SymbolScope::Dynamic,
        weak: false,
        section,
        flags: SymbolFlags::None,
    }
}
