//! CloudWatch Logs' filter patterns: read, and held against events. Pure.
//!
//! Patterns for JSON, `{ ($.eventName = "Get*") && ($.errorCode NOT EXISTS) }`, and patterns of words, `"access denied" -retry`.
//! Patterns for columns, `[ip, user, …]`, and regular expressions, `%…%`, are refused.

use serde_json::Value;

/// Characters of a pattern, at most.
pub const PATTERN_CHARS_MAX: usize = 1024;
/// Parentheses inside each other, at most.
const DEPTH_MAX: usize = 32;
/// Comparisons of a pattern, at most.
const COMPARISONS_MAX: usize = 50;

/// A pattern that is none, or one that is not carried out here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPattern;

/// A pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern(Kind);

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Json(Expression),
    Words { all: Vec<String>, any: Vec<String>, none: Vec<String> },
}

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Holds(Selector, Test),
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Equal(Literal),
    Unequal(Literal),
    Less(f64),
    AtMost(f64),
    Greater(f64),
    AtLeast(f64),
    Is(Value),
    Absent,
}

#[derive(Clone, Debug, PartialEq)]
struct Literal {
    text: String,
    /// Its value, if it is a number.
    number: Option<f64>,
}

/// A place in an event: `$.a.b[0]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Place(usize),
    Each,
}

impl Selector {
    /// Reads a selector that is the whole text.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        let mut reader = Reader { rest: text, comparisons_left: 0 };
        let selector = reader.selector()?;
        if reader.rest.is_empty() { Ok(selector) } else { Err(BadPattern) }
    }

    /// The scalar at the place, as text: what a metric's value or dimension is taken from.
    #[must_use]
    pub fn text(&self, event: &Value) -> Option<String> {
        self.found(event).into_iter().find_map(|found| match found {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        })
    }

    /// The text that it was read from.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut out = "$".to_owned();
        for step in &self.0 {
            match step {
                Step::Name(name) if name.chars().all(is_of_name) => out.extend([".", name]),
                Step::Name(name) => out.extend([".['", name, "']"]),
                Step::Place(at) => out.extend(["[", &at.to_string(), "]"]),
                Step::Each => out.push_str("[*]"),
            }
        }
        out
    }

    fn found<'v>(&self, event: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![event];
        for step in &self.0 {
            found = found
                .into_iter()
                .flat_map(|value| match step {
                    Step::Name(name) => value.get(name).into_iter().collect::<Vec<_>>(),
                    Step::Place(at) => value.get(*at).into_iter().collect(),
                    Step::Each => value.as_array().into_iter().flatten().collect(),
                })
                .collect();
        }
        found
    }
}

impl Pattern {
    /// Reads a pattern. An empty one matches everything.
    ///
    /// # Errors
    /// When it is none, or one that is not carried out here.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        let text = text.trim();
        if text.chars().count() > PATTERN_CHARS_MAX || text.starts_with('[') {
            return Err(BadPattern);
        }
        let Some(inner) = text.strip_prefix('{') else { return words(text).map(Self) };
        let inner = inner.strip_suffix('}').ok_or(BadPattern)?;
        let mut reader = Reader { rest: inner, comparisons_left: COMPARISONS_MAX };
        let expression = reader.any(DEPTH_MAX)?;
        reader.skip_space();
        if reader.rest.is_empty() { Ok(Self(Kind::Json(expression))) } else { Err(BadPattern) }
    }

    /// Whether an event matches. `json` is what its text reads as.
    #[must_use]
    pub fn matches(&self, text: &str, json: Option<&Value>) -> bool {
        match &self.0 {
            Kind::Json(expression) => json.is_some_and(|json| json.is_object() && expression.holds(json)),
            Kind::Words { all, any, none } => {
                let has = |word: &String| text.contains(word.as_str());
                all.iter().all(has) && !none.iter().any(has) && (any.is_empty() || any.iter().any(has))
            }
        }
    }

    /// The values of an event that the pattern asks about, by their selectors.
    #[must_use]
    pub fn extracted(&self, json: &Value) -> Vec<(String, String)> {
        let mut out = Vec::new();
        if let Kind::Json(expression) = &self.0 {
            expression.extract(json, &mut out);
        }
        out
    }
}

impl Expression {
    fn holds(&self, event: &Value) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(event)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(event)),
            Self::Holds(selector, Test::Absent) => selector.found(event).is_empty(),
            Self::Holds(selector, test) => selector.found(event).into_iter().any(|value| test.holds(value)),
        }
    }

    fn extract(&self, event: &Value, out: &mut Vec<(String, String)>) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.extract(event, out)),
            Self::Holds(selector, _) => out.extend(selector.text(event).map(|text| (selector.shown(), text))),
        }
    }
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        let number = value.as_f64();
        match self {
            Self::Equal(literal) => literal.equals(value).unwrap_or(false),
            Self::Unequal(literal) => literal.equals(value).is_some_and(|equals| !equals),
            Self::Less(bound) => number.is_some_and(|number| number < *bound),
            Self::AtMost(bound) => number.is_some_and(|number| number <= *bound),
            Self::Greater(bound) => number.is_some_and(|number| number > *bound),
            Self::AtLeast(bound) => number.is_some_and(|number| number >= *bound),
            Self::Is(wanted) => value == wanted,
            Self::Absent => false,
        }
    }
}

impl Literal {
    /// Whether a value equals it; nothing for what has no text.
    fn equals(&self, value: &Value) -> Option<bool> {
        match value {
            Value::Number(number) => match (self.number, number.as_f64()) {
                (Some(mine), Some(theirs)) => Some(mine.total_cmp(&theirs).is_eq()),
                _ => Some(matches_wildcards(&self.text, &number.to_string())),
            },
            Value::String(text) => Some(matches_wildcards(&self.text, text)),
            Value::Bool(flag) => Some(self.text == flag.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// Whether `text` is what `pattern` says, in which `*` stands for any text.
fn matches_wildcards(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Reads a pattern of words: those that must be there, `?` of which one must, `-` that must not.
fn words(text: &str) -> Result<Kind, BadPattern> {
    let (mut all, mut any, mut none) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = text;
    while !rest.is_empty() {
        let (list, behind) = match rest.chars().next() {
            Some('?') => (&mut any, rest.get(1..).unwrap_or_default()),
            Some('-') => (&mut none, rest.get(1..).unwrap_or_default()),
            _ => (&mut all, rest),
        };
        let (word, behind) = if behind.starts_with('"') {
            quoted(behind)?
        } else {
            let end = behind.find(char::is_whitespace).unwrap_or(behind.len());
            let (word, behind) = behind.split_at(end);
            let plain = !word.is_empty() && word.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
            (plain.then(|| word.to_owned()).ok_or(BadPattern)?, behind)
        };
        list.push(word);
        if !behind.is_empty() && !behind.starts_with(char::is_whitespace) {
            return Err(BadPattern);
        }
        rest = behind.trim_start();
    }
    Ok(Kind::Words { all, any, none })
}

/// The text in quotation marks that `text` begins with, and what is behind it.
fn quoted(text: &str) -> Result<(String, &str), BadPattern> {
    let inner = text.strip_prefix('"').ok_or(BadPattern)?;
    let mut out = String::new();
    let mut letters = inner.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok((out, inner.get(at + 1..).unwrap_or_default())),
            '\\' => out.push(letters.next().ok_or(BadPattern)?.1),
            letter => out.push(letter),
        }
    }
    Err(BadPattern)
}

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '-' || letter == '@'
}

struct Reader<'t> {
    rest: &'t str,
    comparisons_left: usize,
}

impl Reader<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Steps over `text` if it comes next.
    fn eat(&mut self, text: &str) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn any(&mut self, depth: usize) -> Result<Expression, BadPattern> {
        let mut parts = vec![self.all(depth)?];
        while self.eat("||") {
            parts.push(self.all(depth)?);
        }
        Ok(if parts.len() == 1 { parts.pop().ok_or(BadPattern)? } else { Expression::Any(parts) })
    }

    fn all(&mut self, depth: usize) -> Result<Expression, BadPattern> {
        let mut parts = vec![self.one(depth)?];
        while self.eat("&&") {
            parts.push(self.one(depth)?);
        }
        Ok(if parts.len() == 1 { parts.pop().ok_or(BadPattern)? } else { Expression::All(parts) })
    }

    fn one(&mut self, depth: usize) -> Result<Expression, BadPattern> {
        if self.eat("(") {
            let inner = self.any(depth.checked_sub(1).ok_or(BadPattern)?)?;
            return if self.eat(")") { Ok(inner) } else { Err(BadPattern) };
        }
        self.comparisons_left = self.comparisons_left.checked_sub(1).ok_or(BadPattern)?;
        let selector = self.selector()?;
        let test = self.test()?;
        Ok(Expression::Holds(selector, test))
    }

    fn selector(&mut self) -> Result<Selector, BadPattern> {
        if !self.eat("$") {
            return Err(BadPattern);
        }
        let mut steps = Vec::new();
        loop {
            if let Some(rest) = self.rest.strip_prefix(".['").or_else(|| self.rest.strip_prefix("['")) {
                let (name, behind) = rest.split_once("']").ok_or(BadPattern)?;
                steps.push(Step::Name(name.to_owned()));
                self.rest = behind;
            } else if let Some(rest) = self.rest.strip_prefix('[') {
                let (place, behind) = rest.split_once(']').ok_or(BadPattern)?;
                let step = if place == "*" { Step::Each } else { Step::Place(place.parse().map_err(|_| BadPattern)?) };
                steps.push(step);
                self.rest = behind;
            } else if let Some(rest) = self.rest.strip_prefix('.') {
                let end = rest.find(|letter| !is_of_name(letter)).unwrap_or(rest.len());
                let (name, behind) = rest.split_at(end);
                if name.is_empty() {
                    return Err(BadPattern);
                }
                steps.push(Step::Name(name.to_owned()));
                self.rest = behind;
            } else {
                return if steps.is_empty() { Err(BadPattern) } else { Ok(Selector(steps)) };
            }
        }
    }

    fn test(&mut self) -> Result<Test, BadPattern> {
        if self.eat_word("IS") {
            return match () {
                () if self.eat_word("TRUE") => Ok(Test::Is(Value::Bool(true))),
                () if self.eat_word("FALSE") => Ok(Test::Is(Value::Bool(false))),
                () if self.eat_word("NULL") => Ok(Test::Is(Value::Null)),
                () => Err(BadPattern),
            };
        }
        if self.eat_word("NOT") {
            return if self.eat_word("EXISTS") { Ok(Test::Absent) } else { Err(BadPattern) };
        }
        if self.eat("!=") {
            return self.literal().map(Test::Unequal);
        }
        let ordered =
            [("<=", Test::AtMost as fn(f64) -> Test), (">=", Test::AtLeast), ("<", Test::Less), (">", Test::Greater)];
        for (sign, test) in ordered {
            if self.eat(sign) {
                return self.literal()?.number.map(test).ok_or(BadPattern);
            }
        }
        if self.eat("=") { self.literal().map(Test::Equal) } else { Err(BadPattern) }
    }

    /// Steps over a word in any case.
    fn eat_word(&mut self, word: &str) -> bool {
        self.skip_space();
        let end = self.rest.find(|letter: char| !letter.is_alphabetic()).unwrap_or(self.rest.len());
        let (found, behind) = self.rest.split_at(end);
        let is_it = found.eq_ignore_ascii_case(word);
        if is_it {
            self.rest = behind;
        }
        is_it
    }

    fn literal(&mut self) -> Result<Literal, BadPattern> {
        self.skip_space();
        if self.rest.starts_with('"') {
            let (text, behind) = quoted(self.rest)?;
            self.rest = behind;
            return Ok(Literal { text, number: None });
        }
        let ends = |letter: char| letter.is_whitespace() || "(){}&|\"=<>!".contains(letter);
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (text, behind) = self.rest.split_at(end);
        if text.is_empty() || text.starts_with('%') {
            return Err(BadPattern);
        }
        self.rest = behind;
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        Ok(Literal { text: text.to_owned(), number })
    }
}

/// What the fuzzer drives: any text is read as a pattern, and held against itself.
pub fn fuzz(text: &str) {
    let json = serde_json::from_str(text).ok();
    if let Ok(pattern) = Pattern::parse(text) {
        let _ = pattern.matches(text, json.as_ref());
        let _ = pattern.matches(text, Some(&serde_json::json!({ "a": [{ "b": text }, 1, null, true] })));
    }
    if let Ok(selector) = Selector::parse(text) {
        drop(selector.shown());
    }
}
