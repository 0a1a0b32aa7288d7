//! A bounded memory of answers by question, in two generations: cheap, without a clock, and forgetting the least used.

use std::collections::HashMap;
use std::hash::Hash;

/// What was answered lately. It never changes an answer, only how fast it comes.
#[derive(Debug)]
pub(super) struct Cache<K, T> {
    young: HashMap<K, T>,
    old: HashMap<K, T>,
    half: usize,
}

impl<K: Hash + Eq + Copy, T: Clone> Cache<K, T> {
    /// A memory of at most `entries` answers.
    pub(super) fn new(entries: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: (entries / 2).max(1) }
    }

    /// The answer to `key`, if remembered.
    pub(super) fn get(&mut self, key: K) -> Option<T> {
        if let Some(found) = self.young.get(&key) {
            return Some(found.clone());
        }
        let found = self.old.remove(&key)?;
        self.put(key, found.clone());
        Some(found)
    }

    /// Remembers an answer.
    pub(super) fn put(&mut self, key: K, answer: T) {
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            // Its room is kept: a table that grows anew in each generation costs more than the answers.
            std::mem::swap(&mut self.old, &mut self.young);
            self.young.clear();
        }
        self.young.insert(key, answer);
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn it_keeps_what_is_used_and_never_more_than_its_limit() {
        let mut cache = Cache::new(8);
        let addr = |i: u8| IpAddr::from([1, 1, 1, i]);
        for i in 0..200 {
            cache.put(addr(i), i);
            assert_eq!(cache.get(addr(0)), Some(0), "used after each of {i}");
            assert!(cache.young.len() + cache.old.len() <= 8);
        }
        assert_eq!(cache.get(addr(100)), None);
        cache.clear();
        assert_eq!(cache.get(addr(0)), None);
    }
}
