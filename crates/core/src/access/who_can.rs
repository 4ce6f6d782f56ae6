//! Who may do an action on a resource, and by which statements: for the operator, never for a client.

use strongroom_policy::{Explanation, Request, explain};

use super::conditions::Asked;
use super::inputs::Gathered;
use super::{ACTIONS, RequestKeys, Resource, policy_of};
use crate::ctx::Ctx;
use crate::error::Error;

/// The whole reason why the caller of `cx` may or may not do `action` on `resource`, by a request with these keys.
///
/// # Errors
/// A fault when no operation has that action, or a stored policy does not read.
pub fn explained(cx: &Ctx, action: &str, resource: &Resource, keys: &dyn RequestKeys) -> Result<Explanation, Error> {
    let action = ACTIONS.values().find(|known| known.as_str().eq_ignore_ascii_case(action));
    let action = action.ok_or_else(|| Error::internal("no operation of this server has that action"))?;
    let arn = resource.arn(cx);
    let caller = &cx.caller;
    let asked = Asked { cx, caller, resource, resource_arn: &arn, request: keys };
    let request = Request::new(action, &arn, &asked);
    let gathered = Gathered::of(cx, caller, policy_of(resource)?, resource.rule(), keys);
    Ok(gathered.with_inputs(&arn, resource.owner(cx), |inputs| explain(inputs, &request)))
}
