//! Statements of Transact-SQL as words: plain ones, names in brackets, texts in quotes.

/// A word of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word<'a> {
    Plain(&'a str),
    Name(String),
    Text(String),
}

/// The words; none when a quote or bracket does not end.
pub fn words(statement: &str) -> Option<Vec<Word<'_>>> {
    let mut words = Vec::new();
    let mut rest = statement.trim_start();
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let (name, after) = until(inside, ']')?;
            words.push(Word::Name(name));
            rest = after;
        } else if let Some(inside) = rest.strip_prefix("N'") {
            let (text, after) = until(inside, '\'')?;
            words.push(Word::Text(text));
            rest = after;
        } else if let Some(after) = rest.strip_prefix(',') {
            words.push(Word::Plain(","));
            rest = after;
        } else {
            let end = rest.find([' ', '[', ',', '\'']).filter(|end| *end > 0).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            words.push(Word::Plain(word));
            rest = after;
        }
        rest = rest.trim_start();
    }
    Some(words)
}

/// What stands before a sign, which stands for itself where it is doubled; and what follows.
fn until(text: &str, end: char) -> Option<(String, &str)> {
    let mut inside = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once(end)?;
        inside.push_str(part);
        rest = after;
        match rest.strip_prefix(end) {
            Some(after) => {
                inside.push(end);
                rest = after;
            }
            None => return Some((inside, rest)),
        }
    }
}
