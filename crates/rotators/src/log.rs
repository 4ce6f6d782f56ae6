//! What a step tells of itself: lines like those of the templates' logs, without secret material.

/// Lines that a log keeps; those after are counted only.
const LINES_MAX: usize = 200;
/// Longest line, in bytes; what is over is cut.
const LINE_BYTES_MAX: usize = 1000;

/// The lines of one invocation, in order.
#[derive(Clone, Debug, Default)]
pub struct Log {
    lines: Vec<String>,
}

impl Log {
    /// A log without lines.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The lines, oldest first. None holds a line break.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Something worth knowing.
    pub(crate) fn info(&mut self, line: impl AsRef<str>) {
        self.add("INFO", line.as_ref());
    }

    /// Something that went wrong.
    pub(crate) fn error(&mut self, line: impl AsRef<str>) {
        self.add("ERROR", line.as_ref());
    }

    fn add(&mut self, level: &str, line: &str) {
        if self.lines.len() >= LINES_MAX {
            return;
        }
        let mut text = format!("[{level}] ");
        for character in line.chars() {
            if text.len() >= LINE_BYTES_MAX {
                text.push('…');
                break;
            }
            text.push(if character.is_control() { ' ' } else { character });
        }
        self.lines.push(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_in_number_and_length_and_hold_no_breaks() {
        let mut log = Log::new();
        log.info("a\nb");
        assert_eq!(log.lines(), ["[INFO] a b"]);
        for _ in 0..LINES_MAX * 2 {
            log.error("ä".repeat(LINE_BYTES_MAX));
        }
        assert_eq!(log.lines().len(), LINES_MAX);
        assert!(log.lines().iter().all(|line| line.len() <= LINE_BYTES_MAX + 4));
    }
}
