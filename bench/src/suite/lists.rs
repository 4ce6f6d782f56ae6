//! ListSecrets, first page, and GetSecretValue by number of secrets.

use super::checks::check;
use super::session::{Load, Session, VALUE_BYTES, point};
use crate::failure::Failure;
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
    }
    judge(session);
    subjects.into_iter().try_for_each(Subject::stop)
}

/// The greatest size against the smallest.
fn judge(session: &mut Session) {
    let sizes = &session.settings.sizes;
    let (Some(smallest), Some(greatest)) = (sizes.iter().min().copied(), sizes.iter().max().copied()) else { return };
    for (operation, limit) in [(Operation::List, 1.5), (Operation::ListName, 1.5), (Operation::Get, 1.2)] {
        let of = |secrets| point(SECTION, operation.title(), "strongroom", 1, secrets);
        for (measure, title) in [(Measure::P50Us, "median time"), (Measure::ServerCpuUs, "server CPU")] {
            session.report.judge_ratio(
                format!("{}: {title} at {greatest} secrets, as a multiple of that at {smallest}", operation.title()),
                (&of(greatest), measure),
                (&of(smallest), measure),
                Goal::AtMost(limit),
                None,
            );
        }
    }
}
