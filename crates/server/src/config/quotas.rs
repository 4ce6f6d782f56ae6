//! How often an account may call, and how much a secret may hold: AWS's quotas unless others are asked for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strongroom_core::secrets::Quotas;

use super::Problems;
use crate::quotas::Rates;

/// The longest time whose requests may come at once, in ms.
const BURST_MS_MAX: u64 = 60_000;
/// Versions that a secret may be allowed at most: all of them are read with the secret.
const VERSIONS_MAX: u64 = 10_000;
/// Labels that a secret may be allowed at most.
const LABELS_MAX: u64 = 1000;

/// Quotas, each for one account in one region.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuotasConfig {
    /// Whether requests above the rates are refused.
    pub throttle: bool,
    /// A caller that was quiet may send at once what its rate allows in this time, in ms.
    pub burst_ms: u32,
    /// Requests a second, by a name of the table of rates, `service:Operation`, or `service:*`; 0 for any number. What
    /// is not named has AWS's rate, if there is one.
    pub rates: BTreeMap<String, u32>,
    /// Secrets of an account; 0 for any number.
    pub secrets_max: u64,
    /// Versions of a secret.
    pub versions_max: u32,
    /// Staging labels of a secret, over all its versions.
    pub labels_max: u32,
}

impl Default for QuotasConfig {
    fn default() -> Self {
        let Quotas { secrets_max, versions_max, stages_max } = Quotas::default();
        Self {
            throttle: true,
            burst_ms: 1000,
            rates: BTreeMap::new(),
            secrets_max,
            versions_max,
            labels_max: stages_max,
        }
    }
}

impl QuotasConfig {
    /// What a secret may hold.
    #[must_use]
    pub fn of_secrets(&self) -> Quotas {
        Quotas { secrets_max: self.secrets_max, versions_max: self.versions_max, stages_max: self.labels_max }
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        let mut within = |key, value: u32, least, most| problems.range("quotas", key, value.into(), least, most);
        within("burst_ms", self.burst_ms, 1, BURST_MS_MAX);
        // A rotation needs a label and a version beside the current and the previous ones.
        within("versions_max", self.versions_max, 3, VERSIONS_MAX);
        within("labels_max", self.labels_max, 3, LABELS_MAX);
        for unknown in Rates::unknown_names(&self.rates) {
            problems.add(
                "quotas.rates",
                format!(
                    "{unknown:?} is no rate of the table in docs/quotas.md, no `service:Operation` and no `service:*`"
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    #[test]
    fn rates_have_names_that_are_known() {
        let good =
            "[quotas]\nthrottle = false\n[quotas.rates]\nChanges = 500\n\"kms:*\" = 1000\n\"sts:AssumeRole\" = 0\n";
        let config = Config::load(good).unwrap().quotas;
        assert_eq!((config.throttle, config.rates.len()), (false, 3));
        for wrong in ["Change", "kms:", "kms:Dance", "s3:*", "*", "GetUser", "PutSecretValue"] {
            let problems = Config::load(&format!("[quotas.rates]\n\"{wrong}\" = 5\n")).unwrap_err();
            assert!(problems.iter().all(|problem| problem.key == "quotas.rates"), "{wrong}: {problems}");
        }
        for wrong in ["burst_ms = 0", "versions_max = 2", "labels_max = 1001"] {
            assert!(Config::load(&format!("[quotas]\n{wrong}\n")).is_err(), "{wrong}");
        }
    }
}
