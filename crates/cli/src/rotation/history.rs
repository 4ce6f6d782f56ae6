//! `strongroom rotation history`: what happened to a secret's rotations, read from a copy of the store.

use std::error::Error;
use std::fmt::Write as _;

use clap::Args;
use strongroom_core::secrets::model::{Secret, place};
use strongroom_core::secrets::rotation::history::{self, Happened, HistoryEntry};
use strongroom_core::secrets::rotation::job::{Job, job_key};
use strongroom_core::secrets::rotation::{Purpose, Rotation, is_incomplete};
use strongroom_server::gate::fault_text;
use strongroom_types::{AccountId, Arn, Region, Timestamp};
use strongroom_wire::timestamps;

use crate::offline::DataArgs;
use crate::output;
use crate::store::{self, Opened};

/// Characters of the end of a secret's ARN: a hyphen and six random ones.
const SUFFIX_LEN: usize = 7;

/// Flags of `strongroom rotation history`.
#[derive(Args)]
pub struct HistoryArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The secret: its name or ARN.
    secret: String,
    /// The account of a secret that is given by its name; the first one when left out.
    #[arg(long, value_name = "NUMBER", value_parser = |text: &str| AccountId::parse(text))]
    account: Option<AccountId>,
    /// The region of a secret that is given by its name; the server's when left out.
    #[arg(long, value_name = "REGION", value_parser = |text: &str| Region::parse(text))]
    region: Option<Region>,
    /// Prints all that is known of each entry, as JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the history, the oldest entry first.
///
/// # Errors
/// When the store cannot be read, or there is no such secret.
pub fn run(args: &HistoryArgs) -> Result<(), Box<dyn Error>> {
    let (entries, unfinished) = store::look(&args.data, async |opened| {
        let secret = find(args, opened).await?;
        let job = opened.documents.load::<Job>(job_key(&secret).as_str()).await.map_err(|error| fault_text(&error))?;
        let pending = secret.stages.get("AWSPENDING").filter(|_| is_incomplete(&secret)).map(String::as_str);
        let unfinished = unfinished(secret.rotation.as_ref(), pending, job.as_ref().map(|job| &*job.value));
        let entries = history::of(&opened.documents, &secret).await.map_err(|error| fault_text(&error))?;
        let entries: Vec<_> = entries.into_iter().map(|entry| HistoryEntry::clone(&entry.value)).collect();
        Ok((entries, unfinished))
    })?;
    let text = if args.json {
        serde_json::to_string_pretty(&entries)? + "\n"
    } else {
        let none = || format!("{}: nothing has happened yet\n", args.secret);
        let told = if entries.is_empty() { none() } else { table(&entries) };
        told + &unfinished.map(|line| line + "\n").unwrap_or_default()
    };
    output::print(format_args!("{text}"));
    Ok(())
}

/// What is said of a rotation that is not complete: whether and when it is tried again.
fn unfinished(rotation: Option<&Rotation>, pending: Option<&str>, job: Option<&Job>) -> Option<String> {
    let rotation = rotation?;
    if !rotation.enabled {
        let told = |version: &str| {
            format!(
                "version {version} is not complete, and rotation is switched off: nothing is tried again; `strongroom \
                 rotation abandon` takes AWSPENDING off it"
            )
        };
        return pending.map(told);
    }
    let under_way = rotation.under_way.as_ref().filter(|under_way| under_way.purpose == Purpose::Rotate)?;
    let version = &under_way.token;
    let failures = job.and_then(|job| job.run.as_ref()).map_or(0, |run| run.failures);
    let is_idle = failures > 0 && job.is_some_and(|job| job.lease.is_none());
    Some(match job.and_then(|job| job.due_ms).filter(|_| is_idle) {
        Some(due_ms) => {
            let due = timestamps::iso(Timestamp::from_millis(due_ms));
            format!(
                "version {version} is not complete: it is tried again at {due}, or by `strongroom rotation retry` at once"
            )
        }
        None if is_idle => format!("version {version} is not complete: `strongroom rotation retry` tries it again"),
        None => format!("version {version} is not complete: it is under way"),
    })
}

async fn find(args: &HistoryArgs, opened: &Opened) -> Result<Secret, Box<dyn Error>> {
    let fault = |error| fault_text(&error);
    for (key, suffix) in places(args, opened).await? {
        let found = opened.documents.load::<Secret>(key.as_str()).await.map_err(fault)?;
        if let Some(found) = found.filter(|found| suffix.as_ref().is_none_or(|suffix| *suffix == found.value.suffix)) {
            return Ok(Secret::clone(&found.value));
        }
    }
    Err(format!("there is no secret {}", args.secret).into())
}

/// The keys under which the secret can be, with the random ends of their ARNs.
async fn places(args: &HistoryArgs, opened: &Opened) -> Result<Vec<(String, Option<String>)>, Box<dyn Error>> {
    if args.secret.starts_with("arn:") {
        let wrong = || format!("{} is not the ARN of a secret", args.secret);
        let arn = Arn::parse(&args.secret).map_err(|_| wrong())?;
        let rest = arn.resource.strip_prefix("secret:").ok_or_else(wrong)?;
        let place = place(&arn.account, &arn.region);
        let whole = rest.len().checked_sub(SUFFIX_LEN).and_then(|at| rest.split_at_checked(at));
        let whole = whole.and_then(|(name, end)| Some((name, end.strip_prefix('-')?)));
        let whole = whole.map(|(name, suffix)| (place.clone() + name, Some(suffix.to_owned())));
        return Ok(whole.into_iter().chain([(place + rest, None)]).collect());
    }
    let account = match &args.account {
        Some(account) => account.clone(),
        None => {
            let first = opened.identities.first_account().await.map_err(|error| fault_text(&error))?;
            first.ok_or("the store has no account")?
        }
    };
    let region = args.region.as_ref().unwrap_or(&opened.config.account.region);
    Ok(vec![(place(account.as_str(), region.as_str()) + &args.secret, None)])
}

/// The entries as a table. What functions wrote stands below the line of its entry.
fn table(entries: &[HistoryEntry]) -> String {
    let mut rows = vec![["WHEN", "STEP", "FUNCTION", "TOOK", "OUTCOME"].map(str::to_owned)];
    for entry in entries {
        rows.push([
            timestamps::iso(Timestamp::from_millis(entry.at_ms)),
            step(entry).to_owned(),
            entry.function_arn.as_deref().map_or("-", function_name).to_owned(),
            took(entry.took_ms),
            outcome(entry),
        ]);
    }
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let tails = std::iter::once(None).chain(entries.iter().map(|entry| entry.log_tail.as_deref()));
    let mut text = String::new();
    for (row, tail) in rows.iter().zip(tails) {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{:<width$}", printable(cell))).collect();
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
        for line in tail.unwrap_or_default().lines().filter(|line| !line.trim().is_empty()) {
            let _ = writeln!(text, "    | {}", printable(line));
        }
    }
    text
}

fn step(entry: &HistoryEntry) -> &'static str {
    match &entry.happened {
        Happened::StepSucceeded { step } | Happened::StepFailed { step, .. } => step.as_str(),
        _ => "-",
    }
}

fn outcome(entry: &HistoryEntry) -> String {
    let (run, of_step) = match entry.purpose {
        Purpose::Rotate => ("rotation", ""),
        Purpose::Test => ("test", "test "),
    };
    match &entry.happened {
        Happened::Began => match &entry.token {
            Some(version) => format!("{run} began, version {version}"),
            None => format!("{run} began"),
        },
        Happened::StepSucceeded { .. } => format!("{of_step}succeeded"),
        Happened::StepFailed { reason, .. } => format!("{of_step}failed: {reason}"),
        Happened::Succeeded => format!("{run} succeeded"),
        Happened::Missed { windows: 1 } => "a window passed in which nothing could be begun".to_owned(),
        Happened::Missed { windows } => format!("{windows} windows passed in which nothing could be begun"),
        Happened::Refused { reason } => format!("could not begin: {reason}"),
    }
}

/// The name of a function, with its version or alias.
fn function_name(arn: &str) -> &str {
    arn.split_once(":function:").map_or(arn, |(_, name)| name)
}

fn took(ms: i64) -> String {
    match ms {
        0 => "-".to_owned(),
        1..1000 => format!("{ms} ms"),
        _ => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
    }
}

/// The text without what would change the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use strongroom_core::secrets::rotation::UnderWay;
    use strongroom_core::secrets::rotation::job::{Lease, Run, Step};

    use super::*;

    fn entry(happened: Happened) -> HistoryEntry {
        HistoryEntry {
            job: "j".into(),
            number: 0,
            at_ms: 1_440_938_160_000,
            took_ms: 0,
            purpose: Purpose::Rotate,
            token: None,
            function_arn: None,
            window: None,
            happened,
            log_tail: None,
        }
    }

    #[test]
    fn a_rotation_that_is_not_complete_says_when_it_is_tried_again() {
        let under_way = UnderWay { token: "v".into(), purpose: Purpose::Rotate, run_id: "r".into() };
        let rotation = Rotation { enabled: true, under_way: Some(under_way.clone()), ..Rotation::default() };
        let mut job = Job {
            account: "1".into(),
            region: "r".into(),
            name: "n".into(),
            suffix: "s".into(),
            due_ms: Some(1_440_938_160_000),
            window: None,
            lease: None,
            fence: 1,
            run: Some(Run { failures: 1, ..Run::new(under_way, None) }),
            entries: 1,
        };
        let told =
            |rotation: &Rotation, job: &Job| unfinished(Some(rotation), Some("v"), Some(job)).unwrap_or_default();
        assert!(told(&rotation, &job).contains("tried again at 2015-08-30T12:36:00Z"));
        job.lease = Some(Lease { fence: 1, until_ms: 0 });
        assert!(told(&rotation, &job).ends_with("it is under way"));
        (job.lease, job.due_ms) = (None, None);
        assert!(told(&rotation, &job).ends_with("`strongroom rotation retry` tries it again"));
        assert!(told(&Rotation { enabled: false, ..rotation.clone() }, &job).contains("switched off"));
        assert_eq!(told(&Rotation { under_way: None, ..rotation }, &job), "");
        assert_eq!(unfinished(None, None, None), None);
    }

    #[test]
    fn a_table_has_a_line_an_entry_and_what_the_function_wrote_below() {
        let failed = Happened::StepFailed { step: Step::SetSecret, reason: "no\u{1b}[2J database".into() };
        let failed = HistoryEntry {
            took_ms: 1234,
            function_arn: Some("arn:aws:lambda:us-east-1:1:function:f:live".into()),
            log_tail: Some("one\n\ntwo\u{7}\n".into()),
            ..entry(failed)
        };
        let began = HistoryEntry { token: Some("v".into()), ..entry(Happened::Began) };
        let told = table(&[began, failed, entry(Happened::Missed { windows: 2 })]);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 6, "{told}");
        assert_eq!(lines[0], "WHEN                  STEP       FUNCTION  TOOK   OUTCOME");
        assert_eq!(lines[1], "2015-08-30T12:36:00Z  -          -         -      rotation began, version v");
        assert_eq!(lines[2], "2015-08-30T12:36:00Z  setSecret  f:live    1.2 s  failed: no [2J database");
        assert_eq!((lines[3], lines[4]), ("    | one", "    | two "));
        assert!(lines[5].ends_with("2 windows passed in which nothing could be begun"), "{told}");
    }
}
