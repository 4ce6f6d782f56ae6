//! The operations of STS (query protocol).

use strongroom_core::{Ctx, Error};
use strongroom_wire::ops::AnyOperation;
use strongroom_wire::sts::{GetCallerIdentityRequest, Operation};

use super::Answered;
use super::form::Asked;
use crate::app::App;
use crate::front::Call;

/// Runs one operation.
///
/// # Errors
/// The operation's refusals, and faults.
pub(super) async fn run(app: &App, cx: &Ctx, operation: Operation, call: &Call) -> Result<Answered, Error> {
    let asked = Asked { cx, operation: AnyOperation::Sts(operation), call };
    match operation {
        Operation::GetCallerIdentity => {
            asked.input::<GetCallerIdentityRequest>()?;
            // Needs no permission: whoever signed may know who they are.
            let output = app.sts.get_caller_identity(cx);
            Ok(Answered { body: asked.answer(&output), ..Answered::default() })
        }
        _ => Err(Error::internal("not there yet")),
    }
}
