//! The operations of IAM (query protocol).

use strongroom_core::access::RequestKeys;
use strongroom_core::iam::Iam;
use strongroom_core::iam::target::Targeted;
use strongroom_core::{Ctx, Error, Permit, authorize};
use strongroom_wire::Shape;
use strongroom_wire::iam::Operation;
use strongroom_wire::ops::AnyOperation;

use super::form::Asked;
use super::{Acted, Answered};
use crate::front::Call;

/// Runs one operation.
///
/// # Errors
/// The operation's refusals, and faults.
pub(super) async fn run(iam: &Iam, cx: &Ctx, operation: Operation, call: &Call) -> Result<Answered, Error> {
    let asked = Asked { cx, operation: AnyOperation::Iam(operation), call };
    let call = Operated { iam, asked };
    match operation {
        Operation::CreateUser => call.answered(Iam::create_user).await,
        Operation::GetUser => call.answered(Iam::get_user).await,
        Operation::ListUsers => call.answered(Iam::list_users).await,
        Operation::DeleteUser => call.silent(Iam::delete_user).await,
        _ => Err(Error::internal("not there yet")),
    }
}

/// A call that is being answered.
struct Operated<'a> {
    iam: &'a Iam,
    asked: Asked<'a>,
}

impl Operated<'_> {
    /// Reads the input, finds what it is about and asks for leave.
    async fn permitted<I: Shape + Targeted + RequestKeys>(&self) -> Result<(I, Permit, Option<Acted>), Error> {
        let Asked { cx, operation, .. } = &self.asked;
        let input: I = self.asked.input()?;
        let resource = self.iam.resource(cx, &input.target()).await?;
        let acted = resource.entity().map(|entity| Acted {
            arn: entity.arn.clone(),
            account: entity.account.clone(),
            kind: entity.kind,
        });
        let permit = authorize(cx, operation.action(), resource, &input)?;
        Ok((input, permit, acted))
    }

    /// An operation with output.
    async fn answered<I, O, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: Shape + Targeted + RequestKeys,
        O: Shape,
        F: AsyncFnOnce(&Iam, &Ctx, &Permit, I) -> Result<O, Error>,
    {
        let (input, permit, acted) = self.permitted().await?;
        let output = operation(self.iam, self.asked.cx, &permit, input).await?;
        Ok(Answered { body: self.asked.answer(&output), acted, response_elements: None })
    }

    /// An operation without output.
    async fn silent<I, F>(&self, operation: F) -> Result<Answered, Error>
    where
        I: Shape + Targeted + RequestKeys,
        F: AsyncFnOnce(&Iam, &Ctx, &Permit, I) -> Result<(), Error>,
    {
        let (input, permit, acted) = self.permitted().await?;
        operation(self.iam, self.asked.cx, &permit, input).await?;
        Ok(Answered { body: self.asked.silence(), acted, response_elements: None })
    }
}
