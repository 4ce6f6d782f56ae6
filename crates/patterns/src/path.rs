//! Paths into an event, such as `$.detail.name` or `$.resources[0]`.

use serde_json::Value;

use crate::fault::Fault;

/// A path into an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Element(usize),
    Each,
}

impl Path {
    /// Reads a path: `$`, then `.name`, `['name']`, `[0]` and `[*]`.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let wrong = || Fault::new(format!("Invalid JSONPath: {text}"));
        let mut left = text.strip_prefix('$').ok_or_else(wrong)?;
        let mut steps = Vec::new();
        while !left.is_empty() {
            if let Some(rest) = left.strip_prefix('.') {
                let (name, behind) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
                steps.push(Step::Member(Some(name).filter(|name| !name.is_empty()).ok_or_else(wrong)?.to_owned()));
                left = behind;
                continue;
            }
            let inner = left.strip_prefix('[').ok_or_else(wrong)?;
            let quote = inner.chars().next().filter(|first| matches!(first, '\'' | '"'));
            let (inside, behind) = match quote {
                Some(quote) => {
                    let (name, behind) = inner.get(1..).and_then(|name| name.split_once(quote)).ok_or_else(wrong)?;
                    (Step::Member(name.to_owned()), behind.strip_prefix(']').ok_or_else(wrong)?)
                }
                None => {
                    let (inside, behind) = inner.split_once(']').ok_or_else(wrong)?;
                    let step =
                        if inside == "*" { Step::Each } else { Step::Element(inside.parse().map_err(|_| wrong())?) };
                    (step, behind)
                }
            };
            steps.push(inside);
            left = behind;
        }
        Ok(Self { steps })
    }

    /// What stands at the path, if something does.
    #[must_use]
    pub fn find(&self, event: &Value) -> Option<Value> {
        find(event, &self.steps)
    }
}

fn find(value: &Value, steps: &[Step]) -> Option<Value> {
    let Some((step, rest)) = steps.split_first() else { return Some(value.clone()) };
    match step {
        Step::Member(name) => find(value.get(name)?, rest),
        Step::Element(at) => find(value.get(at)?, rest),
        Step::Each => Some(value.as_array()?.iter().filter_map(|element| find(element, rest)).collect()),
    }
}
