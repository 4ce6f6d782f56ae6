//! Rows as a table, CSV or JSON, written as they come: what is held does not grow with them.

use std::io::{self, Write};

use clap::ValueEnum;
use serde_json::{Map, Value};
use strongroom_core::compliance::reports::Cell;

/// Rows of a table that are held until they are aligned and written.
const ALIGNED_ROWS: usize = 500;
/// What a spreadsheet takes for the beginning of a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// Comma-separated values (RFC 4180), in which no spreadsheet sees a formula.
    Csv,
    /// JSON.
    Json,
}

/// A sheet that is being written. As JSON it is an array of objects.
pub struct Sheet<W> {
    out: W,
    format: Format,
    columns: Vec<&'static str>,
    held: Vec<Vec<String>>,
    rows: u64,
}

impl<W: Write> Sheet<W> {
    /// A sheet without rows. For people the columns' names are in capitals.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn begin(mut out: W, format: Format, columns: &[&'static str]) -> io::Result<Self> {
        let mut held = Vec::new();
        match format {
            Format::Table => held.push(columns.iter().map(|name| name.to_uppercase().replace('_', " ")).collect()),
            Format::Csv => write!(out, "{}\r\n", columns.join(","))?,
            Format::Json => write!(out, "[")?,
        }
        Ok(Self { out, format, columns: columns.to_vec(), held, rows: 0 })
    }

    /// Writes a row.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn row(&mut self, cells: Vec<Cell>) -> io::Result<()> {
        match self.format {
            Format::Table => {
                self.held.push(cells.iter().map(printable).collect());
                if self.held.len() >= ALIGNED_ROWS {
                    self.write_held()?;
                }
            }
            Format::Csv => {
                let cells: Vec<String> = cells.iter().map(quoted).collect();
                write!(self.out, "{}\r\n", cells.join(","))?;
            }
            Format::Json => {
                let named = self.columns.iter().map(|name| (*name).to_owned()).zip(cells.into_iter().map(value));
                let object = Value::Object(named.collect::<Map<_, _>>());
                write!(self.out, "{}\n{object}", if self.rows > 0 { "," } else { "" })?;
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Ends it. Returns where it was written to.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn end(mut self) -> io::Result<W> {
        self.write_held()?;
        if self.format == Format::Json {
            write!(self.out, "{}]", if self.rows > 0 { "\n" } else { "" })?;
        }
        Ok(self.out)
    }

    fn write_held(&mut self) -> io::Result<()> {
        let mut widths = vec![0; self.columns.len()];
        for row in &self.held {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for row in self.held.drain(..) {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
            writeln!(self.out, "{}", cells.join("  ").trim_end())?;
        }
        Ok(())
    }
}

/// A cell for the terminal, without what would change it.
fn printable(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        Cell::Number(number) => number.to_string(),
        Cell::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Cell::Nothing => "-".to_owned(),
    }
}

/// A cell of CSV. Text that a spreadsheet would reckon with has an apostrophe before it.
fn quoted(cell: &Cell) -> String {
    let text = match cell {
        Cell::Text(text) => text,
        Cell::Number(number) => return number.to_string(),
        Cell::Flag(flag) => return flag.to_string(),
        Cell::Nothing => return String::new(),
    };
    let text = if text.starts_with(FORMULA) { format!("'{text}") } else { text.clone() };
    if text.contains([',', '"', '\'', ';', '\n', '\r', '\t']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

fn value(cell: Cell) -> Value {
    match cell {
        Cell::Text(text) => Value::String(text),
        Cell::Number(number) => number.into(),
        Cell::Flag(flag) => flag.into(),
        Cell::Nothing => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format, rows: &[[Cell; 2]]) -> String {
        let mut sheet = Sheet::begin(Vec::new(), format, &["a_b", "c"]).expect("begun");
        for row in rows {
            sheet.row(row.to_vec()).expect("written");
        }
        String::from_utf8(sheet.end().expect("ended")).expect("text")
    }

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    #[test]
    fn csv_is_quoted_and_holds_no_formula() {
        let rows = [
            [text("=HYPERLINK(\"http://x\",\"y\")"), Cell::Number(1)],
            [text("+1"), text("-1")],
            [text("@a"), text("\tb")],
            [text("two\r\nlines"), text("a,b")],
            [text("plain"), Cell::Nothing],
        ];
        let expected = "a_b,c\r\n\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",1\r\n\"'+1\",\"'-1\"\r\n\"'@a\",\"'\tb\"\r\n\
                        \"two\r\nlines\",\"a,b\"\r\nplain,\r\n";
        assert_eq!(written(Format::Csv, &rows), expected);
    }

    #[test]
    fn json_is_an_array_of_objects() {
        assert_eq!(written(Format::Json, &[]), "[]");
        let told = written(Format::Json, &[[text("x"), Cell::Nothing], [Cell::Flag(true), Cell::Number(2)]]);
        let read: Value = serde_json::from_str(&told).expect("JSON");
        assert_eq!(read, serde_json::json!([{"a_b": "x", "c": null}, {"a_b": true, "c": 2}]));
    }

    #[test]
    fn a_table_is_aligned_and_changes_no_terminal() {
        let told = written(Format::Table, &[[text("lo\u{1b}ng"), Cell::Flag(false)], [text("x"), Cell::Nothing]]);
        assert_eq!(told, "A B    C\nlo ng  no\nx      -\n");
    }
}
