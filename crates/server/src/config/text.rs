//! How identifiers and address blocks stand in the configuration file: as text.

use std::fmt::Display;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

fn read<'de, D: Deserializer<'de>, T, E: Display>(
    deserializer: D,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// An account number that may be absent.
pub(super) mod account {
    use strongroom_types::AccountId;

    use super::{Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(id: &Option<AccountId>, serializer: S) -> Result<S::Ok, S::Error> {
        id.as_ref().map(AccountId::as_str).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<AccountId>, D::Error> {
        super::read(deserializer, AccountId::parse).map(Some)
    }
}

/// A region's name.
pub(super) mod region {
    use strongroom_types::Region;

    use super::{Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(region: &Region, serializer: S) -> Result<S::Ok, S::Error> {
        region.as_str().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Region, D::Error> {
        super::read(deserializer, Region::parse)
    }
}

/// A region's name that may be absent.
pub(super) mod optional_region {
    use strongroom_types::Region;

    use super::{Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(region: &Option<Region>, serializer: S) -> Result<S::Ok, S::Error> {
        region.as_ref().map(Region::as_str).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Region>, D::Error> {
        super::read(deserializer, Region::parse).map(Some)
    }
}

/// A list of address blocks.
pub(super) mod networks {
    use serde::de::Error;

    use super::{Deserialize, Deserializer, Serializer};
    use crate::config::Network;

    pub(crate) fn serialize<S: Serializer>(networks: &[Network], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(networks.iter().map(Network::to_string))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Network>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}
