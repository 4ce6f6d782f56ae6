//! Access keys: read from a file in the format of the AWS CLI.

use std::path::Path;

use strongroom_types::SecretText;

use crate::failure::Failure;

/// An access key and its secret.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The public half, which stands in each request.
    pub access_key_id: String,
    /// The half that signs.
    pub secret_access_key: SecretText,
}

impl Credentials {
    /// Made-up credentials, for servers that do not check signatures.
    pub fn unchecked() -> Self {
        Self {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: SecretText::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
        }
    }

    /// The profile `default` of the shared-credentials file at `path`.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(Failure::io(path.display().to_string()))?;
        Self::parse(&text).ok_or_else(|| Failure::void(format!("{}: no access key in profile default", path.display())))
    }

    fn parse(text: &str) -> Option<Self> {
        let (mut profile, mut id, mut secret) = ("", None, None);
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                profile = name.trim();
            } else if let (true, Some((key, value))) = (profile == "default", line.split_once('=')) {
                match key.trim() {
                    "aws_access_key_id" => id = Some(value.trim().to_owned()),
                    "aws_secret_access_key" => secret = Some(SecretText::new(value.trim().to_owned())),
                    _ => {}
                }
            }
        }
        Some(Self { access_key_id: id?, secret_access_key: secret? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_profile_is_read_and_others_are_not() {
        let text = "# made by hand\n[other]\naws_access_key_id = A\naws_secret_access_key = B\n\n[default]\n\
                    aws_access_key_id=AKIDEXAMPLE\naws_secret_access_key = abc+/=d\nregion = eu-central-1\n";
        let credentials = Credentials::parse(text).unwrap();
        assert_eq!(credentials.access_key_id, "AKIDEXAMPLE");
        assert_eq!(credentials.secret_access_key.expose(), "abc+/=d");
        assert!(Credentials::parse("[default]\naws_access_key_id = A\n").is_none());
    }
}
