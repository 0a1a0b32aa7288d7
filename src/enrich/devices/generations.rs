//! A bounded table that forgets what was not touched for longest, in two generations: no clock, no list to keep.

use std::collections::HashMap;
use std::hash::Hash;

/// At most `limit` entries; looking one up keeps it.
#[derive(Debug)]
pub(super) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
    forgotten: u64,
}

impl<K: Hash + Eq + Clone, V> Generations<K, V> {
    pub(super) fn new(limit: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: (limit / 2).max(1), forgotten: 0 }
    }

    /// The entry, without keeping it.
    pub(super) fn peek(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// The entry, kept.
    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        if let Some(value) = self.old.remove(key) {
            self.put(key.clone(), value);
        }
        self.young.get(key)
    }

    /// Puts an entry in place of what was there.
    pub(super) fn put(&mut self, key: K, value: V) {
        self.old.remove(&key);
        self.make_room(&key);
        self.young.insert(key, value);
    }

    /// The entry, made if it is not there, kept.
    pub(super) fn entry(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let before = self.old.remove(&key);
        self.make_room(&key);
        self.young.entry(key).or_insert_with(|| before.unwrap_or_else(make))
    }

    fn make_room(&mut self, key: &K) {
        if self.young.len() >= self.half && !self.young.contains_key(key) {
            self.forgotten += self.old.len() as u64;
            self.old = std::mem::take(&mut self.young);
        }
    }

    /// How many were forgotten.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_touched_stays_and_the_rest_is_forgotten_and_counted() {
        let mut table = Generations::new(8);
        for i in 0..200 {
            table.put(i, i);
            assert_eq!(table.get(&0), Some(&0), "touched after each of {i}");
            *table.entry(0, || 7) += 0;
            assert!(table.young.len() + table.old.len() <= 8);
        }
        assert_eq!(table.peek(&100), None);
        assert!(table.forgotten() > 180);
    }
}
