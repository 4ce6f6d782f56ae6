//! AWS's files of profiles, `credentials` and `config`: sections of names and values. The text is handed in.

/// The value of `name` in the section `[section]`. As AWS's tools do, lines that begin with `#` or `;` are passed over
/// and the last of several values counts.
#[must_use]
pub fn value<'a>(text: &'a str, section: &str, name: &str) -> Option<&'a str> {
    let (mut inside, mut found) = (false, None);
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(head) = trimmed.strip_prefix('[') {
            let head = head.split(']').next().unwrap_or_default();
            inside = head.split_whitespace().eq(section.split_whitespace());
            continue;
        }
        // Indented lines belong to the value above them.
        if !inside || line.starts_with([' ', '\t']) {
            continue;
        }
        if let Some((key, value)) = trimmed.split_once('=')
            && key.trim().eq_ignore_ascii_case(name)
        {
            found = Some(value.trim());
        }
    }
    found
}

/// The section of a profile in the file `config`: all but the default one have a word before their names.
#[must_use]
pub fn config_section(profile: &str) -> String {
    if profile == "default" { profile.to_owned() } else { format!("profile {profile}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_of_their_section_alone() {
        let text = "region = none\n# [a]\n[a]\nregion = one\n  region = nested\n;region = no\n[profile  b] # b\n\
                    Region=two\nregion = three\nempty =\n";
        assert_eq!(value(text, "a", "region"), Some("one"));
        assert_eq!(value(text, &config_section("b"), "region"), Some("three"));
        assert_eq!(value(text, "profile b", "empty"), Some(""));
        assert_eq!((value(text, "c", "region"), value(text, "a", "empty")), (None, None));
        assert_eq!(config_section("default"), "default");
    }
}
