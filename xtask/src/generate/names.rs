//! Names of the models as Rust spells them.

/// Names of Rust that need `r#` to be names of fields.
const KEYWORDS: [&str; 16] = [
    "as", "const", "enum", "fn", "for", "if", "in", "loop", "match", "mod", "move", "ref", "static", "type", "use",
    "where",
];

/// `KmsKeyId` -> `kms_key_id`, `SecretARN` -> `secret_arn`, `VersionIdsToStages` -> `version_ids_to_stages`.
pub fn snake(name: &str) -> String {
    let mut out = String::new();
    let characters: Vec<char> = name.chars().collect();
    for (at, character) in characters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| characters.get(at));
        let after = characters.get(at + 1);
        let begins = character.is_ascii_uppercase()
            && before.is_some_and(|before| {
                // A capital begins a word after a small letter, and the last of several before a small letter does.
                !before.is_ascii_uppercase()
                    || after.is_some_and(char::is_ascii_lowercase) && plural(after, &characters, at)
            });
        if !character.is_ascii_alphanumeric() {
            out.push('_');
        } else {
            if begins && !out.ends_with('_') {
                out.push('_');
            }
            out.push(character.to_ascii_lowercase());
        }
    }
    out
}

/// Whether the small letter after the capital at `at` is more than the plural's `s` of an abbreviation, as in `ARNs`.
fn plural(after: Option<&char>, characters: &[char], at: usize) -> bool {
    let ends = characters.get(at + 2).is_none_or(char::is_ascii_uppercase);
    !(after == Some(&'s') && ends)
}

/// The name of a field.
pub fn field(name: &str) -> String {
    let name = snake(name);
    if KEYWORDS.contains(&name.as_str()) { format!("r#{name}") } else { name }
}

/// The name of a constant: `SecretIdType` -> `SECRET_ID_TYPE`.
pub fn constant(name: &str) -> String {
    snake(name).to_ascii_uppercase()
}

/// The name in error texts and audit records: `KmsKeyId` -> `kmsKeyId`, `ARN` -> `arn`, `SecretARN` -> `secretARN`.
pub fn lower_camel(name: &str) -> String {
    if name.chars().all(|character| !character.is_ascii_lowercase()) {
        return name.to_ascii_lowercase();
    }
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + characters.as_str())
}

/// The name of a type: the shape's own, with a capital at the start.
pub fn type_name(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + characters.as_str())
}

/// The name of an enumeration's value: `created-date` -> `CreatedDate`, `RSA_2048` -> `Rsa2048`, `InSync` -> `InSync`.
pub fn variant(value: &str) -> String {
    let words = value.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name: String = words
        .map(|word| {
            let shouted = !word.chars().any(|character| character.is_ascii_lowercase());
            let (first, rest) = word.split_at_checked(1).unwrap_or_default();
            let rest = if shouted { rest.to_ascii_lowercase() } else { rest.to_owned() };
            first.to_ascii_uppercase() + &rest
        })
        .collect();
    match name.as_str() {
        // Rust has no way to write this name.
        "Self" => "SelfValue".to_owned(),
        _ if name.starts_with(|first: char| first.is_ascii_alphabetic()) => name,
        _ => format!("V{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        let cases = [
            ("ARN", "arn"),
            ("KmsKeyId", "kms_key_id"),
            ("SecretARN", "secret_arn"),
            ("RotationLambdaARN", "rotation_lambda_arn"),
            ("CrossAccountPrimaryARN", "cross_account_primary_arn"),
            ("VersionIdsToStages", "version_ids_to_stages"),
            ("APIErrorType", "api_error_type"),
            ("PolicyARNs", "policy_arns"),
            ("ThumbprintList", "thumbprint_list"),
            ("OpenIDConnectProviderArn", "open_id_connect_provider_arn"),
            ("Type", "r#type"),
            ("kmsKeyId", "kms_key_id"),
            ("Sha256", "sha256"),
        ];
        for (name, expected) in cases {
            assert_eq!(field(name), expected);
        }
    }

    #[test]
    fn places() {
        let cases =
            [("ARN", "arn"), ("KmsKeyId", "kmsKeyId"), ("SecretARN", "secretARN"), ("DBName", "dBName"), ("", "")];
        for (name, expected) in cases {
            assert_eq!(lower_camel(name), expected);
        }
    }

    #[test]
    fn variants() {
        let cases = [
            ("created-date", "CreatedDate"),
            ("asc", "Asc"),
            ("InSync", "InSync"),
            ("SYMMETRIC_DEFAULT", "SymmetricDefault"),
            ("AWS::EC2::Instance", "AwsEc2Instance"),
            ("text/csv", "TextCsv"),
            ("2012-10-17", "V20121017"),
            ("SELF", "SelfValue"),
        ];
        for (value, expected) in cases {
            assert_eq!(variant(value), expected);
        }
    }
}
