//! Access keys that calls are signed with.

use std::fmt;

use strongroom_types::SecretText;

use crate::profiles;

/// An access key, with a session token if it is temporary. Does not print its secrets.
#[derive(Clone)]
pub struct Credentials {
    /// The access key's id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: SecretText,
    /// The session token of temporary credentials.
    pub session_token: Option<SecretText>,
}

impl Credentials {
    /// The key of a profile in a file of AWS's shared-credentials format; none when the file has no such profile, or no
    /// whole key in it.
    #[must_use]
    pub fn of_profile(text: &str, profile: &str) -> Option<Self> {
        let value = |name| profiles::value(text, profile, name).filter(|value| !value.is_empty());
        let secret = |text: &str| SecretText::new(text.to_owned());
        Some(Self {
            access_key_id: value("aws_access_key_id")?.to_owned(),
            secret_access_key: value("aws_secret_access_key").map(secret)?,
            session_token: value("aws_session_token").map(secret),
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.access_key_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_its_profile_and_does_not_print() {
        let text = "[default]\naws_access_key_id = A\naws_secret_access_key = one\n\n[two]\naws_access_key_id=B\n\
                    aws_secret_access_key=two=2\naws_session_token = t\n[half]\naws_access_key_id = C\n";
        let default = Credentials::of_profile(text, "default").expect("a key");
        assert_eq!((default.access_key_id.as_str(), default.secret_access_key.expose()), ("A", "one"));
        assert!(default.session_token.is_none());
        let two = Credentials::of_profile(text, "two").expect("a key");
        assert_eq!((two.access_key_id.as_str(), two.secret_access_key.expose()), ("B", "two=2"));
        assert_eq!(two.session_token.as_ref().map(SecretText::expose), Some("t"));
        assert!(Credentials::of_profile(text, "half").is_none() && Credentials::of_profile(text, "none").is_none());
        assert_eq!(format!("{two:?}"), "Credentials(B)");
    }
}
