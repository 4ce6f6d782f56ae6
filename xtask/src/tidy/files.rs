//! Rules for one Rust file: its first line, its length and that of its functions, imports, tests that do not run.

use super::source;
use super::tree::{File, Problem};

/// Lines of a file.
const FILE_LINES_MAX: usize = 600;
/// Lines of a function, from `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// The first line says the module's duty.
pub fn begins_with_duty(file: &File) -> Vec<Problem> {
    if file
        .text
        .lines()
        .next()
        .is_some_and(|line| line.strip_prefix("//! ").is_some_and(|duty| !duty.trim().is_empty()))
    {
        return Vec::new();
    }
    vec![file.problem(1, "the file does not begin with `//! ` and the module's duty: say it in the first line")]
}

/// Files and functions stay short enough to be read at once.
pub fn short_enough(file: &File) -> Vec<Problem> {
    if file.is_generated() {
        return Vec::new();
    }
    let mut problems = Vec::new();
    let lines = file.text.lines().count();
    if lines > FILE_LINES_MAX {
        let text = format!("{lines} lines, and {FILE_LINES_MAX} are allowed: split the file by duty");
        problems.push(file.problem(FILE_LINES_MAX + 1, text));
    }
    for function in source::functions(&file.code).into_iter().filter(|f| f.lines > FUNCTION_LINES_MAX) {
        let text = format!(
            "`{}` has {} lines, and {FUNCTION_LINES_MAX} are allowed: name its parts as functions",
            function.name, function.lines
        );
        problems.push(file.problem(function.line, text));
    }
    problems
}

/// Only tests import everything, and only from the module that they test.
pub fn no_glob_import(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    for mention in file.mentions.iter().filter(|mention| mention.imported) {
        let path = mention.names.join("::");
        if path.ends_with('*') && !(path == "super::*" && file.is_test(mention.line)) {
            problems.push(file.problem(mention.line, format!("`use {path}` hides what is used: name it")));
        }
    }
    problems
}

/// Every test runs.
pub fn no_ignored_test(file: &File) -> Vec<Problem> {
    let marks = file.code.match_indices("#[").filter_map(|(at, _)| {
        let (attribute, _) = file.code.get(at..)?.split_once(']')?;
        source::words(attribute).any(|(_, word)| word == "ignore").then(|| source::line_at(&file.code, at))
    });
    marks.map(|line| file.problem(line, "a test that does not run shows nothing: make it run, or delete it")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(problems: &[Problem]) -> Vec<usize> {
        problems.iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn a_file_says_its_duty_first() {
        for (text, wrong) in [
            ("//! Duty.\n", false),
            ("//!\nfn a() {}", true),
            ("fn a() {}\n", true),
            ("", true),
            ("// Words.\n//! Duty.\n", true),
        ] {
            assert_eq!(!begins_with_duty(&File::new("a.rs", text)).is_empty(), wrong, "{text:?}");
        }
    }

    #[test]
    fn long_files_and_functions_are_refused_unless_generated() {
        let long = format!("//! d\nfn a() {{{}}}\n{}", "\n".repeat(70), "\n".repeat(530));
        assert_eq!(lines(&short_enough(&File::new("a.rs", &long))), [601, 2]);
        let short = format!("//! d\nfn a() {{{}}}\n{}", "\n".repeat(69), "\n".repeat(529));
        assert_eq!(lines(&short_enough(&File::new("a.rs", &short))), [0_usize; 0]);
        assert_eq!(
            lines(&short_enough(&File::new("a.rs", &format!("//! Shapes, generated from x: do not edit.\n{long}")))),
            [0_usize; 0]
        );
    }

    #[test]
    fn only_tests_import_everything() {
        let text = "//! d\nuse a::*;\npub use super::{b, c::*};\n#[cfg(test)]\nmod tests {\n use super::*;\n use a::*;\n}\n\
                    use super::*;\n";
        assert_eq!(lines(&no_glob_import(&File::new("a.rs", text))), [2, 3, 7, 9]);
    }

    #[test]
    fn ignored_tests_are_found_in_every_form() {
        let off = ["ign", "ore"].concat();
        let text = format!("//! d\n#[{off}]\n#[{off} = \"why\"]\n#[cfg_attr(windows, {off})]\n#[test]\n");
        assert_eq!(lines(&no_ignored_test(&File::new("a.rs", &text))), [2, 3, 4]);
    }
}
