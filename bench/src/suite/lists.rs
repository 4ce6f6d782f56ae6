//! ListSecrets, first page, and GetSecretValue by number of secrets.

use std::sync::Arc;

use super::checks::check;
use super::session::{Load, Session, VALUE_BYTES, point};
use crate::failure::Failure;
use crate::keys::{Keys, Spread};
use crate::operation::Operation;
use crate::report::{Goal, Measure};
use crate::subject::Subject;

const SECTION: &str = "By number of secrets: ListSecrets, first page of 100, and GetSecretValue";

/// What is measured at each size, with how many connections.
const LOADS: [(Operation, u32); 11] = [
    (Operation::Get, 1),
    (Operation::Get, 16),
    (Operation::List, 1),
    (Operation::List, 16),
    (Operation::ListName, 1),
    (Operation::ListName, 16),
    (Operation::ListTagValue, 1),
    (Operation::ListNotTagValue, 1),
    (Operation::ListTagKey, 1),
    (Operation::ListDescription, 1),
    (Operation::ListAll, 1),
];

/// What GetSecretValue of popular secrets is called: with all secrets asked for equally often, most of a great store
/// are in no cache, which hardly any use of a store is like.
const POPULAR: &str = "GetSecretValue, zipf(0.99)";
/// What GetSecretValue of secrets that are read again and again is called: whether the rest of the store costs them
/// anything.
const AGAIN: &str = "GetSecretValue of the same thousand";
/// How many those are.
const SAME: u64 = 1000;

/// All sizes in turns.
pub async fn by_size(session: &mut Session) -> Result<(), Failure> {
    let mut subjects = Vec::new();
    for size in session.settings.sizes.clone() {
        let subject = session.strongroom(&size.to_string(), size, VALUE_BYTES).await?;
        check(&subject, &LOADS.map(|(operation, _)| operation), VALUE_BYTES).await?;
        subjects.push(subject);
    }
    for round in 0..session.settings.rounds {
        session.begin_round(SECTION, round);
        for (operation, connections) in LOADS {
            for subject in &subjects {
                let point = point(SECTION, operation.title(), subject.name, connections, subject.count);
                let load = Load::closed(operation, connections, subject);
                session.measure(subject, &point, &load).await?;
            }
        }
        for subject in &subjects {
            for (what, spread, of) in [(POPULAR, Spread::Zipf, subject.count), (AGAIN, Spread::Uniform, SAME)] {
                let keys = Arc::new(Keys::spread(spread, of.min(subject.count)));
                let load = Load { keys, ..Load::closed(Operation::Get, 1, subject) };
                session.warm(subject, &load).await?;
                session.measure(subject, &point(SECTION, what, subject.name, 1, subject.count), &load).await?;
            }
        }
    }
    judge(session);
    subjects.into_iter().try_for_each(Subject::stop)
}

/// The greatest size against the smallest.
fn judge(session: &mut Session) {
    let sizes = &session.settings.sizes;
    let (Some(smallest), Some(greatest)) = (sizes.iter().min().copied(), sizes.iter().max().copied()) else { return };
    let (list, by_name, get) = (Operation::List.title(), Operation::ListName.title(), Operation::Get.title());
    for (what, limit) in [(list, 1.5), (by_name, 1.5), (AGAIN, 1.2), (POPULAR, 1.2), (get, 1.2)] {
        let of = |secrets| point(SECTION, what, "strongroom", 1, secrets);
        for (measure, title) in [(Measure::P50Us, "median time"), (Measure::ServerCpuUs, "server CPU")] {
            session.report.judge_ratio(
                format!("{what}: {title} at {greatest} secrets, as a multiple of that at {smallest}"),
                (&of(greatest), measure),
                (&of(smallest), measure),
                Goal::AtMost(limit),
                None,
            );
        }
    }
}
