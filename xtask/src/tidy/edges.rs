//! Which modules of `core` may use which.

use super::source;
use super::tree::{File, Problem, Tree};

/// Where the modules are.
const HOME: &str = "crates/core/src/";

/// Each module of `core` with what it may use of the others: a module, or one item of it. From the bottom up; the few
/// uses of something further down the table are the ones that name an item.
const EDGES: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("password", &[]),
    ("trail", &[]),
    ("backup", &[]),
    ("bootstrap", &[]),
    ("documents", &["announcing::Interest", "cache_figures", "error", "stages", "trail"]),
    ("announcing", &["documents", "error", "trail"]),
    ("cache_figures", &[]),
    ("stages", &[]),
    ("nodes", &["documents", "error", "trail"]),
    ("evidence", &["documents", "error", "trail"]),
    ("caller", &[]),
    ("catalogue", &["backup", "documents", "error"]),
    ("ctx", &["announcing", "caller", "documents", "error", "trail"]),
    ("data_keys", &["cache_figures"]),
    ("oidc", &["error"]),
    ("identities", &["cache_figures", "caller", "documents", "error", "oidc", "trail"]),
    (
        "access",
        &[
            "caller",
            "ctx",
            "databases::database",
            "error",
            "functions::resolve",
            "kms::grant",
            "kms::resolve",
            "secrets::resolve",
            "trail",
            "stages",
        ],
    ),
    ("page", &["documents", "error", "secrets::invalid_page_token"]),
    (
        "secrets",
        &[
            "access",
            "announcing",
            "cache_figures",
            "caller",
            "ctx",
            "data_keys",
            "documents",
            "error",
            "identities",
            "kms",
            "page",
            "password",
            "trail",
        ],
    ),
    ("databases", &["access", "ctx", "documents", "error", "page", "secrets", "trail"]),
    ("kms", &["access", "caller", "ctx", "documents", "error", "identities", "page", "trail"]),
    ("iam", &["access", "caller", "ctx", "documents", "error", "identities", "oidc", "page", "trail"]),
    ("sts", &["access", "caller", "ctx", "documents", "error", "identities", "oidc", "trail"]),
    ("functions", &["access", "caller", "ctx", "documents", "error", "identities", "sts", "trail"]),
    ("cloudwatch", &["access", "announcing", "ctx", "documents", "error", "page"]),
    ("logs", &["access", "cloudwatch", "ctx", "documents", "error", "page"]),
    ("events", &["access", "announcing", "ctx", "documents", "error", "functions", "page", "secrets", "trail"]),
    ("questions", &["access", "caller", "ctx", "documents", "error", "identities", "kms", "secrets", "trail"]),
    (
        "compliance",
        &[
            "access",
            "caller",
            "ctx",
            "documents",
            "error",
            "identities",
            "kms",
            "page",
            "questions",
            "secrets",
            "trail",
        ],
    ),
    ("cloudtrail", &["access", "ctx", "documents", "error", "evidence", "page", "trail"]),
    ("rotation", &["documents", "error", "kms", "secrets"]),
    ("rewrapping", &["bootstrap", "documents", "error", "kms"]),
    (
        "verification",
        &[
            "announcing",
            "catalogue",
            "compliance",
            "cloudwatch",
            "databases",
            "documents",
            "error",
            "events",
            "evidence",
            "functions",
            "identities",
            "kms",
            "logs",
            "nodes",
            "secrets",
            "trail",
        ],
    ),
];

/// The modules of `core` use one another only as the table says. Tests are free.
pub fn edges_of_core(tree: &Tree) -> Vec<Problem> {
    let Some(root) = tree.file("crates/core/src/lib.rs") else { return Vec::new() };
    let modules: Vec<String> = source::declarations(&root.code).into_iter().map(|declared| declared.name).collect();
    let mut problems = Vec::new();
    for module in modules.iter().filter(|module| allowed(module).is_none()) {
        let text = format!("the module `{module}` is not in the table of xtask/src/tidy/edges.rs: say what it may use");
        problems.push(root.problem_at(&format!("mod {module}"), text));
    }
    let exported = exports(root, &modules);
    for file in tree.rust().filter(|file| file.path.starts_with(HOME) && file.path != root.path) {
        problems.extend(edges_of_file(file, &modules, &exported));
    }
    problems
}

/// Names that the root passes on, each with its path from the root on.
fn exports(root: &File, modules: &[String]) -> Vec<(String, String)> {
    let imports = root.mentions.iter().filter(|mention| mention.imported);
    let of_modules = imports.filter(|mention| mention.names.first().is_some_and(|first| modules.contains(first)));
    of_modules.filter_map(|mention| Some((mention.names.last()?.clone(), mention.names.join("::")))).collect()
}

fn allowed(module: &str) -> Option<&'static [&'static str]> {
    EDGES.iter().find(|(name, _)| *name == module).map(|(_, uses)| *uses)
}

fn listed(uses: &[&str]) -> String {
    if uses.is_empty() { "nothing of `core`".to_owned() } else { uses.join(", ") }
}

fn edges_of_file(file: &File, modules: &[String], exported: &[(String, String)]) -> Vec<Problem> {
    let inner = file.path.trim_start_matches(HOME).trim_end_matches(".rs").trim_end_matches("/mod");
    let module = inner.split('/').next().unwrap_or(inner);
    let depth = inner.split('/').count();
    let Some(uses) = allowed(module) else { return Vec::new() };
    let mut problems = Vec::new();
    for mention in file.mentions.iter().filter(|mention| !file.is_test(mention.line)) {
        let ups = mention.names.iter().take_while(|name| *name == "super").count();
        if ups >= depth {
            let text = "`super` leads to the root of the crate: name the module by `crate::`";
            problems.push(file.problem(mention.line, text));
        }
        let Some((first, path)) = mention.names.split_first() else { continue };
        let Some(used) = path.first().filter(|_| first == "crate") else { continue };
        let path = match exported.iter().find(|(name, _)| name == used) {
            Some((_, path)) => path.clone(),
            None if modules.contains(used) => path.join("::"),
            // An item of the root itself.
            None => continue,
        };
        let covered = |edge: &str| path == edge || path.strip_prefix(edge).is_some_and(|rest| rest.starts_with("::"));
        if !(covered(module) || uses.iter().any(|edge| covered(edge))) {
            let text = format!("`{module}` may not use `{path}`, only: {}", listed(uses));
            problems.push(file.problem(mention.line, text));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        let root = "pub mod documents;\npub mod error;\npub mod secrets;\npub mod trail;\npub use secrets::Secrets;\n\
                    fn helper() {}\n";
        let file = File::new(&format!("crates/core/src/{path}"), text);
        let tree =
            Tree::of(vec![File::new("crates/core/Cargo.toml", ""), File::new("crates/core/src/lib.rs", root), file]);
        edges_of_core(&tree).into_iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn the_lower_modules_do_not_know_secrets() {
        let text = "use crate::helper;\nuse crate::{helper, secrets::put, Secrets};\nfn f() { crate::secrets::g() }\n\
                    use super::secrets;\n#[cfg(test)]\nmod tests { use crate::secrets::x; }\n";
        for module in ["documents.rs", "data_keys.rs", "trail/mod.rs"] {
            assert_eq!(found(module, text), [2, 2, 3, 4], "{module}");
        }
        assert_eq!(
            found("secrets/put.rs", "use crate::{documents, error::Error, Secrets};\nuse super::read;\n"),
            [0_usize; 0]
        );
    }

    #[test]
    fn an_edge_may_be_one_item() {
        assert_eq!(found("access.rs", "use crate::secrets::resolve::SecretRef;\nuse crate::secrets::resolved;\n"), [2]);
    }

    #[test]
    fn a_module_without_an_entry_is_noticed() {
        let root = File::new("crates/core/src/lib.rs", "mod error;\nmod novel;\n");
        let problems = edges_of_core(&Tree::of(vec![root]));
        assert_eq!(problems.into_iter().map(|problem| problem.line).collect::<Vec<_>>(), [2]);
    }
}
