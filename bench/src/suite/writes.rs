//! Durable PutSecretValue and CreateSecret, beside what SQLite itself commits on the same disk, and moto.

use std::sync::Arc;

use super::session::{CONNECTIONS, Load, Session, VALUE_BYTES, point};
use crate::failure::Failure;
use crate::keys::Keys;
use crate::operation::Operation;
use crate::report::{Goal, Measure, Point};
use crate::sqlite_baseline::{Baseline, Commits, Shape};
use crate::subject::Subject;

const SECTION: &str = "Durable writes, 1 KiB";
const PUT_ROWS: &str = "SQLite commits of a put's two rows, as many puts a commit as connections";
const ONE_ROW: &str = "SQLite commits of one 1.3 KiB row, as many rows a commit as connections";
const MOTO_SECRETS: u64 = 200;
const MOTO_REMARK: &str = "moto answers some of several CreateSecret requests at a time with status 500, so it is measured \
                           with one connection there.";
const DATABASE: &str = "baseline.sqlite3";

/// PutSecretValue and CreateSecret at 1, 16 and 64 connections.
pub async fn beside_sqlite_and_moto(session: &mut Session) -> Result<(), Failure> {
    session.discard("write")?;
    let secrets = session.settings.write_secrets;
    let mut subjects = vec![session.strongroom("write", secrets, VALUE_BYTES).await?];
    if session.settings.with_moto {
        let mut moto = session.launch.moto()?;
        let seed = session.fresh_seed();
        moto.seed(MOTO_SECRETS, VALUE_BYTES, seed).await?;
        subjects.push(moto);
        session.report.circumstances.remarks.push(MOTO_REMARK.to_owned());
    }
    let folder = tempfile::tempdir_in(&session.launch.folder).map_err(Failure::io("make a folder"))?;
    let mut baseline = Baseline::create(&folder.path().join(DATABASE), secrets, session.settings.seed)?;
    for round in 0..session.settings.rounds {
        session.begin_round(SECTION, round);
        for connections in CONNECTIONS {
            for subject in &mut subjects {
                measure(session, subject, Operation::Put, connections).await?;
            }
            for (shape, what) in [(Shape::Put, PUT_ROWS), (Shape::OneRow, ONE_ROW)] {
                let commits = baseline.run(shape, connections, session.settings.measured)?;
                note(session, &point(SECTION, what, "SQLite", connections, 0), &commits);
            }
            for subject in subjects.iter_mut().filter(|subject| connections == 1 || subject.name != "moto") {
                measure(session, subject, Operation::Create, connections).await?;
            }
        }
    }
    judge(session);
    subjects.into_iter().try_for_each(Subject::stop)?;
    session.discard("write")
}

async fn measure(
    session: &mut Session,
    subject: &mut Subject,
    operation: Operation,
    connections: u32,
) -> Result<(), Failure> {
    let mut load = Load::closed(operation, connections, subject);
    if operation == Operation::Create {
        load.keys = Arc::new(Keys::sequence(subject.count, u64::MAX));
    }
    let point = point(SECTION, operation.title(), subject.name, connections, 0);
    session.measure(subject, &point, &load).await?;
    // Names that were given out are there now; puts keep to the secrets that were there before, so that none gets
    // more versions than AWS allows.
    if operation == Operation::Create {
        subject.count = load.keys.position();
    }
    Ok(())
}

fn note(session: &mut Session, point: &Point, commits: &Commits) {
    let mut add = |measure, value| session.report.add(point, measure, value);
    add(Measure::PerSecond, commits.puts_per_second);
    add(Measure::P10Us, commits.latencies.quantile_us(0.1));
    add(Measure::P50Us, commits.latencies.quantile_us(0.5));
    add(Measure::P99Us, commits.latencies.quantile_us(0.99));
    add(Measure::LongestUs, commits.latencies.longest_us());
}

fn judge(session: &mut Session) {
    let put = |connections| point(SECTION, Operation::Put.title(), "strongroom", connections, 0);
    let sqlite = |connections| point(SECTION, PUT_ROWS, "SQLite", connections, 0);
    session.report.judge_ratio(
        "PutSecretValue at 64 writers: puts a second, as a share of SQLite's at 64 puts a commit",
        (&put(64), Measure::PerSecond),
        (&sqlite(64), Measure::PerSecond),
        Goal::AtLeast(0.3),
        Some(Goal::AtLeast(0.5)),
    );
    // Not by the median: where others want the cores too, a thread that commits without pause waits for its turn as
    // long as one tick of the scheduler, which has nothing to do with the disk.
    session.report.judge_ratio(
        "PutSecretValue by one writer: time of the quickest tenth, as a multiple of one synced commit's",
        (&put(1), Measure::P10Us),
        (&sqlite(1), Measure::P10Us),
        Goal::AtMost(1.5),
        None,
    );
}
