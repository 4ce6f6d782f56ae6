//! PublishVersion and ListVersionsByFunction.

use strongroom_wire::lambda::{
    FunctionConfiguration, ListVersionsByFunctionRequest, ListVersionsByFunctionResponse, PublishVersionRequest,
};
use strongroom_wire::record;

use super::lists::page;
use super::model::{Function, LATEST};
use super::updates::check_revision;
use super::{Functions, refusals, shown};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;

/// Publishes what the function is now as a version, and tells its number. Nothing is published when the newest version has
/// the same code and configuration.
pub(super) fn publish(function: &mut Function, description: Option<String>, revision_id: String) -> String {
    let mut version = function.latest.clone();
    if let Some(description) = description {
        version.description = description;
    }
    if let Some((number, newest)) = function.versions.last_key_value() {
        let same = super::Configuration {
            revision_id: newest.revision_id.clone(),
            modified_ms: newest.modified_ms,
            ..version.clone()
        };
        if same == *newest {
            return number.to_string();
        }
    }
    version.revision_id = revision_id;
    let number = function.next_version;
    function.next_version += 1;
    function.versions.insert(number, version);
    number.to_string()
}

impl Functions {
    /// Publishes what the function is now as a version.
    ///
    /// # Errors
    /// ResourceNotFoundException, PreconditionFailedException, InvalidParameterValueException for other code than known.
    pub async fn publish_version(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: PublishVersionRequest,
    ) -> Result<FunctionConfiguration, Error> {
        if input.publish_to.is_some() {
            return Err(refusals::not_offered("PublishTo"));
        }
        let revision = self.new_id()?;
        self.change(
            cx,
            permit,
            "publish_version",
            |function, _| {
                check_revision(input.revision_id.as_ref(), &function.latest.revision_id)?;
                if let Some(known) = input.code_sha256.as_ref().filter(|known| !known.is_empty())
                    && *known != function.latest.code.sha256
                {
                    return Err(refusals::invalid(format!(
                        "CodeSHA256 ({known}) is different from current CodeSHA256 in $LATEST ({}). Please try again \
                         with the CodeSHA256 in $LATEST.",
                        function.latest.code.sha256
                    )));
                }
                let version = publish(function, input.description.clone(), revision.clone());
                let shown = shown::configuration(function, &version, true);
                shown.ok_or_else(|| Error::internal("a published version is not there"))
            },
            |answer| Some(record::encode(answer)),
        )
        .await
    }

    /// The versions of a function, `$LATEST` first.
    ///
    /// # Errors
    /// ResourceNotFoundException, InvalidParameterValueException for a marker that is none.
    pub async fn list_versions_by_function(
        &self,
        _cx: &Ctx,
        permit: &Permit,
        input: ListVersionsByFunctionRequest,
    ) -> Result<ListVersionsByFunctionResponse, Error> {
        let function = permit.function()?.found()?;
        let names = std::iter::once(LATEST.to_owned()).chain(function.versions.keys().map(u64::to_string));
        let (names, next_marker) = page(names.collect(), input.marker.as_deref(), input.max_items)?;
        let versions = names.iter().filter_map(|version| shown::configuration(function, version, true)).collect();
        Ok(ListVersionsByFunctionResponse { next_marker, versions: Some(versions) })
    }
}
