//! CreateFunction.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_store::Batch;
use strongroom_types::SecretBytes;
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::lambda::{Architecture, CreateFunctionRequest, FunctionConfiguration, Operation, PackageType};
use strongroom_wire::record;

use super::code;
use super::configuration::{Wanted, blank, native};
use super::model::{CodeFacts, Function, LATEST};
use super::{Functions, done, refusals, shown, tags, versions};
use crate::access::{Permit, authorize};
use crate::ctx::Ctx;
use crate::documents::retry;
use crate::error::Error;

impl Functions {
    /// Makes a function.
    ///
    /// # Errors
    /// ResourceConflictException, InvalidParameterValueException, RequestTooLargeException; AccessDeniedException without
    /// leave to pass the role, or to tag.
    pub async fn create_function(
        &self,
        cx: &Ctx,
        permit: &Permit,
        input: CreateFunctionRequest,
    ) -> Result<FunctionConfiguration, Error> {
        let named = permit.function()?;
        let is_here = named.arn == here(cx, &named.name);
        if named.qualifier.is_some() || named.account != cx.caller.account || !is_here {
            return Err(refusals::invalid_name(&input.function_name));
        }
        let wanted = Wanted::of_new(&input)?;
        refuse_later(&input)?;
        if input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
            authorize(cx, Operation::TagResource.action(), permit.resource().clone(), &input)?;
        }
        self.check_role(cx, named, &input.role).await?;
        let empty = SecretBytes::default();
        let zip = input.code.zip_file.as_ref();
        let runtime = input.runtime.map(|runtime| runtime.as_str());
        let facts = self.code_facts(runtime, input.handler.as_deref(), zip)?;
        let architecture = input.architectures.as_ref().and_then(|list| list.first()).copied();
        let architecture = architecture.unwrap_or(Architecture::X8664).as_str();
        let mut latest = blank(&named.name, facts, architecture);
        wanted.put(&mut latest)?;
        (latest.revision_id, latest.modified_ms) = (self.new_id()?, cx.now.millis());
        let mut function = Function {
            account: named.account.to_string(),
            region: cx.region.to_string(),
            partition: cx.region.partition().to_owned(),
            name: named.name.clone(),
            latest,
            versions: BTreeMap::new(),
            next_version: 1,
            aliases: BTreeMap::new(),
            policies: BTreeMap::new(),
            tags: tags::checked(BTreeMap::new(), input.tags.clone().unwrap_or_default())?,
            concurrency: None,
        };
        let published = input.publish.unwrap_or_default();
        let version =
            if published { versions::publish(&mut function, None, self.new_id()?) } else { LATEST.to_owned() };
        let function = Arc::new(function);
        self.store_new(cx, &function, zip.unwrap_or(&empty), &version).await
    }

    async fn store_new(
        &self,
        cx: &Ctx,
        function: &Arc<Function>,
        zip: &SecretBytes,
        version: &str,
    ) -> Result<FunctionConfiguration, Error> {
        let key = function.document_key();
        let _turn = self.documents.writer::<Function>(&key).await?;
        retry(|| async {
            if self.documents.load::<Function>(key.as_str()).await?.is_some() {
                return Err(refusals::exists(&function.name));
            }
            let answer = shown::configuration(function, version, !shown::is_latest(version));
            let answer = answer.ok_or_else(|| Error::internal("a new function has no version"))?;
            let mut batch = Batch::named("create_function");
            self.documents.put(&mut batch, None, function)?;
            code::put(&self.documents, &mut batch, function, &function.latest.code, zip)?;
            cx.commit(&self.documents, batch, done(function, Some(record::encode(&answer)))).await?;
            Ok(answer)
        })
        .await
    }

    /// Checks a package.
    ///
    /// # Errors
    /// InvalidParameterValueException, RequestTooLargeException.
    pub(super) fn code_facts(
        &self,
        runtime: Option<&str>,
        handler: Option<&str>,
        zip: Option<&SecretBytes>,
    ) -> Result<CodeFacts, Error> {
        let id = self.new_id()?;
        let (Some(_), Some(_)) = (runtime, handler) else {
            return Err(refusals::invalid(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
            ));
        };
        if let Some(name) = native(runtime, handler) {
            if !self.host.knows_native(name) {
                return Err(refusals::invalid(self.host.why_no_native(name)));
            }
            return code::unchecked(zip.unwrap_or(&SecretBytes::default()), id);
        }
        let zip = zip.ok_or_else(|| refusals::invalid("Please provide a source for function code."))?;
        code::checked(zip, id)
    }
}

/// The ARN of a function of the caller's account in this server's region.
fn here(cx: &Ctx, name: &str) -> String {
    let (region, account) = (&cx.region, cx.caller.account.as_str());
    ["arn:", region.partition(), ":lambda:", region.as_str(), ":", account, ":function:", name].concat()
}

/// Members that this release gives no meaning to are refused, never ignored.
fn refuse_later(input: &CreateFunctionRequest) -> Result<(), Error> {
    let by_reference = input.code.s3_bucket.is_some() || input.code.s3_key.is_some();
    for (given, what) in [
        (input.package_type == Some(PackageType::Image) || input.code.image_uri.is_some(), "PackageType Image"),
        (by_reference, "code in S3: hand it over as ZipFile"),
        (input.code_signing_config_arn.is_some(), "CodeSigningConfigArn"),
        (input.publish_to.is_some(), "PublishTo"),
        (input.tenancy_config.is_some(), "TenancyConfig"),
        (input.code.source_kms_key_arn.is_some(), "SourceKMSKeyArn"),
    ] {
        if given {
            return Err(refusals::not_offered(what));
        }
    }
    Ok(())
}
