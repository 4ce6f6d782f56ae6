//! What conditions may ask about the requests of STS.

use strongroom_policy::{Value, Values};
use strongroom_wire::sts::{DecodeAuthorizationMessageRequest, GetAccessKeyInfoRequest};

use crate::access::{RequestKeys, tag_of};

/// Keys of the requests for a session.
#[derive(Debug, Default)]
pub(super) struct SessionKeys<'a> {
    /// `sts:RoleSessionName`.
    pub(super) session_name: Option<&'a str>,
    /// `sts:ExternalId`.
    pub(super) external_id: Option<&'a str>,
    /// `sts:SourceIdentity`.
    pub(super) source_identity: Option<&'a str>,
    /// `sts:DurationSeconds`.
    pub(super) duration_seconds: Option<i32>,
    /// `aws:RequestTag/…` and `aws:TagKeys`.
    pub(super) tags: &'a [(String, String)],
    /// `sts:TransitiveTagKeys`.
    pub(super) transitive_keys: &'a [String],
    /// Whether the request carries the code of an MFA device, which was right.
    pub(super) mfa: bool,
    /// The provider that the caller's token is of: `aws:FederatedProvider`.
    pub(super) provider: Option<&'a str>,
    /// For whom a service assumes the role: `aws:SourceAccount` and `aws:SourceArn`.
    pub(super) source: Option<(&'a str, &'a str)>,
    /// Keys of the token, such as `idp.example.com:sub`.
    pub(super) provider_keys: &'a [(String, Vec<String>)],
}

impl RequestKeys for SessionKeys<'_> {
    fn key(&self, key: &str) -> Option<Values<'_>> {
        if let Some(asked) = key.strip_prefix("aws:requesttag/") {
            return tag_of(self.tags, asked);
        }
        match key {
            "aws:tagkeys" => texts(self.tags.iter().map(|(key, _)| key.as_str())),
            "sts:transitivetagkeys" => texts(self.transitive_keys.iter().map(String::as_str)),
            "sts:externalid" => self.external_id.map(Values::text),
            "sts:rolesessionname" => self.session_name.map(Values::text),
            "sts:sourceidentity" => self.source_identity.map(Values::text),
            "sts:durationseconds" => self.duration_seconds.map(|s| Values::One(Value::Number(i64::from(s)))),
            _ => {
                let (_, values) = self.provider_keys.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
                match values.as_slice() {
                    [one] => Some(Values::text(one)),
                    several => texts(several.iter().map(String::as_str)),
                }
            }
        }
    }

    fn proof(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "aws:multifactorauthpresent" if self.mfa => Some(Values::One(Value::Bool(true))),
            "aws:multifactorauthage" if self.mfa => Some(Values::One(Value::Number(0))),
            "aws:sourceaccount" => self.source.map(|(account, _)| Values::text(account)),
            "aws:sourcearn" => self.source.map(|(_, arn)| Values::text(arn)),
            "aws:federatedprovider" => self.provider.map(Values::text),
            _ => None,
        }
    }
}

fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> Option<Values<'a>> {
    let mut texts = texts.peekable();
    texts.peek().is_some().then(|| Values::texts(texts))
}

impl RequestKeys for DecodeAuthorizationMessageRequest {}
impl RequestKeys for GetAccessKeyInfoRequest {}
