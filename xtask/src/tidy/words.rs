//! What no text in the repository says: unfinished marks, the machine it was written on, a registry of one's own.

use super::source;
use super::tree::{File, Problem};

/// Marks of unfinished work. In halves, so that this file holds none.
const MARKS: [(&str, &str); 5] = [("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("unimple", "mented!"), ("to", "do!")];

/// Folders that only one machine has. In halves, as above.
const MACHINE_PATHS: [(&str, &str); 4] = [("/ro", "ot/"), ("/ho", "me/"), ("/wo", "rk/"), ("/Us", "ers/")];

/// Where cargo's packages come from.
const CARGO_SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Tests of other languages that do not run.
const SKIPS: [(&str, &[&str]); 5] = [
    (".py", &["pytest.mark.skip", "pytest.skip(", "unittest.skip", "mark.xfail", "pytest.importorskip"]),
    (".go", &["t.Skip(", "t.Skipf(", "t.SkipNow("]),
    (".java", &["@Disabled", "@Ignore", "Assumptions.assume"]),
    (".js", &["it.skip(", "test.skip(", "describe.skip(", "skip: true", "t.skip("]),
    (".mjs", &["it.skip(", "test.skip(", "describe.skip(", "skip: true", "t.skip("]),
];

fn occurrences<'a>(file: &'a File, wanted: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let lines = file.text.lines().enumerate().filter(move |(_, line)| line.contains(wanted));
    lines.map(|(at, line)| (at + 1, line))
}

/// Nothing is left unfinished.
pub fn no_unfinished_mark(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (first, second) in MARKS {
        let mark = format!("{first}{second}");
        let name = mark.trim_end_matches('!');
        let whole = |line: &str| source::words(line).any(|(_, word)| word == name);
        for (line, _) in occurrences(file, &mark).filter(|(_, line)| whole(line)) {
            problems.push(file.problem(line, format!("`{mark}`: finish it, or file an issue and say what holds now")));
        }
    }
    problems
}

/// Nothing speaks of one machine.
pub fn no_machine_path(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (first, second) in MACHINE_PATHS {
        let path = format!("{first}{second}");
        for (line, text) in occurrences(file, &path) {
            let absolute = |(at, _)| {
                let before = text.get(..at).and_then(|before| before.chars().next_back());
                !before.is_some_and(|c| c.is_alphanumeric() || "._-})*/$".contains(c))
            };
            if text.match_indices(&path).any(absolute) {
                let text = format!("`{path}` is a folder of one machine: name it relative to the repository");
                problems.push(file.problem(line, text));
            }
        }
    }
    problems
}

/// Locked dependencies name no registry but the public one.
pub fn no_own_registry(file: &File) -> Vec<Problem> {
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    let is_foreign = |line: &str| match name {
        "Cargo.lock" => line.starts_with("source = ") && line != format!("source = \"{CARGO_SOURCE}\""),
        "package-lock.json" => line.trim_start().starts_with("\"resolved\": \"http"),
        ".npmrc" => line.split('=').next().is_some_and(|key| key.trim().ends_with("registry")),
        "pom.xml" | "settings.xml" => line.contains("<repositories>") || line.contains("<mirror>"),
        "config.toml" if file.path.contains(".cargo/") => {
            line.starts_with("[source") || line.starts_with("[registries")
        }
        _ if name.starts_with("requirements") => {
            line.starts_with("--") && line.contains("index-url") || line.contains("@ http")
        }
        _ => false,
    };
    let found = file.text.lines().enumerate().filter(|(_, line)| is_foreign(line));
    let text = "names where a package was loaded from: leave that to the settings of whoever builds";
    found.map(|(at, _)| file.problem(at + 1, text)).collect()
}

/// The tests of other languages run too.
pub fn no_skipped_test(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (_, marks) in SKIPS.iter().filter(|(extension, _)| file.path.ends_with(extension)) {
        for (line, _) in marks.iter().flat_map(|mark| occurrences(file, mark)) {
            problems.push(file.problem(line, "a test that does not run shows nothing: make it run, or delete it"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(problems: &[Problem]) -> Vec<usize> {
        problems.iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn marks_are_found_as_whole_words() {
        let [a, b, c, d, e] = MARKS.map(|(first, second)| format!("{first}{second}"));
        let text = format!("# {a}: x\n{b}\nmktemp -d x.{c}{c}\n{d}()\n{e}()\n{c}\nto{a}\n");
        let mut found = lines(&no_unfinished_mark(&File::new("a.sh", &text)));
        found.sort_unstable();
        assert_eq!(found, [1, 2, 4, 5, 6]);
    }

    #[test]
    fn only_absolute_paths_are_of_a_machine() {
        let [home, work] = [1, 2].map(|at| MACHINE_PATHS.map(|(first, second)| format!("{first}{second}"))[at].clone());
        let text = format!("cd {home}me\nhttps://example.com/a{home}b\n\"{work}x\"\n$HERE{work}y\n");
        assert_eq!(lines(&no_machine_path(&File::new("a.md", &text))), [1, 3]);
    }

    #[test]
    fn lock_files_name_only_the_public_registry() {
        let lock = format!("source = \"{CARGO_SOURCE}\"\nsource = \"registry+https://example.com/\"\n");
        assert_eq!(lines(&no_own_registry(&File::new("fuzz/Cargo.lock", &lock))), [2]);
        let npm = "{\n  \"resolved\": \"https://example.com/a.tgz\",\n  \"integrity\": \"x\"\n}\n";
        assert_eq!(lines(&no_own_registry(&File::new("tests/package-lock.json", npm))), [2]);
        assert_eq!(lines(&no_own_registry(&File::new("tests/requirements.txt", "--index-url x\nboto3==1\n"))), [1]);
        assert_eq!(lines(&no_own_registry(&File::new("a.json", npm))), [0_usize; 0]);
    }

    #[test]
    fn tests_that_do_not_run_are_found_in_other_languages() {
        let text = ["@pytest.mark.", "skip\ndef test_a(): pass\n"].concat();
        assert_eq!(lines(&no_skipped_test(&File::new("a.py", &text))), [1]);
        assert_eq!(lines(&no_skipped_test(&File::new("a.md", &text))), [0_usize; 0]);
    }
}
