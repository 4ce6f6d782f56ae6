//! What a look at a machine finds, and how it is told.

use serde::Serialize;

use crate::counted::counted;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and somebody should know.
    Warning,
    /// It does not work, or is not safe.
    Problem,
}

impl Level {
    /// In a column of its own.
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok     ",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What was looked at, in a word.
    pub check: &'static str,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// All that was found, in the order in which it was looked at.
#[derive(Debug, Default)]
pub struct Findings {
    all: Vec<Finding>,
}

/// Everything, as JSON has it.
#[derive(Serialize)]
struct Told<'a> {
    problems: usize,
    warnings: usize,
    findings: &'a [Finding],
}

impl Findings {
    /// Notes that something is as it should be.
    pub fn ok(&mut self, check: &'static str, found: impl Into<String>) {
        self.all.push(Finding { level: Level::Ok, check, found: found.into(), advice: None });
    }

    /// Notes something that somebody should know.
    pub fn warn(&mut self, check: &'static str, found: impl Into<String>, advice: impl Into<String>) {
        self.add(Level::Warning, check, found.into(), advice.into());
    }

    /// Notes something that does not work or is not safe.
    pub fn problem(&mut self, check: &'static str, found: impl Into<String>, advice: impl Into<String>) {
        self.add(Level::Problem, check, found.into(), advice.into());
    }

    fn add(&mut self, level: Level, check: &'static str, found: String, advice: String) {
        self.all.push(Finding { level, check, found, advice: Some(advice).filter(|advice| !advice.is_empty()) });
    }

    /// How many are of that level.
    pub fn count(&self, level: Level) -> usize {
        self.all.iter().filter(|finding| finding.level == level).count()
    }

    /// Whether the check found nothing but good.
    pub fn is_good(&self, check: &str) -> bool {
        self.all.iter().all(|finding| finding.check != check || finding.level == Level::Ok)
    }

    /// A line for each, what to do below it, and a line about all.
    pub fn lines(&self) -> String {
        let mut text = String::new();
        for Finding { level, check, found, advice } in &self.all {
            // What is told in several lines stands below one another.
            let found = found.trim_end().replace('\n', "\n           ");
            text += &format!("{}  {check}: {found}\n", level.word());
            if let Some(advice) = advice {
                text += &format!("         -> {advice}\n");
            }
        }
        let [problems, warnings, good] = [Level::Problem, Level::Warning, Level::Ok].map(|level| self.count(level));
        text + &format!("{}, {}, {good} ok\n", counted(problems, "problem"), counted(warnings, "warning"))
    }

    /// The same as JSON.
    ///
    /// # Errors
    /// Never: all of it is text.
    pub fn json(&self) -> serde_json::Result<String> {
        let (problems, warnings) = (self.count(Level::Problem), self.count(Level::Warning));
        serde_json::to_string_pretty(&Told { problems, warnings, findings: &self.all })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_lines_with_what_to_do_and_a_sum() {
        let mut findings = Findings::default();
        findings.ok("clock", "agrees");
        findings.problem("files", "one\ntwo", "run `chmod`");
        findings.warn("server", "none", "");
        let wanted = "ok       clock: agrees\nproblem  files: one\n           two\n         -> run `chmod`\n\
                      warning  server: none\n1 problem, 1 warning, 1 ok\n";
        assert_eq!(findings.lines(), wanted);
        assert!(findings.is_good("clock") && findings.is_good("other") && !findings.is_good("server"));
        assert!(findings.json().expect("JSON").contains("\"advice\": \"run `chmod`\""));
    }
}
