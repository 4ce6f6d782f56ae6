//! `cargo xtask tidy`: the rules of the house that no compiler knows. Each is a pure function over the texts of files.

mod documents;
mod edges;
mod files;
mod manifests;
mod modules;
mod rooms;
mod source;
mod tree;
mod words;

use std::path::Path;

use tree::{File, Problem, Tree};

/// Rules for one Rust file.
const RUST_RULES: [fn(&File) -> Vec<Problem>; 5] = [
    files::begins_with_duty,
    files::short_enough,
    files::no_glob_import,
    files::no_ignored_test,
    rooms::calls_in_their_rooms,
];

/// Rules for one file of any language.
const TEXT_RULES: [fn(&File) -> Vec<Problem>; 4] =
    [words::no_unfinished_mark, words::no_machine_path, words::no_own_registry, words::no_skipped_test];

/// Rules for all files together.
const TREE_RULES: [fn(&Tree) -> Vec<Problem>; 7] = [
    modules::no_dead_file,
    edges::edges_of_core,
    manifests::layers,
    manifests::versions_in_the_workspace,
    rooms::libraries_in_their_rooms,
    documents::operations_agree,
    documents::links_hold,
];

/// Checks everything below `root`.
///
/// # Errors
/// The problems, one a line; or why the files could not be read.
pub fn check(root: &Path) -> Result<(), String> {
    let tree = Tree::read(root).map_err(|error| format!("reading {}: {error}", root.display()))?;
    let problems = problems(&tree);
    if problems.is_empty() {
        return Ok(());
    }
    let mut text: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
    text.push_str(&format!("{} problems", problems.len()));
    Err(text)
}

fn problems(tree: &Tree) -> Vec<Problem> {
    let rust = tree.rust().flat_map(|file| RUST_RULES.iter().flat_map(move |rule| rule(file)));
    let text = tree.files.iter().flat_map(|file| TEXT_RULES.iter().flat_map(move |rule| rule(file)));
    let whole = TREE_RULES.iter().flat_map(|rule| rule(tree));
    let mut problems: Vec<Problem> = rust.chain(text).chain(whole).collect();
    problems.sort();
    problems.dedup();
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        if let Err(problems) = check(&crate::root()) {
            panic!("{problems}");
        }
    }
}
