//! The enumerations of AWS Secrets Manager, generated from `models/secretsmanager.json` by `cargo xtask gen`: do not edit.

use crate::forms::Enumeration;

/// `FilterNameStringType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FilterNameStringType {
    /// `description`.
    Description,
    /// `name`.
    Name,
    /// `tag-key`.
    TagKey,
    /// `tag-value`.
    TagValue,
    /// `primary-region`.
    PrimaryRegion,
    /// `owning-service`.
    OwningService,
    /// `all`.
    All,
}

impl Enumeration for FilterNameStringType {
    const ALL: &'static [Self] = &[
        Self::Description,
        Self::Name,
        Self::TagKey,
        Self::TagValue,
        Self::PrimaryRegion,
        Self::OwningService,
        Self::All,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Description => "description",
            Self::Name => "name",
            Self::TagKey => "tag-key",
            Self::TagValue => "tag-value",
            Self::PrimaryRegion => "primary-region",
            Self::OwningService => "owning-service",
            Self::All => "all",
        }
    }
}

impl AsRef<str> for FilterNameStringType {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// `ReplicaRestrictionType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReplicaRestrictionType {
    /// `SameOrg`.
    SameOrg,
    /// `NoRestriction`.
    NoRestriction,
}

impl Enumeration for ReplicaRestrictionType {
    const ALL: &'static [Self] = &[Self::SameOrg, Self::NoRestriction];

    fn as_str(self) -> &'static str {
        match self {
            Self::SameOrg => "SameOrg",
            Self::NoRestriction => "NoRestriction",
        }
    }
}

impl AsRef<str> for ReplicaRestrictionType {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// `SortByType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SortByType {
    /// `created-date`.
    CreatedDate,
    /// `last-accessed-date`.
    LastAccessedDate,
    /// `last-changed-date`.
    LastChangedDate,
    /// `name`.
    Name,
}

impl Enumeration for SortByType {
    const ALL: &'static [Self] = &[Self::CreatedDate, Self::LastAccessedDate, Self::LastChangedDate, Self::Name];

    fn as_str(self) -> &'static str {
        match self {
            Self::CreatedDate => "created-date",
            Self::LastAccessedDate => "last-accessed-date",
            Self::LastChangedDate => "last-changed-date",
            Self::Name => "name",
        }
    }
}

impl AsRef<str> for SortByType {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// `SortOrderType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SortOrderType {
    /// `asc`.
    Asc,
    /// `desc`.
    Desc,
}

impl Enumeration for SortOrderType {
    const ALL: &'static [Self] = &[Self::Asc, Self::Desc];

    fn as_str(self) -> &'static str {
        match self {
            Self::Asc => "asc",
            Self::Desc => "desc",
        }
    }
}

impl AsRef<str> for SortOrderType {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// `StatusType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusType {
    /// `InSync`.
    InSync,
    /// `Failed`.
    Failed,
    /// `InProgress`.
    InProgress,
    /// `Pending`.
    Pending,
    /// `Detached`.
    Detached,
}

impl Enumeration for StatusType {
    const ALL: &'static [Self] = &[Self::InSync, Self::Failed, Self::InProgress, Self::Pending, Self::Detached];

    fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "InSync",
            Self::Failed => "Failed",
            Self::InProgress => "InProgress",
            Self::Pending => "Pending",
            Self::Detached => "Detached",
        }
    }
}

impl AsRef<str> for StatusType {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}
