//! What a secret may hold: AWS's numbers unless the operator asks for others.

/// Numbers of secrets, versions and staging labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Secrets of an account in a region; 0 for any number.
    pub secrets_max: u64,
    /// Versions of a secret, deprecated ones included.
    pub versions_max: u32,
    /// Staging labels of a secret, over all its versions.
    pub stages_max: u32,
}

impl Default for Quotas {
    /// Those of AWS (User Guide, "Quotas").
    fn default() -> Self {
        Self { secrets_max: 500_000, versions_max: 100, stages_max: 20 }
    }
}

impl Quotas {
    /// How many of `versions` are too many.
    #[must_use]
    pub fn excess_versions(self, versions: usize) -> usize {
        versions.saturating_sub(usize::try_from(self.versions_max).unwrap_or(usize::MAX))
    }

    /// Whether `stages` labels are too many.
    #[must_use]
    pub fn has_too_many_stages(self, stages: usize) -> bool {
        usize::try_from(self.stages_max).is_ok_and(|most| stages > most)
    }
}
