//! GetSecretValue beside the ceiling and moto; other reads.

use std::sync::Arc;

use super::checks::check;
use super::session::{CONNECTIONS, Load, Session, VALUE_BYTES, point};
use crate::failure::Failure;
use crate::guard::{guard, put_under_key};
use crate::keys::{Keys, Spread};
use crate::load::Pace;
use crate::operation::Operation;
use crate::report::{Goal, Measure};
use crate::subject::Subject;

const BESIDE: &str = "GetSecretValue, 1 KiB, beside the ceiling and moto";
/// By a user with an identity policy of ten statements, a resource policy on each secret, tags in play.
const GUARDED: &str = "GetSecretValue under policies";
/// Of secrets under a customer managed key with a policy of three statements.
const KEYED: &str = "GetSecretValue under a customer managed key";
const OTHERS: &str = "Other reads";
const SECRETS: u64 = 1000;
/// moto keeps all in memory and is slow to fill.
const MOTO_SECRETS: u64 = 200;

const SMALL_BYTES: usize = 32;
const LARGE_BYTES: usize = 65_536;

/// Requests a second of the open loop, as a share of what the closed loop reached.
const OPEN_SHARE: f64 = 0.5;

/// GetSecretValue at 1, 16 and 64 connections.
pub async fn beside_ceiling_and_moto(session: &mut Session) -> Result<(), Failure> {
    let mut subjects =
        vec![session.strongroom("get", SECRETS, VALUE_BYTES).await?, session.launch.ceiling(VALUE_BYTES)?];
    check(first(&subjects)?, &[Operation::Get], VALUE_BYTES).await?;
    // On data of its own, made anew: the user and the policies stay in it.
    session.discard("get-guarded")?;
    let guarded = session.strongroom("get-guarded", SECRETS, VALUE_BYTES).await?;
    let user = guard(&guarded.endpoint, SECRETS).await?;
    session.discard("get-keyed")?;
    let keyed = session.strongroom("get-keyed", SECRETS, VALUE_BYTES).await?;
    put_under_key(&keyed.endpoint, SECRETS).await?;
    if session.settings.with_moto {
        let mut moto = session.launch.moto()?;
        let seed = session.fresh_seed();
        moto.seed(MOTO_SECRETS, VALUE_BYTES, seed).await?;
        check(&moto, &[Operation::Get], VALUE_BYTES).await?;
        subjects.push(moto);
    }
    for round in 0..session.settings.rounds {
        session.begin_round(BESIDE, round);
        for connections in CONNECTIONS {
            for subject in &subjects {
                let point = point(BESIDE, Operation::Get.title(), subject.name, connections, 0);
                let load = Load::closed(Operation::Get, connections, subject);
                session.measure(subject, &point, &load).await?;
            }
            let point = point(BESIDE, GUARDED, guarded.name, connections, 0);
            let load = Load { asker: Some(user.clone()), ..Load::closed(Operation::Get, connections, &guarded) };
            session.measure(&guarded, &point, &load).await?;
            let point = self::point(BESIDE, KEYED, keyed.name, connections, 0);
            session.measure(&keyed, &point, &Load::closed(Operation::Get, connections, &keyed)).await?;
        }
    }
    for connections in CONNECTIONS {
        for title in [GUARDED, KEYED] {
            session.report.judge_ratio(
                format!("{title} at {connections} connections: server CPU, as a multiple of the ceiling's"),
                (&point(BESIDE, title, "strongroom", connections, 0), Measure::ServerCpuUs),
                (&point(BESIDE, Operation::Get.title(), "ceiling", connections, 0), Measure::ServerCpuUs),
                Goal::AtMost(2.5),
                Some(Goal::AtMost(2.0)),
            );
        }
        let of = |subject| point(BESIDE, Operation::Get.title(), subject, connections, 0);
        session.report.judge_ratio(
            format!("GetSecretValue at {connections} connections: server CPU, as a multiple of the ceiling's"),
            (&of("strongroom"), Measure::ServerCpuUs),
            (&of("ceiling"), Measure::ServerCpuUs),
            Goal::AtMost(2.5),
            Some(Goal::AtMost(2.0)),
        );
        session.report.judge_ratio(
            format!("GetSecretValue at {connections} connections: requests a second, as a multiple of moto's"),
            (&of("strongroom"), Measure::PerSecond),
            (&of("moto"), Measure::PerSecond),
            Goal::AtLeast(50.0),
            None,
        );
    }
    guarded.stop()?;
    keyed.stop()?;
    session.discard("get-guarded")?;
    session.discard("get-keyed")?;
    subjects.into_iter().try_for_each(Subject::stop)
}

/// Values of other sizes, other choices of keys, a timetable, DescribeSecret and BatchGetSecretValue.
pub async fn other_reads(session: &mut Session) -> Result<(), Failure> {
    let subject = session.strongroom("get", SECRETS, VALUE_BYTES).await?;
    check(&subject, &[Operation::Describe, Operation::Batch], VALUE_BYTES).await?;
    let sizes = [(SMALL_BYTES, "32 B"), (LARGE_BYTES, "64 KiB")];
    let mut pairs = Vec::new();
    for (bytes, title) in sizes {
        let sized = session.strongroom(&format!("get-{bytes}"), SECRETS, bytes).await?;
        check(&sized, &[Operation::Get], bytes).await?;
        pairs.push((title, [sized, session.launch.ceiling(bytes)?]));
    }
    for round in 0..session.settings.rounds {
        session.begin_round(OTHERS, round);
        for (title, subjects) in &pairs {
            for subject in subjects {
                let point = point(OTHERS, &format!("GetSecretValue, {title}"), subject.name, 16, 0);
                session.measure(subject, &point, &Load::closed(Operation::Get, 16, subject)).await?;
            }
        }
        for (operation, connections) in
            [(Operation::Describe, 16), (Operation::Batch, 1), (Operation::Batch, 16), (Operation::Batch, 64)]
        {
            let point = point(OTHERS, operation.title(), subject.name, connections, 0);
            session.measure(&subject, &point, &Load::closed(operation, connections, &subject)).await?;
        }
        popular_and_timed(session, &subject).await?;
    }
    for (_, subjects) in pairs {
        subjects.into_iter().try_for_each(Subject::stop)?;
    }
    subject.stop()
}

/// Few secrets very often, in a closed loop and then on a timetable of half the rate that it reached.
async fn popular_and_timed(session: &mut Session, subject: &Subject) -> Result<(), Failure> {
    let keys = Arc::new(Keys::spread(Spread::Zipf, subject.count));
    let mut load = Load { keys, ..Load::closed(Operation::Get, 16, subject) };
    let closed = point(OTHERS, "GetSecretValue, zipf(0.99)", subject.name, 16, 0);
    let reached = session.measure(subject, &closed, &load).await?.per_second();
    // The rate of the first round is kept, so that all rounds are of one kind.
    let first = session.report.spread(&closed, Measure::PerSecond).and_then(|spread| spread.rounds.first().copied());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is small and positive")]
    let rate = (first.unwrap_or(reached) * OPEN_SHARE) as u32;
    load.pace = Pace::Open(rate.max(1));
    let timed = point(OTHERS, "GetSecretValue, zipf(0.99), open loop at half that rate", subject.name, 16, 0);
    session.measure(subject, &timed, &load).await?;
    Ok(())
}

fn first(subjects: &[Subject]) -> Result<&Subject, Failure> {
    subjects.first().ok_or_else(|| Failure::void("no server"))
}
