//! What conditions may ask about the requests of Lambda.

use std::collections::BTreeMap;

use strongroom_policy::Values;
use strongroom_wire::forms::Enumeration as _;
use strongroom_wire::lambda::{
    AddPermissionRequest, CreateAliasRequest, CreateFunctionRequest, DeleteAliasRequest,
    DeleteFunctionConcurrencyRequest, DeleteFunctionRequest, GetAccountSettingsRequest, GetAliasRequest,
    GetFunctionCodeSigningConfigRequest, GetFunctionConcurrencyRequest, GetFunctionConfigurationRequest,
    GetFunctionRecursionConfigRequest, GetFunctionRequest, GetPolicyRequest, GetRuntimeManagementConfigRequest,
    InvocationRequest, InvokeAsyncRequest, ListAliasesRequest, ListFunctionsRequest, ListTagsRequest,
    ListVersionsByFunctionRequest, PublishVersionRequest, PutFunctionConcurrencyRequest, RemovePermissionRequest,
    TagResourceRequest, UntagResourceRequest, UpdateAliasRequest, UpdateFunctionCodeRequest,
    UpdateFunctionConfigurationRequest, VpcConfig,
};

use crate::access::{RequestKeys, without_keys};

without_keys!(
    CreateAliasRequest,
    DeleteAliasRequest,
    DeleteFunctionConcurrencyRequest,
    DeleteFunctionRequest,
    GetAccountSettingsRequest,
    GetAliasRequest,
    GetFunctionCodeSigningConfigRequest,
    GetFunctionConcurrencyRequest,
    GetFunctionConfigurationRequest,
    GetFunctionRecursionConfigRequest,
    GetFunctionRequest,
    GetPolicyRequest,
    GetRuntimeManagementConfigRequest,
    InvocationRequest,
    InvokeAsyncRequest,
    ListAliasesRequest,
    ListFunctionsRequest,
    ListTagsRequest,
    ListVersionsByFunctionRequest,
    PublishVersionRequest,
    PutFunctionConcurrencyRequest,
    RemovePermissionRequest,
    UpdateAliasRequest,
    UpdateFunctionCodeRequest,
);

/// `aws:RequestTag/…` and `aws:TagKeys`.
fn tags<'a>(key: &str, tags: &'a BTreeMap<String, String>) -> Option<Values<'a>> {
    if key == "aws:tagkeys" {
        return (!tags.is_empty()).then(|| Values::texts(tags.keys().map(String::as_str)));
    }
    let asked = key.strip_prefix("aws:requesttag/")?;
    let found = tags.iter().filter(|(name, _)| name.eq_ignore_ascii_case(asked));
    Values::of_tags(found.map(|(_, value)| value.as_str().into()))
}

fn texts(texts: Option<&Vec<String>>) -> Option<Values<'_>> {
    texts.filter(|texts| !texts.is_empty()).map(|texts| Values::texts(texts.iter().map(String::as_str)))
}

/// `lambda:Layer`, `lambda:SubnetIds`, `lambda:SecurityGroupIds`.
fn of_configuration<'a>(key: &str, layers: Option<&'a Vec<String>>, vpc: Option<&'a VpcConfig>) -> Option<Values<'a>> {
    match key {
        "lambda:layer" => texts(layers),
        "lambda:subnetids" => texts(vpc?.subnet_ids.as_ref()),
        "lambda:securitygroupids" => texts(vpc?.security_group_ids.as_ref()),
        _ => None,
    }
}

impl RequestKeys for CreateFunctionRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        if key == "lambda:codesigningconfigarn" {
            return self.code_signing_config_arn.as_deref().map(Values::text);
        }
        of_configuration(key, self.layers.as_ref(), self.vpc_config.as_ref()).or_else(|| tags(key, self.tags.as_ref()?))
    }
}

impl RequestKeys for UpdateFunctionConfigurationRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        of_configuration(key, self.layers.as_ref(), self.vpc_config.as_ref())
    }
}

impl RequestKeys for AddPermissionRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "lambda:principal" => Some(Values::text(&self.principal)),
            "lambda:functionurlauthtype" => self.function_url_auth_type.map(|kind| Values::text(kind.as_str())),
            _ => None,
        }
    }
}

impl RequestKeys for TagResourceRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        tags(key, &self.tags)
    }
}

impl RequestKeys for UntagResourceRequest {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        if key == "aws:tagkeys" { texts(Some(&self.tag_keys)) } else { None }
    }
}

/// Who gets the role that is passed: `iam:PassedToService`, and for what.
pub(super) struct PassedTo<'a> {
    pub(super) service: &'static str,
    pub(super) resource_arn: &'a str,
}

impl RequestKeys for PassedTo<'_> {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "iam:passedtoservice" => Some(Values::text(self.service)),
            "iam:associatedresourcearn" => Some(Values::text(self.resource_arn)),
            _ => None,
        }
    }
}

/// For what a service asks: `aws:SourceAccount` and `aws:SourceArn`.
pub(super) struct OnBehalfOf<'a> {
    pub(super) account: &'a str,
    pub(super) arn: &'a str,
}

impl RequestKeys for OnBehalfOf<'_> {
    fn proof(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "aws:sourceaccount" => Some(Values::text(self.account)),
            "aws:sourcearn" => Some(Values::text(self.arn)),
            _ => None,
        }
    }

    fn is_through_service(&self) -> bool {
        true
    }
}
