//! Which files of a package are reached by `mod`, and which of them only by tests.

use std::collections::BTreeSet;

use super::source;
use super::tree::{File, Problem, Tree};

/// Folders of a package whose files are roots of their own.
const ROOT_FOLDERS: [&str; 4] = ["src/bin/", "tests/", "benches/", "examples/"];

/// No file lies in a package without being compiled.
pub fn no_dead_file(tree: &Tree) -> Vec<Problem> {
    let reached = reach(tree);
    let dead = tree.rust().filter(|file| package(tree, &file.path).is_some() && !reached.all.contains(&file.path));
    dead.map(|file| file.problem(1, "no module declares this file: declare it with `mod`, or delete it")).collect()
}

/// The paths of the files that only tests compile.
pub fn test_only(tree: &Tree) -> BTreeSet<String> {
    let Reached { all, shipped } = reach(tree);
    all.difference(&shipped).cloned().collect()
}

#[derive(Default)]
struct Reached {
    all: BTreeSet<String>,
    shipped: BTreeSet<String>,
}

fn reach(tree: &Tree) -> Reached {
    let mut reached = Reached::default();
    for (folder, manifest) in tree.manifests() {
        for file in tree.rust().filter(|file| package(tree, &file.path) == Some(folder)) {
            let inner = file.path.strip_prefix(folder).unwrap_or(&file.path);
            if is_root(inner, &manifest.text) {
                let test = inner.starts_with("tests/") || inner.starts_with("benches/");
                follow(tree, file, folder_of(&file.path), test, &mut reached);
            }
        }
    }
    reached
}

/// The folder of the innermost package that holds a path.
fn package<'a>(tree: &'a Tree, path: &str) -> Option<&'a str> {
    tree.manifests().map(|(folder, _)| folder).filter(|folder| path.starts_with(folder)).max_by_key(|f| f.len())
}

fn is_root(inner: &str, manifest: &str) -> bool {
    let alone =
        |folder: &str| inner.strip_prefix(folder).is_some_and(|name| !name.contains('/') || name.ends_with("/main.rs"));
    ["src/lib.rs", "src/main.rs", "build.rs"].contains(&inner)
        || ROOT_FOLDERS.into_iter().any(alone)
        || manifest.lines().any(|line| {
            line.split_once('=')
                .is_some_and(|(key, path)| key.trim() == "path" && path.trim().trim_matches('"') == inner)
        })
}

fn folder_of(path: &str) -> String {
    path.rsplit_once('/').map_or_else(String::new, |(folder, _)| format!("{folder}/"))
}

/// Marks a file and what it declares; `home` is the folder where its modules are.
fn follow(tree: &Tree, file: &File, home: String, test: bool, reached: &mut Reached) {
    let new = reached.all.insert(file.path.clone());
    if !(if test { new } else { reached.shipped.insert(file.path.clone()) }) {
        return;
    }
    for declared in source::declarations(&file.code) {
        let test = test || file.is_test(declared.line);
        let here = format!("{home}{}.rs", declared.name);
        let folder = format!("{home}{}/", declared.name);
        if let Some(module) = tree.file(&here) {
            follow(tree, module, folder, test, reached);
        } else if let Some(module) = tree.file(&format!("{folder}mod.rs")) {
            follow(tree, module, folder, test, reached);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        Tree::of(vec![
            File::new("Cargo.toml", "[workspace]"),
            File::new("a/Cargo.toml", "[[bin]]\npath = \"targets/t.rs\"\n"),
            File::new("a/src/lib.rs", "pub mod b;\n#[cfg(test)]\nmod c;\n"),
            File::new("a/src/b/mod.rs", "mod d;"),
            File::new("a/src/b/d.rs", ""),
            File::new("a/src/c.rs", ""),
            File::new("a/src/dead.rs", "mod c;"),
            File::new("a/targets/t.rs", ""),
            File::new("a/tests/whole.rs", ""),
        ])
    }

    #[test]
    fn a_file_that_no_module_declares_is_dead() {
        let dead: Vec<String> = no_dead_file(&tree()).into_iter().map(|problem| problem.path).collect();
        assert_eq!(dead, ["a/src/dead.rs"]);
    }

    #[test]
    fn tests_in_files_of_their_own_are_known() {
        let found: Vec<String> = test_only(&tree()).into_iter().collect();
        assert_eq!(found, ["a/src/c.rs", "a/tests/whole.rs"]);
    }
}
