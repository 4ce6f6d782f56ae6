//! Several roots in order: the first wraps, all unwrap.

use std::fmt;

use strongroom_crypto::{Context, Random, RootError, RootOfTrust, Sealed, aead};
use strongroom_types::SecretBytes;

/// The configured roots. To change the root, put the new one first and keep the old one until all keys are wrapped
/// anew.
pub struct Roots {
    first: Box<dyn RootOfTrust>,
    others: Vec<Box<dyn RootOfTrust>>,
}

impl Roots {
    /// `first` wraps; `first` and `others` unwrap.
    #[must_use]
    pub fn new(first: Box<dyn RootOfTrust>, others: Vec<Box<dyn RootOfTrust>>) -> Self {
        Self { first, others }
    }

    /// The root that wraps.
    #[must_use]
    pub fn first(&self) -> &dyn RootOfTrust {
        self.first.as_ref()
    }

    /// Has the first root wrap and unwrap something that nothing hangs on, before anything does.
    ///
    /// # Errors
    /// When it cannot be asked, or does not open what it has wrapped.
    pub fn check(&self, random: &dyn Random) -> Result<(), RootError> {
        let refused = |reason: String| RootError::Unavailable { name: self.first.describe(), reason };
        let key = aead::generate_key(random).map_err(|error| refused(error.to_string()))?;
        let context = Context::new("check of the root of trust");
        let wrapped = self.first.wrap(random, &context, &key)?;
        let same = self.first.unwrap(&context, &wrapped)? == key;
        if same { Ok(()) } else { Err(refused("it does not open what it has wrapped".to_owned())) }
    }

    /// All roots, in order.
    pub fn all(&self) -> impl Iterator<Item = &dyn RootOfTrust> {
        std::iter::once(&self.first).chain(&self.others).map(Box::as_ref)
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roots({})", self.describe())
    }
}

impl RootOfTrust for Roots {
    fn describe(&self) -> String {
        let mut text = self.first.describe();
        for other in &self.others {
            text.push_str(", then ");
            text.push_str(&other.describe());
        }
        text
    }

    fn wrap(&self, random: &dyn Random, context: &Context, key: &SecretBytes) -> Result<Sealed, RootError> {
        self.first.wrap(random, context, key)
    }

    fn is_current(&self, context: &Context, wrapped: &Sealed) -> Result<bool, RootError> {
        self.first.is_current(context, wrapped)
    }

    /// Asks each root in turn. Roots of one kind share a name, so one that refuses does not end the search. When none
    /// unwraps, the most telling reason is given: one that could not be asked, then one that refused.
    fn unwrap(&self, context: &Context, wrapped: &Sealed) -> Result<SecretBytes, RootError> {
        let rank = |error: &RootError| match error {
            RootError::OtherRoot(_) => 0,
            RootError::Refused { .. } => 1,
            RootError::Unavailable { .. } => 2,
        };
        let mut outcome = self.first.unwrap(context, wrapped);
        for root in self.all().skip(1) {
            let Err(before) = outcome else { break };
            outcome =
                root.unwrap(context, wrapped).map_err(|now| if rank(&now) > rank(&before) { now } else { before });
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_crypto::aead::generate_key;
    use strongroom_crypto::random::SeededRandom;
    use strongroom_crypto::root::KeyRoot;

    struct Absent;

    impl Absent {
        fn error() -> RootError {
            RootError::Unavailable { name: "absent".to_owned(), reason: "unplugged".to_owned() }
        }
    }

    impl RootOfTrust for Absent {
        fn describe(&self) -> String {
            "an unplugged device".to_owned()
        }

        fn wrap(&self, _: &dyn Random, _: &Context, _: &SecretBytes) -> Result<Sealed, RootError> {
            Err(Self::error())
        }

        fn unwrap(&self, _: &Context, _: &Sealed) -> Result<SecretBytes, RootError> {
            Err(Self::error())
        }
    }

    fn root(name: &str, seed: u64) -> Box<dyn RootOfTrust> {
        let key = generate_key(&SeededRandom::new(seed)).expect("key");
        Box::new(KeyRoot::new(name, &format!("{name} {seed}"), &key).expect("root"))
    }

    fn wrapped_by(roots: &dyn RootOfTrust) -> (Context, SecretBytes, Sealed) {
        let random = SeededRandom::new(99);
        let (context, key) = (Context::new("test"), generate_key(&random).expect("key"));
        let wrapped = roots.wrap(&random, &context, &key).expect("wrap");
        (context, key, wrapped)
    }

    #[test]
    fn the_first_wraps_and_all_unwrap() {
        let roots = Roots::new(root("file", 1), vec![root("file", 2), root("environment", 3)]);
        let (context, key, wrapped) = wrapped_by(&roots);
        assert_eq!(root("file", 1).unwrap(&context, &wrapped).expect("first"), key);
        for old in [root("file", 1), root("file", 2), root("environment", 3)] {
            let (context, key, wrapped) = wrapped_by(old.as_ref());
            assert_eq!(roots.unwrap(&context, &wrapped).expect("unwrap"), key, "{}", old.describe());
            let current = roots.is_current(&context, &wrapped).expect("current");
            assert_eq!(current, old.describe() == roots.first().describe(), "{}", old.describe());
        }
    }

    #[test]
    fn a_root_that_is_not_configured_is_named() {
        let roots = Roots::new(root("file", 1), vec![root("environment", 2)]);
        let (context, _, wrapped) = wrapped_by(root("pkcs11", 3).as_ref());
        assert!(matches!(roots.unwrap(&context, &wrapped), Err(RootError::OtherRoot(name)) if name == "pkcs11"));
    }

    #[test]
    fn a_refusal_tells_more_than_another_name_wherever_it_stands() {
        let (context, _, wrapped) = wrapped_by(root("file", 4).as_ref());
        for roots in [
            Roots::new(root("file", 1), vec![root("environment", 2)]),
            Roots::new(root("environment", 2), vec![root("file", 1)]),
        ] {
            assert!(matches!(roots.unwrap(&context, &wrapped), Err(RootError::Refused { name }) if name == "file"));
        }
    }

    #[test]
    fn a_root_that_cannot_be_asked_hinders_only_what_it_alone_could_open() {
        let roots = Roots::new(root("file", 1), vec![Box::new(Absent), root("file", 2)]);
        let (context, key, wrapped) = wrapped_by(root("file", 2).as_ref());
        assert_eq!(roots.unwrap(&context, &wrapped).expect("unwrap"), key);
        let (context, _, wrapped) = wrapped_by(root("file", 3).as_ref());
        assert!(
            matches!(roots.unwrap(&context, &wrapped), Err(RootError::Unavailable { name, .. }) if name == "absent")
        );
    }

    #[test]
    fn the_description_tells_the_order() {
        let roots = Roots::new(root("file", 1), vec![Box::new(Absent)]);
        assert_eq!(roots.describe(), "file 1, then an unplugged device");
        assert_eq!(format!("{roots:?}"), "Roots(file 1, then an unplugged device)");
    }
}
