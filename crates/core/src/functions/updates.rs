//! UpdateFunctionCode and UpdateFunctionConfiguration.

use strongroom_types::SecretBytes;
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::lambda::{FunctionConfiguration, UpdateFunctionCodeRequest, UpdateFunctionConfigurationRequest};
use strongroom_wire::record;

use super::configuration::{Wanted, native};
use super::model::{Function, LATEST};
use super::{Functions, code, refusals, shown, versions};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;

/// Refuses a change by somebody who knows another revision.
///
/// # Errors
/// PreconditionFailedException.
pub(super) fn check_revision(known: Option<&String>, revision: &str) -> Result<(), Error> {
    match known {
        Some(known) if known != revision => Err(refusals::other_revision()),
        _ => Ok(()),
    }
}

fn answer(function: &Function, version: &str) -> Result<FunctionConfiguration, Error> {
    let answer = shown::configuration(function, version, !shown::is_latest(version));
    answer.ok_or_else(|| Error::internal("a changed function has no such version"))
}

impl Functions {
    /// Gives a function another package.
    ///
    /// # Errors
    /// ResourceNotFoundException, InvalidParameterValueException, RequestTooLargeException, PreconditionFailedException.
    pub async fn update_function_code(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: UpdateFunctionCodeRequest,
    ) -> Result<FunctionConfiguration, Error> {
        refuse_later(&input)?;
        let found = permit.function()?.found()?;
        let facts =
            self.code_facts(found.latest.runtime.as_deref(), found.latest.handler.as_deref(), input.zip_file.as_ref())?;
        let (revision, published_revision) = (self.new_id()?, self.new_id()?);
        let empty = SecretBytes::default();
        let zip = input.zip_file.as_ref().unwrap_or(&empty);
        if input.dry_run.unwrap_or_default() {
            check_revision(input.revision_id.as_ref(), &found.latest.revision_id)?;
            let mut after = found.clone();
            (after.latest.code, after.latest.revision_id) = (facts, revision);
            return answer(&after, LATEST);
        }
        let architecture = input.architectures.as_ref().and_then(|list| list.first()).copied();
        let changed = self
            .change(
                cx,
                permit,
                "update_function_code",
                |function, batch| {
                    check_revision(input.revision_id.as_ref(), &function.latest.revision_id)?;
                    let old = function.latest.code.clone();
                    if old.sha256 != facts.sha256 {
                        code::put(&self.documents, batch, function, &facts, zip)?;
                        function.latest.code = facts.clone();
                        if !function.codes().any(|code| code.id == old.id) {
                            code::delete(batch, function, &old);
                        }
                    }
                    if let Some(architecture) = architecture {
                        architecture.as_str().clone_into(&mut function.latest.architecture);
                    }
                    function.latest.revision_id.clone_from(&revision);
                    function.latest.modified_ms = cx.now.millis();
                    let version = if input.publish.unwrap_or_default() {
                        versions::publish(function, None, published_revision.clone())
                    } else {
                        LATEST.to_owned()
                    };
                    answer(function, &version)
                },
                |answer| Some(record::encode(answer)),
            )
            .await?;
        self.host.retire(&permit.function()?.arn).await;
        Ok(changed)
    }

    /// Changes how a function runs. What is not given stays.
    ///
    /// # Errors
    /// ResourceNotFoundException, InvalidParameterValueException, PreconditionFailedException; AccessDeniedException
    /// without leave to pass another role.
    pub async fn update_function_configuration(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: UpdateFunctionConfigurationRequest,
    ) -> Result<FunctionConfiguration, Error> {
        let wanted = Wanted::of_changed(&input)?;
        let named = permit.function()?;
        let found = named.found()?;
        if let Some(role) = input.role.as_ref().filter(|role| **role != found.latest.role) {
            self.check_role(cx, named, role).await?;
        }
        let revision = self.new_id()?;
        let changed = self
            .change(
                cx,
                permit,
                "update_function_configuration",
                |function, _| {
                    check_revision(input.revision_id.as_ref(), &function.latest.revision_id)?;
                    wanted.put(&mut function.latest)?;
                    let latest = &mut function.latest;
                    if let Some(name) = native(latest.runtime.as_deref(), latest.handler.as_deref())
                        && !self.host.knows_native(name)
                    {
                        return Err(refusals::invalid(self.host.why_no_native(name)));
                    }
                    latest.revision_id.clone_from(&revision);
                    latest.modified_ms = cx.now.millis();
                    answer(function, LATEST)
                },
                |answer| Some(record::encode(answer)),
            )
            .await?;
        self.host.retire(&named.arn).await;
        Ok(changed)
    }
}

fn refuse_later(input: &UpdateFunctionCodeRequest) -> Result<(), Error> {
    for (given, what) in [
        (input.image_uri.is_some(), "PackageType Image"),
        (input.s3_bucket.is_some() || input.s3_key.is_some(), "code in S3: hand it over as ZipFile"),
        (input.publish_to.is_some(), "PublishTo"),
        (input.source_kms_key_arn.is_some(), "SourceKMSKeyArn"),
    ] {
        if given {
            return Err(refusals::not_offered(what));
        }
    }
    Ok(())
}
