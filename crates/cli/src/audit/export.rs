//! `strongroom audit export`: the records of a time, from one trail or several, in the order of their events.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use strongroom_core::trail::read::{Line, Lines, Span};
use strongroom_core::trail::read_instant;
use strongroom_types::Timestamp;

use super::{opened, opened_by_name};
use crate::counted::counted;
use crate::offline::DataArgs;
use crate::output;

/// Flags of `strongroom audit export`.
#[derive(Args)]
pub struct ExportArgs {
    /// The data directory.
    #[arg(long, value_name = "DIR", required_unless_present = "trail")]
    data: Option<PathBuf>,
    /// The configuration file, if the trail's directory is named in one.
    #[arg(long, value_name = "FILE", requires = "data")]
    config: Option<PathBuf>,
    /// A trail's directory, or a copy of it. Once for each server, whose records are merged.
    #[arg(long, value_name = "DIR", conflicts_with = "data")]
    trail: Vec<PathBuf>,
    /// Events from here on: a day, such as 2026-05-03, or an instant, such as 2026-05-03T17:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Timestamp,
    /// Events before this.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Timestamp,
    /// The file to write, which must not be there yet. Standard output without it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How the records are written.
    #[arg(long, value_enum, default_value_t = Format::Cloudtrail)]
    format: Format,
}

/// A form of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One object with all records, as in CloudTrail's log files.
    Cloudtrail,
    /// One record a line.
    Lines,
}

fn instant(text: &str) -> Result<Timestamp, String> {
    read_instant(text).ok_or_else(|| "neither a day such as 2026-05-03 nor an instant in UTC".to_owned())
}

/// What was written, and what was not.
#[derive(Default)]
struct Told {
    records: u64,
    /// Lines that are no record.
    damaged: u64,
    /// Segments that could not be read to their end.
    broken: u64,
}

/// Writes the records that are asked for, and tells how many there were. A segment that cannot be read is told of, and the
/// others are written all the same.
///
/// # Errors
/// When a trail cannot be read or the file not written.
pub fn run(args: &ExportArgs) -> Result<(), Box<dyn Error>> {
    if args.from >= args.until {
        return Err("--from must be before --until".into());
    }
    let span = Span::new(args.from, args.until);
    let mut trails = Vec::new();
    for folder in folders(args)? {
        let files = if args.trail.is_empty() { opened(&folder) } else { opened_by_name(&folder) };
        trails.push(Lines::open(Arc::new(files?) as _, span)?);
    }
    let told = match &args.out {
        Some(file) => {
            // Records tell who reads what: for the owner alone.
            let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
            let open = open.map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => format!("{} is there already: name another file", file.display()),
                _ => format!("{}: {error}", file.display()),
            })?;
            let mut out = BufWriter::new(open);
            let written = write(trails, args.format, &mut out).and_then(|told| {
                out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
                Ok(told)
            });
            written.map_err(|error| {
                // Half of it is of no use. What cannot be removed either is in the way of the next attempt, which says so.
                let _ = fs::remove_file(file);
                format!("{}: {error}", file.display())
            })?
        }
        None => match write(trails, args.format, &mut BufWriter::new(io::stdout().lock())) {
            Err(error) if output::is_gone(&error) => return Ok(()),
            told => told?,
        },
    };
    eprintln!("{} records were written", told.records);
    if told.damaged > 0 {
        eprintln!(
            "{} lines are no records, such as those that a crash left half written: `audit verify` says more",
            told.damaged
        );
    }
    match told.broken {
        0 => Ok(()),
        broken => {
            Err(format!("{} could not be read to the end: records are missing", counted(broken, "segment")).into())
        }
    }
}

fn folders(args: &ExportArgs) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let Some(data) = args.data.clone() else { return Ok(args.trail.clone()) };
    let config = DataArgs::new(data, args.config.clone()).settings()?;
    Ok(vec![strongroom_server::app::trail_directory(&config)])
}

/// Writes the records of all trails, always the one next whose event is the oldest among the next of each trail.
fn write(trails: Vec<Lines>, format: Format, out: &mut dyn Write) -> io::Result<Told> {
    let mut told = Told::default();
    if format == Format::Cloudtrail {
        out.write_all(b"{\"Records\":[")?;
    }
    // Each trail with its next record.
    let mut open = Vec::new();
    for mut lines in trails {
        match next(&mut lines, &mut told) {
            Some(line) => open.push((line, lines)),
            None => told.damaged += lines.damaged(),
        }
    }
    while let Some(at) = (0..open.len()).min_by_key(|at| open.get(*at).map(|(line, _)| line.event_time)) {
        let Some((first, lines)) = open.get_mut(at) else { break };
        let line: Line = match next(lines, &mut told) {
            Some(following) => std::mem::replace(first, following),
            None => {
                let (line, lines) = open.swap_remove(at);
                told.damaged += lines.damaged();
                line
            }
        };
        if format == Format::Cloudtrail && told.records > 0 {
            out.write_all(b",\n")?;
        }
        out.write_all(line.text.as_bytes())?;
        if format == Format::Lines {
            out.write_all(b"\n")?;
        }
        told.records += 1;
    }
    if format == Format::Cloudtrail {
        out.write_all(b"]}\n")?;
    }
    out.flush()?;
    Ok(told)
}

/// The next record of a trail. What cannot be read of a segment is passed over, and told.
fn next(lines: &mut Lines, told: &mut Told) -> Option<Line> {
    loop {
        match lines.next()? {
            Ok(line) => return Some(line),
            Err(error) => {
                eprintln!("strongroom: {error}");
                told.broken += 1;
            }
        }
    }
}
