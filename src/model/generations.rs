//! A map with a firm bound that forgets the oldest half: the shape of every table that the wire can fill.

use std::collections::HashMap;
use std::hash::Hash;

/// Entries in two generations. When the younger one is full it becomes the older one, and what was in that and not
/// touched again is forgotten and counted. Holds at most twice its half.
#[derive(Debug)]
pub struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
    forgotten: u64,
}

impl<K: Eq + Hash, V: Default> Generations<K, V> {
    /// An empty one of at most `2 * half` entries.
    pub fn new(half: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: half.max(1), forgotten: 0 }
    }

    /// The entry of `key`.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Changes the entry of `key`, made where there is none; it becomes a young one.
    pub fn touch(&mut self, key: K, change: impl FnOnce(&mut V)) {
        let mut entry = self.young.remove(&key).or_else(|| self.old.remove(&key)).unwrap_or_default();
        change(&mut entry);
        if self.young.len() >= self.half {
            let aged = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            self.forgotten += u64::try_from(aged.len()).unwrap_or(u64::MAX);
        }
        self.young.insert(key, entry);
    }

    /// Entries held.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries given up so far.
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_kept_or_counted_and_what_is_touched_stays() {
        let mut map: Generations<u32, u32> = Generations::new(4);
        for i in 0..100 {
            map.touch(i, |v| *v += 1);
            map.touch(7, |v| *v += 1);
            assert!(map.len() <= 8);
        }
        assert_eq!(map.get(&7), Some(&101), "touched each time");
        assert_eq!(map.get(&1), None);
        assert_eq!(map.forgotten() + u64::try_from(map.len()).unwrap(), 100);
    }
}
