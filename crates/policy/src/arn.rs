//! Patterns of ARNs: each of the six parts is compared by itself.

use crate::keys::Keys;
use crate::pattern::{Found, Reading, Template, Variable, Varied, char_bytes, matches, variable_at};

/// The parts of an ARN.
const PARTS: usize = 6;

/// A text that may be an ARN, taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArnText<'a> {
    pub(crate) text: &'a str,
    parts: Option<[&'a str; PARTS]>,
}

impl<'a> ArnText<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, parts: parts_of(text) }
    }
}

/// The six parts of an ARN; the last has all further colons.
fn parts_of(text: &str) -> Option<[&str; PARTS]> {
    let mut parts = [""; PARTS];
    let mut found = text.splitn(PARTS, ':');
    for part in &mut parts {
        *part = found.next()?;
    }
    Some(parts)
}

/// A pattern of an ARN. Each of the six parts is compared by itself, so that a wildcard does not reach over a colon;
/// but the last part is whatever follows the fifth.
#[derive(Clone, Debug)]
pub(crate) struct ArnPattern(Form);

#[derive(Clone, Debug)]
enum Form {
    /// `*`: also what is no ARN.
    Any,
    /// Nothing but literal text.
    Whole(Box<[u8]>),
    /// Six parts; the literal beginning of the whole, and how many parts lie wholly in it.
    Parts { parts: Box<[Template; PARTS]>, prefix: Box<[u8]>, in_prefix: usize },
    /// Variables whose values make it an ARN.
    Varied(Varied),
    /// No ARN at all: it matches nothing.
    Nothing,
}

impl ArnPattern {
    /// A pattern of `Resource`: an ARN with too few parts is completed with `*`.
    pub(crate) fn of_resource(text: &str, variables: bool) -> Self {
        let missing = PARTS.saturating_sub(split(text, variables).len());
        if missing > 0 && text.starts_with("arn:") && !text.contains("${") {
            return Self::new(&format!("{text}{}", ":*".repeat(missing)), variables);
        }
        Self::new(text, variables)
    }

    /// A pattern of a condition on an ARN.
    pub(crate) fn new(text: &str, variables: bool) -> Self {
        if !text.is_empty() && text.bytes().all(|byte| byte == b'*') {
            return Self(Form::Any);
        }
        let reading = Reading { wildcards: true, variables };
        let texts = split(text, variables);
        let parts: Vec<Template> = texts.iter().map(|part| Template::parse(part, reading)).collect();
        let Ok(parts) = <Box<[Template; PARTS]>>::try_from(parts.into_boxed_slice()) else {
            return Self(match Template::parse(text, reading) {
                Template::Varied(varied) => Form::Varied(varied),
                Template::Fixed(_) => Form::Nothing,
            });
        };
        let mut prefix = Vec::new();
        let mut in_prefix = 0;
        for part in parts.iter() {
            let Some(literal) = part.literal() else {
                prefix.extend_from_slice(part.prefix());
                return Self(Form::Parts { parts, prefix: prefix.into(), in_prefix });
            };
            prefix.extend_from_slice(literal);
            in_prefix += 1;
            if in_prefix < PARTS {
                prefix.push(b':');
            }
        }
        Self(Form::Whole(prefix.into()))
    }

    pub(crate) fn matches(&self, keys: &dyn Keys, arn: &ArnText<'_>) -> bool {
        match &self.0 {
            Form::Any => true,
            Form::Whole(whole) => **whole == *arn.text.as_bytes(),
            Form::Parts { parts, prefix, in_prefix } => {
                arn.text.as_bytes().starts_with(prefix)
                    && arn.parts.is_some_and(|texts| {
                        parts.iter().zip(texts).skip(*in_prefix).all(|(part, text)| part.matches(keys, text))
                    })
            }
            Form::Varied(varied) => varied
                .with(keys, |pattern| {
                    let mut parts = pattern.splitn(PARTS, |byte| *byte == b':');
                    arn.parts.is_some_and(|texts| {
                        texts.into_iter().all(|text| parts.next().is_some_and(|part| matches(part, text.as_bytes())))
                    })
                })
                .unwrap_or_default(),
            Form::Nothing => false,
        }
    }

    /// The variables in it.
    pub(crate) fn variables(&self) -> Vec<&Variable> {
        match &self.0 {
            Form::Parts { parts, .. } => parts.iter().flat_map(Template::variables).collect(),
            Form::Varied(varied) => varied.variables().collect(),
            Form::Any | Form::Whole(_) | Form::Nothing => Vec::new(),
        }
    }
}

/// Cuts at the first five colons that are not inside a variable.
fn split(text: &str, variables: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut at) = (0, 0);
    let bytes = text.as_bytes();
    while parts.len() < PARTS - 1 && at < bytes.len() {
        let here = text.get(at..).unwrap_or_default();
        if variables
            && let Some((inner, _)) = variable_at(here)
            && Found::parse(inner).is_some()
        {
            at += inner.len() + 3;
            continue;
        }
        if bytes.get(at) == Some(&b':') {
            parts.push(text.get(start..at).unwrap_or_default());
            start = at + 1;
        }
        at += char_bytes(bytes, at);
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(pattern: &str, arn: &str) -> bool {
        let keys = [("aws:username", crate::Values::text("a:b/c"))];
        ArnPattern::of_resource(pattern, true).matches(&keys, &ArnText::new(arn))
    }

    #[test]
    fn wildcards_stay_within_the_parts_of_an_arn() {
        let arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:app/db-AbCdEf";
        for pattern in [
            "*",
            arn,
            "arn:aws:secretsmanager:*:*:secret:app/*",
            "arn:aws:secretsmanager:us-*-1:111122223333:*",
            "arn:aws:secretsmanager:us-east-1:111122223333:secret:app/db-??????",
            "arn:aws:secretsmanager",
            "arn:aws:secretsmanager:us-east-1",
            "arn:*:secretsmanager:*:*:*:*",
        ] {
            assert!(resource(pattern, arn), "{pattern}");
        }
        for pattern in [
            "arn:aws:secretsmanager:*:secret:app/db-AbCdEf",
            "arn:*:secret:app/db-AbCdEf:*:*:*",
            "arn:aws:secretsmanager:us-east-1:111122223333:secret:app/db-?????",
            "arn:aws:secretsmanager:us-east-1:111122223333:SECRET:*",
            "arn:aws:secretsmanager:us-east-1:1111*:other:*",
            "arn:aws:kms",
        ] {
            assert!(!resource(pattern, arn), "{pattern}");
        }
        assert!(!resource("arn:aws:secretsmanager:*:*:*", "*"), "an action without a resource is allowed by * alone");
    }

    #[test]
    fn values_of_variables_are_literal_and_stay_in_their_part() {
        assert!(resource("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/a:b/c/d"));
        assert!(!resource("arn:aws:s3:${aws:username}::b", "arn:aws:s3:a:b/c::b"));
        assert!(!resource("arn:aws:s3:::b/${aws:nobody}", "arn:aws:s3:::b/"));
        assert!(resource("arn:aws:s3:::b/${aws:nobody, ''}", "arn:aws:s3:::b/"));
        assert!(
            ArnPattern::of_resource("arn:aws:s3:::b/${aws:username}", false)
                .matches(&(), &ArnText::new("arn:aws:s3:::b/${aws:username}"))
        );
    }
}
