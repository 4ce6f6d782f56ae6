//! Rust text as rules read it: comments and literals blanked out, words, paths, functions and the lines of tests.

/// A mention of a path in code, such as `std::fs::read` or `println!`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The line, counted from 1.
    pub line: usize,
    /// The names between the double colons; a macro's last name ends in `!`, a glob import's is `*`.
    pub names: Vec<String>,
    /// Whether a `use` brings it in.
    pub imported: bool,
}

impl Mention {
    /// Whether `wanted` (names joined by `::`) occurs in the path, on whole names.
    pub fn contains(&self, wanted: &str) -> bool {
        let wanted: Vec<&str> = wanted.split("::").collect();
        self.names.windows(wanted.len()).any(|part| part == wanted)
    }
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The line of the word `fn`, counted from 1.
    pub line: usize,
    /// Lines from `fn` to the closing brace.
    pub lines: usize,
}

/// A `mod name;` declaration.
#[derive(Debug, PartialEq, Eq)]
pub struct Declaration {
    /// The module's name.
    pub name: String,
    /// The line of the word `mod`, counted from 1.
    pub line: usize,
}

/// The same text with every character of comments, strings and character literals turned into a space. Line breaks stay.
pub fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_word = false;
    while let Some(first) = rest.chars().next() {
        let hidden = hidden_len(rest, after_word);
        let (now, later) = rest.split_at_checked(hidden.max(first.len_utf8())).unwrap_or((rest, ""));
        if hidden == 0 {
            code.push_str(now);
        } else {
            code.extend(now.chars().map(|c| if c == '\n' { c } else { ' ' }));
        }
        after_word = hidden == 0 && is_word(first);
        rest = later;
    }
    code
}

/// Length in bytes of the comment or literal that `rest` begins with; 0 when it begins with code.
fn hidden_len(rest: &str, after_word: bool) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return comment_len(rest);
    }
    if rest.starts_with('\'') {
        return char_len(rest);
    }
    if after_word {
        return if rest.starts_with('"') { string_len(rest, 0) } else { 0 };
    }
    let prefix = rest.bytes().take_while(|b| matches!(b, b'b' | b'c' | b'r')).take(2).count();
    let (prefix, body) = rest.split_at_checked(prefix).unwrap_or(("", rest));
    if prefix.ends_with('r') {
        let hashes = body.bytes().take_while(|b| *b == b'#').count();
        return match body.split_at_checked(hashes) {
            Some((fence, quoted)) if quoted.starts_with('"') => {
                let end = format!("\"{fence}");
                let start = prefix.len() + hashes + 1;
                let found = rest.get(start..).and_then(|inner| inner.find(&end));
                found.map_or(rest.len(), |at| start + at + end.len())
            }
            _ => 0,
        };
    }
    match body.chars().next() {
        Some('"') => string_len(rest, prefix.len()),
        Some('\'') if prefix == "b" => prefix.len() + char_len(body),
        _ => 0,
    }
}

fn comment_len(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(here) = rest.get(at..) {
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else if let Some(c) = here.chars().next() {
            at += c.len_utf8();
        } else {
            break;
        }
    }
    rest.len()
}

/// Length of the string whose opening quote is at byte `quote`.
fn string_len(rest: &str, quote: usize) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip_while(|(at, _)| *at <= quote) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Length of a character literal; 0 for a lifetime or label.
fn char_len(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    let Some((_, first)) = chars.next() else { return 0 };
    if first == '\\' {
        let _escape = chars.next();
        return chars.find(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 1);
    }
    match chars.next() {
        Some((at, '\'')) => at + 1,
        _ => 0,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The words of blanked code with the bytes they begin at.
pub fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = code.get(at..)?;
        let start = at + rest.find(is_word)?;
        let tail = code.get(start..)?;
        at = start + tail.find(|c| !is_word(c)).unwrap_or(tail.len());
        Some((start, code.get(start..at)?))
    })
}

/// The line, counted from 1, of a byte.
pub fn line_at(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|b| *b == b'\n').count() + 1
}

/// Every path that blanked code mentions, imports spelled out one by one.
pub fn mentions(code: &str) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut end = 0;
    let mut line = 1;
    let mut import_end = 0;
    for (start, word) in words(code) {
        let between = code.get(end..start).unwrap_or_default();
        let linked = between.trim() == "::";
        if !linked {
            close(code, end, line, &mut names, &mut found);
        }
        end = start + word.len();
        line += between.matches('\n').count();
        if start < import_end {
            continue;
        }
        names.push(word.to_owned());
        if word == "use" && !linked {
            import_end = import(code, end, line, &mut found);
        }
    }
    close(code, end, line, &mut names, &mut found);
    found
}

fn close(code: &str, end: usize, line: usize, names: &mut Vec<String>, found: &mut Vec<Mention>) {
    let after = code.get(end..).unwrap_or_default();
    if let Some(last) = names.last_mut()
        && after.starts_with('!')
        && !after.starts_with("!=")
    {
        last.push('!');
    }
    if !names.is_empty() {
        found.push(Mention { line, names: std::mem::take(names), imported: false });
    }
}

/// Spells out the import whose keyword ends at byte `start`; returns where it ends.
fn import(code: &str, start: usize, line: usize, found: &mut Vec<Mention>) -> usize {
    let item = code.get(start..).and_then(|rest| rest.split(';').next()).unwrap_or_default();
    // `use<'a>` in a type is no import.
    if item.trim_start().starts_with('<') {
        return start;
    }
    let mut paths = Vec::new();
    spell(&[], item, &mut paths);
    found.extend(paths.into_iter().map(|names| Mention { line, names, imported: true }));
    start + item.len()
}

fn spell(prefix: &[String], tree: &str, paths: &mut Vec<Vec<String>>) {
    for branch in branches(tree) {
        let (path, inner) = match branch.split_once('{') {
            Some((path, rest)) => (path, rest.rsplit_once('}').map(|(inner, _)| inner)),
            None => (branch, None),
        };
        let path = path.split_once(" as ").map_or(path, |(path, _)| path);
        let mut names = prefix.to_vec();
        names.extend(path.split("::").map(str::trim).filter(|n| !n.is_empty() && *n != "self").map(str::to_owned));
        match inner {
            Some(inner) => spell(&names, inner, paths),
            None => paths.push(names),
        }
    }
}

/// The parts of an import's tree between commas that are not inside inner braces.
fn branches(tree: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    for (at, c) in tree.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.extend(tree.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(tree.get(start..));
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// The functions of blanked code that have a body.
pub fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    let mut keyword = None;
    for (start, word) in words(code) {
        if let Some(at) = keyword.take()
            && code.get(at + 2..start).is_some_and(|between| between.trim().is_empty())
            && let Some((open, end)) = body(code, start)
            && code.get(open..).is_some_and(|rest| rest.starts_with('{'))
        {
            let line = line_at(code, at);
            found.push(Function { name: word.to_owned(), line, lines: line_at(code, end) - line + 1 });
        }
        if word == "fn" {
            keyword = Some(start);
        }
    }
    found
}

/// Where the body of the item from byte `start` on opens (its brace or semicolon) and where it ends.
fn body(code: &str, start: usize) -> Option<(usize, usize)> {
    let mut depth = 0_usize;
    let mut opened = None;
    for (at, c) in code.get(start..)?.char_indices().map(|(at, c)| (start + at, c)) {
        match c {
            ';' if depth == 0 => return Some((at, at)),
            '{' if depth == 0 => {
                opened = Some(at);
                depth += 1;
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some((opened?, at));
                }
            }
            _ => {}
        }
    }
    None
}

/// First and last lines, counted from 1, of the items that only tests compile.
pub fn test_items(code: &str) -> Vec<(usize, usize)> {
    let mut items = Vec::new();
    for (at, _) in code.match_indices("#[cfg(") {
        let Some((attribute, _)) = code.get(at..).and_then(|rest| rest.split_once(']')) else { continue };
        let only_tests = words(attribute).any(|(_, word)| word == "test") && !attribute.contains("not(test");
        if only_tests && let Some((_, end)) = body(code, at + attribute.len() + 1 + attributes_len(code, at, attribute))
        {
            items.push((line_at(code, at), line_at(code, end)));
        }
    }
    items
}

/// Bytes of further attributes between the one at `at` and its item.
fn attributes_len(code: &str, at: usize, attribute: &str) -> usize {
    let rest = code.get(at + attribute.len() + 1..).unwrap_or_default();
    let mut left = rest.trim_start();
    while left.starts_with("#[") {
        left = left.split_once(']').map_or("", |(_, after)| after.trim_start());
    }
    rest.len() - left.len()
}

/// The modules that blanked code declares to be in files of their own.
pub fn declarations(code: &str) -> Vec<Declaration> {
    let mut found = Vec::new();
    let mut keyword = None;
    for (start, word) in words(code) {
        if let Some(at) = keyword.take()
            && code.get(start + word.len()..).is_some_and(|rest| rest.trim_start().starts_with(';'))
        {
            found.push(Declaration { name: word.to_owned(), line: line_at(code, at) });
        }
        if word == "mod" {
            keyword = Some(start);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(code: &str) -> Vec<String> {
        mentions(&blank(code)).iter().filter(|m| m.names.len() > 1).map(|m| m.names.join("::")).collect()
    }

    #[test]
    fn comments_and_literals_are_blanked_and_lines_stay() {
        let text = "a /* x /* y */ z */ b // c\n\"d\\\"e\" 'f' b'\\'' r#\"g\"h\"# &'static i\nbr\"j\" c\"k\" l\"m\" '\\u{1}' n";
        let code = blank(text);
        assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "b", "&'static", "i", "l", "n"]);
        assert_eq!(code.lines().count(), text.lines().count());
        assert_eq!(blank("brr br bar"), "brr br bar");
    }

    #[test]
    fn imports_are_spelled_out() {
        assert_eq!(
            paths("use std::{fs, io::{self, Read as R}, *};"),
            ["std::fs", "std::io", "std::io::Read", "std::*"]
        );
        assert_eq!(
            paths("fn f() -> impl Iterator + use<'_> { std::fs::read(x); a!= b; crate::say!(c) }"),
            ["std::fs::read", "crate::say!"]
        );
    }

    #[test]
    fn paths_match_on_whole_names() {
        let mention = |code: &str| mentions(code).into_iter().next().expect("one path");
        assert!(mention("std::env::var(x)").contains("env::var"));
        assert!(!mention("std::env::var_os(x)").contains("env::var"));
        assert!(mention("println!(x)").contains("println!"));
    }

    #[test]
    fn functions_are_measured_from_their_keyword_to_their_brace() {
        let code = "trait A { fn a(&self);\n fn b(x: [u8; 2]) -> [u8; 2] {\n x\n }\n}\ntype F = fn(u8);";
        assert_eq!(functions(code), [Function { name: "b".to_owned(), line: 2, lines: 3 }]);
    }

    #[test]
    fn items_for_tests_are_found() {
        let code = "fn a() {}\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n fn b() {}\n}\n#[cfg(not(test))]\nfn c() {}\n\
                    #[cfg(any(test, feature = \"x\"))]\nmod d;\n";
        assert_eq!(test_items(&blank(code)), [(2, 6), (9, 10)]);
    }

    #[test]
    fn only_modules_in_other_files_are_declarations() {
        let code = "mod a {}\npub(crate) mod b;\n";
        assert_eq!(declarations(code), [Declaration { name: "b".to_owned(), line: 2 }]);
    }
}
