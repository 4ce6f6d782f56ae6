//! From a request to the operation that it asks for.

use http::Method;
use strongroom_wire::secretsmanager::{Operation, SERVICE};

use crate::front::Call;

/// The operation of a request: `POST /` with `X-Amz-Target: secretsmanager.Operation` (specification §1.1).
#[must_use]
pub fn operation(call: &Call) -> Option<Operation> {
    if call.method != Method::POST || call.uri.path() != "/" {
        return None;
    }
    let target = call.headers.get("x-amz-target")?.to_str().ok()?;
    Operation::from_name(SERVICE.operation_in_target(target)?)
}
