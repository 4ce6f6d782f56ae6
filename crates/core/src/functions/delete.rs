//! DeleteFunction.

use strongroom_store::Batch;
use strongroom_wire::lambda::{DeleteFunctionRequest, DeleteFunctionResponse};

use super::model::{Function, LATEST};
use super::{Functions, code, done, refusals};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::documents::retry;
use crate::error::Error;

/// The status of the answer, which the model has as a member.
const NO_CONTENT: i32 = 204;

impl Functions {
    /// Removes a function with all that belongs to it, or one published version.
    ///
    /// # Errors
    /// ResourceNotFoundException; ResourceConflictException for a version that aliases lead to;
    /// InvalidParameterValueException for `$LATEST` or an alias.
    pub async fn delete_function(
        &self,
        cx: &Ctx,
        permit: &Permit,
        _input: DeleteFunctionRequest,
    ) -> Result<DeleteFunctionResponse, Error> {
        let named = permit.function()?;
        named.found()?;
        match named.qualifier.as_deref() {
            None => self.delete_whole(cx, permit).await?,
            Some(version) => self.delete_version(cx, permit, version).await?,
        }
        self.host.retire(&named.arn).await;
        Ok(DeleteFunctionResponse { status_code: Some(NO_CONTENT) })
    }

    async fn delete_whole(&self, cx: &Ctx, permit: &Permit) -> Result<(), Error> {
        retry(|| async {
            let (_turn, before) = self.to_change(permit.function()?).await?;
            let mut batch = Batch::named("delete_function");
            let mut gone: Vec<&str> = Vec::new();
            for code in before.value.codes() {
                // Versions that were published without a change of the code share it.
                if !gone.contains(&code.id.as_str()) {
                    gone.push(&code.id);
                    code::delete(&mut batch, &before.value, code);
                }
            }
            self.documents.delete(&mut batch, &before);
            cx.commit(&self.documents, batch, done(&before.value, None)).await
        })
        .await
    }

    async fn delete_version(&self, cx: &Ctx, permit: &Permit, version: &str) -> Result<(), Error> {
        let absent = || permit.function().map(|named| refusals::not_found(&named.qualified()));
        if version == LATEST {
            return Err(refusals::invalid("$LATEST version cannot be deleted without deleting the function."));
        }
        let change = |function: &mut Function, batch: &mut Batch| {
            let Ok(number) = version.parse::<u64>() else {
                return Err(if function.aliases.contains_key(version) {
                    refusals::invalid("Deletion of aliases is not currently supported.")
                } else {
                    absent()?
                });
            };
            let of = |alias: &super::model::Alias| {
                alias.version == version || alias.weight.as_ref().is_some_and(|(other, _)| other == version)
            };
            let aliases: Vec<String> =
                function.aliases.iter().filter(|(_, alias)| of(alias)).map(|(name, _)| function.arn_of(name)).collect();
            if !aliases.is_empty() {
                return Err(refusals::version_in_use(&aliases));
            }
            let removed = match function.versions.remove(&number) {
                Some(removed) => removed,
                None => return Err(absent()?),
            };
            function.policies.remove(version);
            if !function.codes().any(|code| code.id == removed.code.id) {
                code::delete(batch, function, &removed.code);
            }
            Ok(())
        };
        self.change(cx, permit, "delete_function_version", change, |()| None).await
    }
}
