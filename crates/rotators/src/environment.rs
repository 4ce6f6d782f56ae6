//! A function's environment variables: what its passwords are made of, and how long the names of clones may be.

use std::collections::BTreeMap;

use crate::Failure;

/// What GetRandomPassword is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordSettings {
    /// PasswordLength, in characters.
    pub length: u64,
    /// ExcludeCharacters.
    pub exclude_characters: String,
    /// ExcludeNumbers.
    pub exclude_numbers: bool,
    /// ExcludePunctuation.
    pub exclude_punctuation: bool,
    /// ExcludeUppercase.
    pub exclude_uppercase: bool,
    /// ExcludeLowercase.
    pub exclude_lowercase: bool,
    /// RequireEachIncludedType.
    pub require_each_included_type: bool,
}

impl PasswordSettings {
    /// The settings of an environment, with the templates' defaults; the length's default is the package's.
    ///
    /// # Errors
    /// A `ValueError` when PASSWORD_LENGTH is not a number.
    pub fn from_environment(environment: &BTreeMap<String, String>, length: u64) -> Result<Self, Failure> {
        let flag = |name: &str, default: bool| {
            environment.get(name).map_or(default, |text| {
                ["true", "1", "yes", "y"].iter().any(|yes| text.trim().eq_ignore_ascii_case(yes))
            })
        };
        Ok(Self {
            length: number(environment, "PASSWORD_LENGTH", length)?,
            exclude_characters: environment.get("EXCLUDE_CHARACTERS").map_or("/@\"'\\", String::as_str).to_owned(),
            exclude_numbers: flag("EXCLUDE_NUMBERS", false),
            exclude_punctuation: flag("EXCLUDE_PUNCTUATION", false),
            exclude_uppercase: flag("EXCLUDE_UPPERCASE", false),
            exclude_lowercase: flag("EXCLUDE_LOWERCASE", false),
            require_each_included_type: flag("REQUIRE_EACH_INCLUDED_TYPE", true),
        })
    }
}

/// The longest name that a clone may have, in characters: the environment's USERNAME_CHARACTER_LIMIT, or the
/// database's.
///
/// # Errors
/// A `ValueError` when the variable is not a number.
pub fn username_limit(environment: &BTreeMap<String, String>, default: Option<u64>) -> Result<Option<u64>, Failure> {
    match environment.get("USERNAME_CHARACTER_LIMIT") {
        Some(_) => number(environment, "USERNAME_CHARACTER_LIMIT", 0).map(Some),
        None => Ok(default),
    }
}

fn number(environment: &BTreeMap<String, String>, name: &str, default: u64) -> Result<u64, Failure> {
    match environment.get(name) {
        Some(text) => {
            text.trim().parse().map_err(|_| Failure::value(format!("The environment variable {name} must be a number")))
        }
        None => Ok(default),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_defaults_are_the_templates() {
        let settings = PasswordSettings::from_environment(&BTreeMap::new(), 32).expect("settings");
        assert_eq!((settings.length, settings.exclude_characters.as_str()), (32, "/@\"'\\"));
        assert!(settings.require_each_included_type && !settings.exclude_punctuation);
    }

    #[test]
    fn variables_take_their_place() {
        let given = environment(&[
            ("PASSWORD_LENGTH", "40"),
            ("EXCLUDE_PUNCTUATION", "True"),
            ("EXCLUDE_NUMBERS", "no"),
            ("REQUIRE_EACH_INCLUDED_TYPE", "false"),
            ("EXCLUDE_CHARACTERS", ""),
        ]);
        let settings = PasswordSettings::from_environment(&given, 32).expect("settings");
        assert_eq!((settings.length, settings.exclude_characters.as_str()), (40, ""));
        assert!(settings.exclude_punctuation && !settings.exclude_numbers && !settings.require_each_included_type);
        assert_eq!(username_limit(&environment(&[("USERNAME_CHARACTER_LIMIT", "8")]), Some(16)), Ok(Some(8)));
        assert_eq!(username_limit(&given, Some(16)), Ok(Some(16)));
        assert!(PasswordSettings::from_environment(&environment(&[("PASSWORD_LENGTH", "x")]), 32).is_err());
    }
}
