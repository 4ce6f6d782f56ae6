//! Who asks too much: accounts above their rates, sources that fail to sign, refusals that would fill the trail.

use crate::config::Config;
use crate::quotas::Throttle;
use crate::refused::Refused;
use crate::sign_in::SignIn;

/// The bounds on callers.
#[derive(Debug)]
pub(crate) struct Admission {
    /// How often accounts may call, where that is bounded.
    pub(crate) throttle: Option<Throttle>,
    /// How often sources fail to say who they are.
    pub(crate) sign_in: SignIn,
    /// Refused requests that have no records of their own.
    pub(crate) refused: Refused,
}

impl Admission {
    /// The bounds that `config` asks for.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            throttle: Throttle::new(&config.quotas),
            sign_in: SignIn::new(config.limits.sign_in_failures_per_minute_max),
            refused: Refused::new(config.audit.refusals_per_minute_max),
        }
    }
}
