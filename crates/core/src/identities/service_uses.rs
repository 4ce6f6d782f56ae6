//! When and where each service was last used by one credential or principal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The last uses of services, by signing name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceUses(BTreeMap<String, ServiceUse>);

/// The last use of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceUse {
    /// When.
    pub used_ms: i64,
    /// The region that was asked.
    pub region: String,
}

impl ServiceUses {
    /// The use of one service.
    #[must_use]
    pub fn of(service: &str, used_ms: i64, region: &str) -> Self {
        Self(BTreeMap::from([(service.to_owned(), ServiceUse { used_ms, region: region.to_owned() })]))
    }

    /// The last use of a service.
    #[must_use]
    pub fn get(&self, service: &str) -> Option<&ServiceUse> {
        self.0.get(service)
    }

    /// Whether no use is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes over what `other` knows of later uses.
    pub fn merge(&mut self, other: &Self) {
        for (service, used) in &other.0 {
            if self.get(service).is_none_or(|known| known.used_ms < used.used_ms) {
                self.0.insert(service.clone(), used.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_uses_the_later_one_stays() {
        let mut uses = ServiceUses::of("iam", 5, "us-east-1");
        uses.merge(&ServiceUses::of("iam", 4, "eu-west-1"));
        uses.merge(&ServiceUses::of("sts", 1, "eu-west-1"));
        uses.merge(&ServiceUses::of("sts", 2, "eu-west-2"));
        let shown = |service| uses.get(service).map(|used| (used.used_ms, used.region.as_str()));
        assert_eq!((shown("iam"), shown("sts")), (Some((5, "us-east-1")), Some((2, "eu-west-2"))));
        assert!(uses.get("kms").is_none() && !uses.is_empty());
    }
}
