//! A map of few pairs in one piece of memory, sorted by their keys.
//!
//! Nearly every secret has one or two versions and labels. A tree would take a node of eleven places for each map, of
//! which a cache of many secrets is mostly made up then.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A map from text to `V`. Keys are unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairs<V>(Vec<(String, V)>);

impl<V> Default for Pairs<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> Pairs<V> {
    /// A map without a pair.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// How many pairs there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no pair.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn place(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(present, _)| present.as_str().cmp(key))
    }

    /// The value at `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&V> {
        self.place(key).ok().and_then(|at| self.0.get(at)).map(|(_, value)| value)
    }

    /// The value at `key`, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        let at = self.place(key).ok()?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    /// Whether there is a value at `key`.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.place(key).is_ok()
    }

    /// Puts `value` at `key`, and gives back what was there.
    pub fn insert(&mut self, key: String, value: V) -> Option<V> {
        // Few are ever added, and what is kept should not have room for more.
        self.0.reserve_exact(1);
        self.put(key, value)
    }

    fn put(&mut self, key: String, value: V) -> Option<V> {
        match self.place(&key) {
            Ok(at) => self.0.get_mut(at).map(|(_, present)| std::mem::replace(present, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// Takes the value at `key` away.
    pub fn remove(&mut self, key: &str) -> Option<V> {
        self.place(key).ok().map(|at| self.0.remove(at).1)
    }

    /// The pairs in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }
}

impl<V> FromIterator<(String, V)> for Pairs<V> {
    fn from_iter<I: IntoIterator<Item = (String, V)>>(pairs: I) -> Self {
        let mut made = Self::new();
        for (key, value) in pairs {
            made.put(key, value);
        }
        made.0.shrink_to_fit();
        made
    }
}

impl<V: Serialize> Serialize for Pairs<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Pairs<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reading(PhantomData))
    }
}

struct Reading<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for Reading<V> {
    type Value = Pairs<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Pairs::new();
        while let Some((key, value)) = map.next_entry()? {
            pairs.put(key, value);
        }
        pairs.0.shrink_to_fit();
        Ok(pairs)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn it_does_what_a_tree_does() {
        let (mut pairs, mut tree) = (Pairs::new(), BTreeMap::new());
        for n in 0..1000_u32 {
            let key = (n * 7919 % 23).to_string();
            match n % 3 {
                0 => assert_eq!(pairs.remove(&key), tree.remove(&key)),
                _ => assert_eq!(pairs.insert(key.clone(), n), tree.insert(key.clone(), n)),
            }
            assert_eq!(pairs.get(&key), tree.get(&key));
            assert_eq!(pairs.get_mut(&key), tree.get_mut(&key));
            assert_eq!(pairs.contains_key(&key), tree.contains_key(&key));
            assert_eq!((pairs.len(), pairs.is_empty()), (tree.len(), tree.is_empty()));
            assert!(pairs.iter().eq(tree.iter()) && pairs.values().eq(tree.values()));
        }
    }

    #[test]
    fn it_is_written_and_read_as_a_map_is() {
        let tree: BTreeMap<String, u32> = (0..30).map(|n| (format!("k{n}"), n)).collect();
        let text = serde_json::to_string(&tree).expect("text");
        let pairs: Pairs<u32> = serde_json::from_str(&text).expect("a map");
        assert_eq!(serde_json::to_string(&pairs).expect("text"), text);
        let unsorted: Pairs<u32> = serde_json::from_str(r#"{"b":1,"a":2,"b":3}"#).expect("a map");
        assert_eq!(serde_json::to_string(&unsorted).expect("text"), r#"{"a":2,"b":3}"#);
    }
}
