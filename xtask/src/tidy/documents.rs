//! Documents agree with the code: the table of operations, and links.

use serde_json::Value;

use super::source;
use super::tree::{File, Problem, Tree};

const README: &str = "README.md";
const MODEL: &str = "models/secretsmanager.json";
const OPERATIONS: &str = "crates/server/src/ops/secretsmanager.rs";
const TABLE_HEAD: &str = "| operation | state |";
const REFUSED: &str = "answers with an error";
/// Documents that must be there.
const NEEDED: [&str; 1] = ["docs/configuration.md"];

/// The README lists every operation of the model once, in the order of the alphabet, and says truly which are offered.
pub fn operations_agree(tree: &Tree) -> Vec<Problem> {
    let Some(readme) = tree.file(README) else { return vec![missing(README)] };
    let Some(model) = tree.file(MODEL) else { return vec![missing(MODEL)] };
    let Some(code) = tree.file(OPERATIONS) else { return vec![missing(OPERATIONS)] };
    let Some(modelled) = modelled_operations(&model.text) else {
        return vec![model.problem(1, "no object `operations` in it: run `cargo xtask models refresh`")];
    };
    let Some(refused) = not_offered(code) else {
        return vec![code.problem(1, "no constant NOT_OFFERED in it: list the operations that answer with an error")];
    };
    let rows = table(&readme.text);
    if rows.is_empty() {
        return vec![readme.problem(1, format!("no table `{TABLE_HEAD}`: list the operations"))];
    }
    let mut problems = order(readme, &rows);
    for row in &rows {
        if !modelled.contains(&row.operation) {
            let text = format!("`{}` is no operation of {MODEL}", row.operation);
            problems.push(readme.problem(row.line, text));
        }
        let says_refused = row.state == REFUSED;
        if !says_refused && !row.state.starts_with("works") {
            let text = format!("a state is `works`, `works, but …`, `works; …` or `{REFUSED}`");
            problems.push(readme.problem(row.line, text));
        }
        if says_refused != refused.contains(&row.operation) {
            let text = format!("`{}` is not what NOT_OFFERED in {OPERATIONS} says of it", row.state);
            problems.push(readme.problem(row.line, text));
        }
    }
    for operation in modelled.iter().filter(|name| !rows.iter().any(|row| row.operation == **name)) {
        problems.push(readme.problem_at(TABLE_HEAD, format!("`{operation}` is missing in the table")));
    }
    problems
}

fn missing(path: &str) -> Problem {
    Problem { path: path.to_owned(), line: 1, text: "the file is missing".to_owned() }
}

struct Row {
    line: usize,
    operation: String,
    state: String,
}

fn table(text: &str) -> Vec<Row> {
    let lines = text.lines().enumerate().skip_while(|(_, line)| *line != TABLE_HEAD).skip(2);
    let rows = lines.map_while(|(at, line)| {
        let (operation, state) = line.strip_prefix('|')?.strip_suffix('|')?.split_once('|')?;
        Some(Row { line: at + 1, operation: operation.trim().to_owned(), state: state.trim().to_owned() })
    });
    rows.collect()
}

fn order(readme: &File, rows: &[Row]) -> Vec<Problem> {
    let pairs = rows.iter().zip(rows.iter().skip(1));
    let wrong = pairs.filter(|(before, row)| before.operation >= row.operation);
    wrong
        .map(|(before, row)| {
            let text =
                format!("`{}` after `{}`: list each operation once, by the alphabet", row.operation, before.operation);
            readme.problem(row.line, text)
        })
        .collect()
}

/// The names of the model's operations, whether they are keys or members `name` of a list.
fn modelled_operations(text: &str) -> Option<Vec<String>> {
    let model: Value = serde_json::from_str(text).ok()?;
    match model.get("operations")? {
        Value::Object(operations) => Some(operations.keys().cloned().collect()),
        Value::Array(operations) => operations.iter().map(|one| Some(one.get("name")?.as_str()?.to_owned())).collect(),
        _ => None,
    }
}

/// The operations that the constant NOT_OFFERED names.
fn not_offered(code: &File) -> Option<Vec<String>> {
    let (_, after) = code.code.split_once("const NOT_OFFERED")?;
    let (_, value) = after.split_once('=')?;
    let names = source::mentions(value.split(';').next()?).into_iter().filter(|mention| mention.contains("Operation"));
    Some(names.filter_map(|mention| mention.names.last().cloned()).collect())
}

/// Links between documents lead somewhere, every document is linked, and the needed ones are there.
pub fn links_hold(tree: &Tree) -> Vec<Problem> {
    let mut problems: Vec<Problem> =
        NEEDED.iter().filter(|path| tree.file(path).is_none()).map(|path| missing(path)).collect();
    let mut linked = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".md")) {
        for (line, target) in links(&file.text) {
            let path = resolve(&file.path, &target);
            if tree.files.iter().any(|other| other.path == path || other.path.starts_with(&format!("{path}/"))) {
                linked.push(path);
            } else {
                problems.push(file.problem(line, format!("the link to `{target}` leads nowhere")));
            }
        }
    }
    let documents = tree.files.iter().filter(|file| file.path.starts_with("docs/") && file.path.ends_with(".md"));
    for document in documents.filter(|file| !linked.contains(&file.path)) {
        problems.push(document.problem(1, "no document links to it: link it from README.md"));
    }
    problems
}

/// Links to files of the repository, with their lines and without their fragments.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for rest in line.split("](").skip(1) {
            let Some((target, _)) = rest.split_once(')') else { continue };
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains("://") && !path.starts_with("mailto:") {
                found.push((at + 1, path.to_owned()));
            }
        }
    }
    found
}

/// The path of a link's target from the root on.
fn resolve(document: &str, target: &str) -> String {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readme(rows: &str) -> Vec<usize> {
        let tree = Tree::of(vec![
            File::new(README, &format!("{TABLE_HEAD}\n|---|---|\n{rows}\n\n")),
            File::new(MODEL, r#"{"operations": {"A": {}, "B": {}, "C": {}}}"#),
            File::new(OPERATIONS, "pub const NOT_OFFERED: [Operation; 1] = [\n    Operation::B,\n];\n"),
        ]);
        operations_agree(&tree).into_iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn the_table_of_operations_is_that_of_the_code() {
        assert_eq!(readme("| A | works |\n| B | answers with an error |\n| C | works, but slowly |"), [0_usize; 0]);
        assert_eq!(readme("| A | answers with an error |\n| B | works |\n| C | works |"), [3, 4]);
        assert_eq!(readme("| B | answers with an error |\n| A | works |\n| A | works |"), [4, 5, 1]);
        assert_eq!(readme("| A | works |\n| B | answers with an error |\n| C | perhaps |\n| D | works |"), [5, 6]);
        assert_eq!(readme(""), [1]);
    }

    #[test]
    fn links_are_followed_from_their_document() {
        let tree = Tree::of(vec![
            File::new("README.md", "[a](docs/configuration.md#b) [c](https://example.com) [d](gone.md)\n"),
            File::new("docs/configuration.md", "[r](../README.md)\n[l](../docs/)\n"),
            File::new("docs/alone.md", ""),
        ]);
        let found: Vec<(String, usize)> = links_hold(&tree).into_iter().map(|p| (p.path, p.line)).collect();
        assert_eq!(found, [("README.md".to_owned(), 1), ("docs/alone.md".to_owned(), 1)]);
    }
}
