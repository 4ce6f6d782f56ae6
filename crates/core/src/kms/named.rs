//! Values of AWS's enumerations in stored documents: by their names.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};
use strongroom_wire::forms::Enumeration;

/// Writes a value as its name.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<E: Enumeration, S: Serializer>(value: &E, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value.as_str())
}

/// Reads a name.
///
/// # Errors
/// When there is no value of that name.
pub fn deserialize<'de, E: Enumeration, D: Deserializer<'de>>(deserializer: D) -> Result<E, D::Error> {
    let name = String::deserialize(deserializer)?;
    of_name(&name).ok_or_else(|| D::Error::custom("an unknown name"))
}

/// The value of a name.
#[must_use]
pub fn of_name<E: Enumeration>(name: &str) -> Option<E> {
    E::ALL.iter().copied().find(|value| value.as_str() == name)
}
