//! Start-up time and memory by number of secrets.

use std::time::Duration;

use super::session::{Load, Session, VALUE_BYTES, point};
use crate::failure::Failure;
use crate::operation::Operation;
use crate::process::memory;
use crate::report::{Goal, Measure, Point};
use crate::subject::Subject;

const SECTION: &str = "Start-up and memory";
const STARTED: &str = "start, then idle";
const NEW: &str = "first start in a new directory";
const READ: &str = "after GetSecretValue of all secrets";
const WRITTEN: &str = "after CreateSecret";
const LOAD_CONNECTIONS: u32 = 64;

/// The sizes of the settings, and an empty store.
pub async fn by_size(session: &mut Session) -> Result<(), Failure> {
    let mut sizes = session.settings.sizes.clone();
    sizes.insert(0, 0);
    for size in &sizes {
        session.strongroom(&size.to_string(), *size, VALUE_BYTES).await?.stop()?;
    }
    for round in 0..session.settings.rounds {
        session.begin_round(SECTION, round);
        session.discard("new")?;
        let (new, _) = session.data("new");
        start(session, &new, 0, &named(NEW, 0)).await?.stop()?;
        for size in &sizes {
            let (data, _) = session.data(&size.to_string());
            start(session, &data, *size, &named(STARTED, *size)).await?.stop()?;
        }
    }
    session.discard("new")?;
    under_load(session, &sizes).await?;
    for size in sizes {
        session.report.judge(
            format!("Start-up with {size} secrets, ms until the first answer"),
            &named(STARTED, size),
            Measure::FirstAnswerMs,
            Goal::AtMost(1000.0),
        );
        if size <= 100_000 {
            let name = format!("Resident memory, idle, {size} secrets, MiB");
            session.report.judge(name, &named(STARTED, size), Measure::ResidentMib, Goal::AtMost(60.0));
        }
    }
    Ok(())
}

/// Starts a server, notes how long it took and, after a while without requests, its memory.
async fn start(session: &mut Session, data: &std::path::Path, size: u64, point: &Point) -> Result<Subject, Failure> {
    let subject = session.launch.strongroom(data, size)?;
    let operation = if size == 0 { Operation::List } else { Operation::Get };
    subject.ask(operation, size / 2).await?;
    let first = subject.process.started.elapsed();
    session.settle().await;
    session.report.add(point, Measure::ReadyMs, millis(subject.ready_after));
    session.report.add(point, Measure::FirstAnswerMs, millis(first));
    note_memory(session, &subject, point)?;
    Ok(subject)
}

/// Memory after reads over all secrets, and after writes on a store of its own.
async fn under_load(session: &mut Session, sizes: &[u64]) -> Result<(), Failure> {
    for size in sizes.iter().filter(|size| **size > 0) {
        let (data, _) = session.data(&size.to_string());
        let subject = session.launch.strongroom(&data, *size)?;
        let point = named(READ, *size);
        for _ in 0..session.settings.rounds {
            session.measure(&subject, &point, &Load::closed(Operation::Get, LOAD_CONNECTIONS, &subject)).await?;
        }
        note_memory(session, &subject, &point)?;
        subject.stop()?;
    }
    session.discard("new")?;
    let count = session.settings.write_secrets;
    let subject = session.strongroom("new", count, VALUE_BYTES).await?;
    note_memory(session, &subject, &named(WRITTEN, count))?;
    subject.stop()?;
    session.discard("new")
}

fn note_memory(session: &mut Session, subject: &Subject, point: &Point) -> Result<(), Failure> {
    let memory = memory(subject.pid())?;
    session.report.add(point, Measure::ResidentMib, mebibytes(memory.resident_kib));
    session.report.add(point, Measure::AnonymousMib, mebibytes(memory.anonymous_kib));
    session.report.add(point, Measure::PeakMib, mebibytes(memory.peak_kib));
    Ok(())
}

fn named(what: &str, secrets: u64) -> Point {
    point(SECTION, what, "strongroom", 0, secrets)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "memory is far below 2^53 KiB")]
fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1024.0
}
