//! The flow table: a fixed number of slots for flows, and an index from keys to slots.
//!
//! The index is open addressing with linear probing over words of 32 bits of hash and 32 bits of slot, at most half
//! full, so a look-up touches one line of the index and one flow. Both are asked for whole at the start and never
//! grow: the system gives the memory as it is first touched, and no packet waits for a table to be copied.
//! The hash is keyed (keys come from the wire); nothing that is put out may depend on it, so there is no iteration
//! in index order.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use super::entry::Entry;
use super::key::FlowKey;

/// An index word without a slot; slot numbers are stored plus one.
const EMPTY: u64 = 0;

/// The table.
#[derive(Debug)]
pub(crate) struct Table {
    slots: Vec<Option<Entry>>,
    free: Vec<u32>,
    index: Vec<u64>,
    /// By how much the 32 hash bits are shifted to give a position.
    shift: u32,
    capacity: usize,
    seed: RandomState,
}

impl Table {
    /// An empty table for at most `capacity` flows.
    pub(crate) fn new(capacity: u32) -> Self {
        let words = (u64::from(capacity) * 2).next_power_of_two().max(2);
        let capacity = capacity as usize;
        Self {
            slots: Vec::with_capacity(capacity),
            free: Vec::new(),
            index: vec![EMPTY; usize::try_from(words).unwrap_or(2)],
            shift: 32 - words.trailing_zeros(),
            capacity,
            seed: RandomState::default(),
        }
    }

    /// Flows in the table.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there is no room for another.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.capacity
    }

    /// One past the highest slot ever used.
    pub(crate) fn slots_used(&self) -> u32 {
        u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
    }

    /// The 32 bits that the index keeps of a key's hash.
    pub(crate) fn hash(&self, key: &FlowKey) -> u32 {
        u32::try_from(self.seed.hash_one(key) >> 32).unwrap_or_default()
    }

    /// The flow in a slot.
    pub(crate) fn get(&self, slot: u32) -> Option<&Entry> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// The flow in a slot, to change it.
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Entry> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// Loads the index word of a hash, so that it is near when `find` needs it; gives the slot it likely leads to.
    pub(crate) fn touch_index(&self, hash: u32) -> Option<u32> {
        let word = self.word(self.home(hash));
        (tag(word) == hash).then(|| slot(word))
    }

    /// Loads what every packet needs of a flow.
    pub(crate) fn touch_flow(&self, slot: u32) {
        if let Some(entry) = self.get(slot) {
            std::hint::black_box((entry.seen_at, &entry.key, entry.tcp.phase()));
        }
    }

    /// The slot of a key.
    pub(crate) fn find(&self, hash: u32, key: &FlowKey) -> Option<u32> {
        let mut at = self.home(hash);
        loop {
            let word = self.word(at);
            if word == EMPTY {
                return None;
            }
            if tag(word) == hash {
                let slot = slot(word);
                if self.get(slot).is_some_and(|entry| entry.key == *key) {
                    return Some(slot);
                }
            }
            at = self.after(at);
        }
    }

    /// Adds a flow whose key is not there; gives back the slot, or nothing when the table is full.
    pub(crate) fn insert(&mut self, hash: u32, entry: Entry) -> Option<u32> {
        if self.is_full() {
            return None;
        }
        let slot = if let Some(slot) = self.free.pop() {
            *self.slots.get_mut(slot as usize)? = Some(entry);
            slot
        } else {
            self.slots.push(Some(entry));
            self.slots_used() - 1
        };
        let mut at = self.home(hash);
        while self.word(at) != EMPTY {
            at = self.after(at);
        }
        self.set_word(at, u64::from(hash) << 32 | (u64::from(slot) + 1));
        Some(slot)
    }

    /// Takes a flow out.
    pub(crate) fn remove(&mut self, slot_out: u32) -> Option<Entry> {
        let entry = self.slots.get_mut(slot_out as usize)?.take()?;
        self.free.push(slot_out);
        let mut hole = self.home(self.hash(&entry.key));
        while slot(self.word(hole)) != slot_out {
            if self.word(hole) == EMPTY {
                return Some(entry);
            }
            hole = self.after(hole);
        }
        // Close the gap: move back every later word of the run that may stand at the hole.
        let mut at = self.after(hole);
        loop {
            let word = self.word(at);
            if word == EMPTY {
                break;
            }
            let mask = self.index.len() - 1;
            let from_home = at.wrapping_sub(self.home(tag(word))) & mask;
            if from_home >= at.wrapping_sub(hole) & mask {
                self.set_word(hole, word);
                hole = at;
            }
            at = self.after(at);
        }
        self.set_word(hole, EMPTY);
        Some(entry)
    }

    fn home(&self, hash: u32) -> usize {
        (hash >> self.shift) as usize
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.index.len() - 1)
    }

    fn word(&self, at: usize) -> u64 {
        self.index.get(at).copied().unwrap_or(EMPTY)
    }

    fn set_word(&mut self, at: usize, word: u64) {
        if let Some(place) = self.index.get_mut(at) {
            *place = word;
        }
    }
}

fn tag(word: u64) -> u32 {
    u32::try_from(word >> 32).unwrap_or_default()
}

/// The slot in an index word; no slot (never a valid one) for an empty word.
fn slot(word: u64) -> u32 {
    u32::try_from(word & 0xffff_ffff).unwrap_or_default().wrapping_sub(1)
}
