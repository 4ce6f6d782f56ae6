//! Breaking text into words, as ListSecrets does for its filters `all` and `description`.

use std::collections::BTreeSet;

use super::model::Secret;

/// The words of a text, in lower case: it is broken at white space, punctuation, a change from lower to upper case and
/// between letters and digits, so that `credsDatabase#892` gives `creds`, `database`, `892` (the guide's example).
#[must_use]
pub fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut before: Option<char> = None;
    for c in text.chars() {
        let breaks = before.is_some_and(|b| {
            (b.is_lowercase() && c.is_uppercase()) || (b.is_numeric() != c.is_numeric() && b.is_alphanumeric())
        });
        if (breaks || !c.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
            before = Some(c);
        } else {
            before = None;
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// The texts of a secret that are searched: its name, description, tag keys and tag values.
pub fn texts_of(secret: &Secret) -> impl Iterator<Item = &str> {
    let tags = secret.tags.iter().flat_map(|tag| [tag.key.as_str(), tag.value.as_str()]);
    [secret.name.as_str(), secret.description.as_deref().unwrap_or_default()].into_iter().chain(tags)
}

/// All words of a secret's name, description, tag keys and tag values.
#[must_use]
pub fn of_secret(secret: &Secret) -> BTreeSet<String> {
    texts_of(secret).flat_map(split).collect()
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn text_breaks_as_in_the_guide() {
        assert_eq!(split("credsDatabase#892"), ["creds", "database", "892"]);
        assert_eq!(split("prod/db-main_2"), ["prod", "db", "main", "2"]);
        assert_eq!(split("  My RDS secret, v2 "), ["my", "rds", "secret", "v", "2"]);
        assert_eq!(split("ABC"), ["abc"]);
        assert_eq!(split(""), Vec::<String>::new());
    }
}
