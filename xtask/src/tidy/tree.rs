//! The files that are looked at: everything below the root that no `.gitignore` leaves out, read once.

use std::io;
use std::path::Path;

use super::source::{self, Mention};

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, from the root on.
    pub path: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, and what to do instead.
    pub text: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

/// One text file.
#[derive(Debug)]
pub struct File {
    /// Its path from the root on, with `/` between the parts.
    pub path: String,
    /// What it says.
    pub text: String,
    /// The same without comments and literals; empty for other languages than Rust.
    pub code: String,
    /// The paths that the code mentions, in its order.
    pub mentions: Vec<Mention>,
    test_items: Vec<(usize, usize)>,
    test_only: bool,
}

impl File {
    /// A file with this text.
    pub fn new(path: &str, text: &str) -> Self {
        let code = if is_rust(path) { source::blank(text) } else { String::new() };
        let mentions = source::mentions(&code);
        let test_items = source::test_items(&code);
        Self { path: path.to_owned(), text: text.to_owned(), code, mentions, test_items, test_only: false }
    }

    /// Whether it is Rust.
    pub fn is_rust(&self) -> bool {
        is_rust(&self.path)
    }

    /// Whether a program wrote it: its first line says so.
    pub fn is_generated(&self) -> bool {
        self.text.lines().next().is_some_and(|first| first.contains("generated") && first.contains("do not edit"))
    }

    /// Whether only tests compile the line.
    pub fn is_test(&self, line: usize) -> bool {
        self.test_only || self.test_items.iter().any(|(first, last)| (*first..=*last).contains(&line))
    }

    /// A problem on a line of this file.
    pub fn problem(&self, line: usize, text: impl Into<String>) -> Problem {
        Problem { path: self.path.clone(), line, text: text.into() }
    }

    /// A problem on the first line that contains `words`.
    pub fn problem_at(&self, words: &str, text: impl Into<String>) -> Problem {
        self.problem(self.text.lines().position(|line| line.contains(words)).unwrap_or(0) + 1, text)
    }
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

/// All files.
#[derive(Debug, Default)]
pub struct Tree {
    /// In the order of their paths.
    pub files: Vec<File>,
}

impl Tree {
    /// A tree of these files.
    pub fn of(mut files: Vec<File>) -> Self {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let mut tree = Self { files };
        let test_only = super::modules::test_only(&tree);
        for file in &mut tree.files {
            file.test_only = test_only.contains(&file.path);
        }
        tree
    }

    /// Reads everything below `root` that is text.
    ///
    /// # Errors
    /// Those of reading.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        read_folder(root, "", &mut Vec::new(), &mut files)?;
        Ok(Self::of(files))
    }

    /// The file at a path.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok().and_then(|at| self.files.get(at))
    }

    /// The Rust files.
    pub fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_rust())
    }

    /// The manifests, each with the folder of its package (ending in `/`, empty for the root).
    pub fn manifests(&self) -> impl Iterator<Item = (&str, &File)> {
        self.files.iter().filter_map(|file| {
            let folder = file.path.strip_suffix("Cargo.toml")?;
            (folder.is_empty() || folder.ends_with('/')).then_some((folder, file))
        })
    }
}

fn read_folder(root: &Path, folder: &str, ignored: &mut Vec<Pattern>, files: &mut Vec<File>) -> io::Result<()> {
    let known = ignored.len();
    let here = root.join(folder);
    match std::fs::read_to_string(here.join(".gitignore")) {
        Ok(text) => ignored.extend(patterns(folder, &text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    for entry in std::fs::read_dir(here)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}{name}");
        let kind = entry.file_type()?;
        if name == ".git" || ignored.iter().any(|pattern| pattern.matches(&path, &name, kind.is_dir())) {
            continue;
        }
        if kind.is_dir() {
            read_folder(root, &format!("{path}/"), ignored, files)?;
        } else if kind.is_file() {
            match std::fs::read(entry.path()).map(String::from_utf8) {
                Ok(Ok(text)) => files.push(File::new(&path, &text)),
                // Not text, or gone since the folder was listed.
                Ok(Err(_)) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    ignored.truncate(known);
    Ok(())
}

/// One line of a `.gitignore`: a name or a path from its folder on, with at most one `*`.
#[derive(Debug)]
struct Pattern {
    folder: String,
    text: String,
    rooted: bool,
    folders_only: bool,
}

impl Pattern {
    fn matches(&self, path: &str, name: &str, is_folder: bool) -> bool {
        let subject = match path.strip_prefix(&self.folder) {
            Some(from_here) if self.rooted => from_here,
            Some(_) => name,
            None => return false,
        };
        let equal = match self.text.split_once('*') {
            Some((start, end)) => subject.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
            None => subject == self.text,
        };
        equal && (is_folder || !self.folders_only)
    }
}

fn patterns(folder: &str, text: &str) -> Vec<Pattern> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let bare = line.trim_end_matches('/');
            Pattern {
                folder: folder.to_owned(),
                text: bare.trim_start_matches('/').to_owned(),
                rooted: bare.contains('/'),
                folders_only: line.ends_with('/'),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_names_and_paths_are_told_apart() {
        let all = patterns("a/", "# words\n\ntarget/\n/data/\n*.raw\n");
        let ignored = |path: &str, is_folder: bool| {
            let name = path.rsplit('/').next().expect("a name");
            all.iter().any(|p| p.matches(path, name, is_folder))
        };
        assert!(ignored("a/b/target", true) && ignored("a/data", true) && ignored("a/b/c.raw", false));
        assert!(!ignored("a/target", false) && !ignored("a/b/data", true) && !ignored("data", true));
    }

    #[test]
    fn lines_of_tests_are_known_through_the_modules() {
        let tree = Tree::of(vec![
            File::new("x/Cargo.toml", ""),
            File::new("x/src/lib.rs", "//! x\nmod a;\n#[cfg(test)]\nmod b;\n"),
            File::new("x/src/a.rs", "//! a\nfn f() {}\n#[cfg(test)]\nmod tests {\n}\n"),
            File::new("x/src/b.rs", "//! b\n"),
        ]);
        let is_test = |path: &str, line: usize| tree.file(path).expect("there").is_test(line);
        assert!(!is_test("x/src/a.rs", 2) && is_test("x/src/a.rs", 4) && is_test("x/src/b.rs", 1));
    }
}
