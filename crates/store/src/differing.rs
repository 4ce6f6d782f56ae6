//! What a store holds beside what was written last, in words: the same for all engines, which hand in rows and names.

use std::collections::{HashMap, HashSet};

use strongroom_crypto::ledger::{Difference, Mark, Place, Witness};

/// What the tables are called in places.
pub const DOCUMENT: &str = "document";
/// As above.
pub const TOPIC: &str = "topic";
/// As above.
pub const ENTRY: &str = "entry";

/// A difference of two ledgers that is being put into words.
pub struct Differing {
    missing: Vec<Mark>,
    extra: Vec<Mark>,
    more: bool,
    faults: Vec<String>,
}

impl Differing {
    /// Nothing yet of `found`.
    pub fn new(found: Difference) -> Self {
        Self { missing: found.missing, extra: found.extra, more: found.more, faults: Vec::new() }
    }

    /// Looks at a row that is stored.
    pub fn look_at(&mut self, mark: Mark, name: &dyn Fn() -> String) {
        let Some(at) = self.extra.iter().position(|extra| *extra == mark) else { return };
        self.extra.swap_remove(at);
        // A feed's entries share their place; their sequence is the version.
        let written = self.missing.iter().position(|written| written.place == mark.place);
        let fault = match written.map(|at| self.missing.swap_remove(at)) {
            Some(written) if written.version == mark.version => "is another than the one that was written".to_owned(),
            Some(written) => {
                format!("is of version {}, and version {} was written last", mark.version, written.version)
            }
            None => "was not written, or was deleted".to_owned(),
        };
        self.faults.push(format!("{}: what is stored {fault}", name()));
    }

    /// What is to be named once all rows were looked at.
    pub fn unnamed(&self) -> Names {
        let places = self.missing.iter().chain(&self.extra).map(|mark| mark.place).collect();
        Names { places, found: HashMap::new() }
    }

    /// All of it in words.
    pub fn told(mut self, names: &Names) -> Vec<String> {
        for mark in &self.missing {
            self.faults.push(format!("{}: its row, of version {}, is gone", names.of(mark), mark.version));
        }
        for mark in &self.extra {
            let what = format!("version {} was put in its place, and changed or taken out since", mark.version);
            self.faults.push(format!("{}: what was written last is not what stood there: {what}", names.of(mark)));
        }
        if self.more || self.faults.is_empty() {
            self.faults.push("more rows than can be named are not those that were written last".to_owned());
        }
        self.faults
    }
}

/// Names of rows that are not there, as far as indexes, topics and other rows still tell of them.
pub struct Names {
    places: HashSet<u64>,
    found: HashMap<u64, String>,
}

impl Names {
    /// Whether nothing is to be named.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Looks at the places of a feed.
    pub fn look_at_topic(&mut self, witness: &Witness, topic: &str) {
        self.look(witness, &witness.place(ENTRY, topic, ""), || format!("an entry of the feed {topic}"));
        self.look(witness, &witness.place(TOPIC, topic, ""), || format!("what is remembered of the feed {topic}"));
    }

    /// Looks at the place that a document of a kind and key would have.
    pub fn look_at_document(&mut self, witness: &Witness, kind: &str, key: &str) {
        self.look(witness, &witness.place(DOCUMENT, kind, key), || format!("{kind} {key}"));
    }

    fn look(&mut self, witness: &Witness, place: &Place, name: impl FnOnce() -> String) {
        let number = witness.number(place);
        if self.places.contains(&number) {
            self.found.insert(number, name());
        }
    }

    fn of(&self, mark: &Mark) -> String {
        self.found.get(&mark.place).cloned().unwrap_or_else(|| "a row that nothing names".to_owned())
    }
}
