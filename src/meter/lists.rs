//! A set of doubly linked lists over slot numbers: each slot is in at most one list of a set, first in first out.
//!
//! Links live beside the flows, so that moving a slot touches no flow. All operations take constant time. A slot or
//! list number out of range does nothing.

/// No slot.
const NONE: u32 = u32::MAX;
/// In no list.
const NOWHERE: u16 = u16::MAX;

#[derive(Debug, Clone, Copy)]
struct Link {
    prev: u32,
    next: u32,
    list: u16,
}

#[derive(Debug, Clone, Copy)]
struct Ends {
    first: u32,
    last: u32,
}

/// The lists.
#[derive(Debug)]
pub(crate) struct Lists {
    links: Vec<Link>,
    ends: Vec<Ends>,
}

impl Lists {
    /// `lists` empty lists (fewer than 65535) for slots below `slots`; memory is touched only as slots are used.
    pub(crate) fn new(lists: u16, slots: usize) -> Self {
        Self {
            links: Vec::with_capacity(slots),
            ends: vec![Ends { first: NONE, last: NONE }; usize::from(lists)],
        }
    }

    /// The first slot of a list.
    pub(crate) fn first(&self, list: u16) -> Option<u32> {
        self.ends.get(usize::from(list)).map(|e| e.first).filter(|&s| s != NONE)
    }

    /// Puts a slot at the end of a list, out of the one where it was.
    pub(crate) fn put(&mut self, slot: u32, list: u16) {
        self.take(slot);
        let Some(ends) = self.ends.get_mut(usize::from(list)) else { return };
        let prev = std::mem::replace(&mut ends.last, slot);
        if prev == NONE {
            ends.first = slot;
        }
        let link = Link { prev, next: NONE, list };
        let at = slot as usize;
        if at >= self.links.len() {
            self.links.resize(at + 1, Link { prev: NONE, next: NONE, list: NOWHERE });
        }
        if let Some(own) = self.links.get_mut(at) {
            *own = link;
        }
        if let Some(before) = self.links.get_mut(prev as usize) {
            before.next = slot;
        }
    }

    /// Takes a slot out of its list, if it is in one.
    pub(crate) fn take(&mut self, slot: u32) {
        let Some(own) = self.links.get_mut(slot as usize) else { return };
        let Link { prev, next, list } = *own;
        if list == NOWHERE {
            return;
        }
        own.list = NOWHERE;
        if let Some(before) = self.links.get_mut(prev as usize) {
            before.next = next;
        }
        if let Some(after) = self.links.get_mut(next as usize) {
            after.prev = prev;
        }
        if let Some(ends) = self.ends.get_mut(usize::from(list)) {
            if prev == NONE {
                ends.first = next;
            }
            if next == NONE {
                ends.last = prev;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(lists: &mut Lists, list: u16) -> Vec<u32> {
        let mut seen = Vec::new();
        while let Some(slot) = lists.first(list) {
            seen.push(slot);
            lists.take(slot);
        }
        seen
    }

    #[test]
    fn slots_come_out_in_the_order_in_which_they_went_in() {
        let mut lists = Lists::new(2, 8);
        for slot in [3, 1, 4, 0, 5] {
            lists.put(slot, 0);
        }
        lists.take(4);
        lists.take(4);
        lists.put(3, 0);
        lists.put(1, 1);
        lists.put(9, 7);
        assert_eq!(drain(&mut lists, 0), [0, 5, 3]);
        assert_eq!(drain(&mut lists, 1), [1]);
        assert_eq!(drain(&mut lists, 7), [0_u32; 0]);
    }
}
