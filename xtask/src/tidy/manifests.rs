//! Rules for manifests: the layers of crates, and where dependencies come from.

use toml::{Table, Value};

use super::tree::{Problem, Tree};

/// The crates from the bottom up. Each may use only those before it.
const LAYERS: [&str; 17] = [
    "types", "policy", "patterns", "schedule", "crypto", "wire", "client", "places", "sinks", "store", "roots",
    "rotators", "partners", "runtimes", "core", "server", "cli",
];
/// Free to use any crate; as dependencies, only of tests and of one another.
const FREE: [&str; 4] = ["testkit", "bench", "suite", "fuzz"];
const PREFIX: &str = "strongroom-";

/// A dependency that a manifest names.
#[derive(Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The library's name.
    pub name: String,
    /// Whether only tests have it.
    pub dev: bool,
}

/// What a manifest's sections name, for all targets. Nothing when it is not TOML, which cargo reports.
pub fn dependencies(text: &str) -> Vec<Dependency> {
    let Ok(manifest) = text.parse::<Table>() else { return Vec::new() };
    let targets = manifest.get("target").and_then(Value::as_table);
    let tables =
        std::iter::once(&manifest).chain(targets.into_iter().flat_map(Table::values).filter_map(Value::as_table));
    let mut found = Vec::new();
    for table in tables {
        for section in ["dependencies", "build-dependencies", "dev-dependencies"] {
            for (key, value) in table.get(section).and_then(Value::as_table).into_iter().flatten() {
                let name = value.get("package").and_then(Value::as_str).unwrap_or(key);
                found.push(Dependency { name: name.to_owned(), dev: section == "dev-dependencies" });
            }
        }
    }
    found
}

/// A crate uses only crates below it.
pub fn layers(tree: &Tree) -> Vec<Problem> {
    let rank = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    let mut problems = Vec::new();
    for (folder, manifest) in tree.manifests().filter(|(folder, _)| folder.starts_with("crates/")) {
        let name = folder.trim_start_matches("crates/").trim_end_matches('/');
        if FREE.contains(&name) {
            continue;
        }
        let Some(own) = rank(name) else {
            problems
                .push(manifest.problem(1, format!("the crate `{name}` has no layer: give it one in xtask/src/tidy")));
            continue;
        };
        for dependency in dependencies(&manifest.text) {
            let Some(used) = dependency.name.strip_prefix(PREFIX) else { continue };
            let below = rank(used).is_some_and(|rank| rank < own);
            if !(below || used == name && dependency.dev || dependency.dev && FREE.contains(&used)) {
                let text = format!("`{name}` may not use `{used}`, which is not below it: {}", LAYERS.join(" < "));
                problems.push(manifest.problem_at(&dependency.name, text));
            }
        }
    }
    problems
}

/// Versions of libraries are named once, in the workspace.
pub fn versions_in_the_workspace(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (_, manifest) in tree.manifests().filter(|(folder, _)| folder.starts_with("crates/") || LONE.contains(folder)) {
        let Ok(table) = manifest.text.parse::<Table>() else { continue };
        for section in ["dependencies", "build-dependencies", "dev-dependencies"] {
            for (name, value) in table.get(section).and_then(Value::as_table).into_iter().flatten() {
                if value.get("workspace").and_then(Value::as_bool) != Some(true) {
                    let text = format!("`{name}` has its own version: name it in the root's workspace.dependencies");
                    problems.push(manifest.problem_at(name, text));
                }
            }
        }
    }
    problems
}

/// Members of the workspace that are not below `crates`.
const LONE: [&str; 3] = ["xtask/", "bench/", "tests/"];

#[cfg(test)]
mod tests {
    use super::super::tree::File;
    use super::*;

    fn tree(name: &str, text: &str) -> Tree {
        Tree::of(vec![File::new(&format!("crates/{name}/Cargo.toml"), text)])
    }

    #[test]
    fn all_sections_are_read() {
        let text = "[dependencies]\na = \"1\"\n[target.'cfg(unix)'.dependencies]\nb = { package = \"c\", version = \"1\" }\n\
                    [dev-dependencies]\nd = { workspace = true }\n";
        let names: Vec<(String, bool)> = dependencies(text).into_iter().map(|d| (d.name, d.dev)).collect();
        assert_eq!(names, [("a".to_owned(), false), ("d".to_owned(), true), ("c".to_owned(), false)]);
    }

    #[test]
    fn crates_use_only_what_is_below_them() {
        let lines = |name: &str, text: &str| layers(&tree(name, text)).into_iter().map(|p| p.line).collect::<Vec<_>>();
        let text = "[dependencies]\nstrongroom-types = {}\nstrongroom-core = {}\nstrongroom-testkit = {}\n";
        assert_eq!(lines("wire", text), [3, 4]);
        assert_eq!(lines("server", text), [4]);
        assert_eq!(lines("testkit", text), [0_usize; 0]);
        assert_eq!(lines("server", "[dev-dependencies]\nstrongroom-testkit = {}\n"), [0_usize; 0]);
        assert_eq!(lines("unknown", ""), [1]);
    }

    #[test]
    fn versions_are_in_the_workspace() {
        let text = "[dependencies]\na = \"1\"\nb = { workspace = true }\n";
        assert_eq!(versions_in_the_workspace(&tree("x", text)).len(), 1);
    }
}
