//! A line of the trail: a record of CloudTrail's form, seen by how the server writes it instead of read as JSON.

pub mod layout;

use std::sync::LazyLock;

use layout::Rest;
use memchr::memmem::Finder;

/// How each line begins.
static BEGINNING: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("{\"eventVersion\":"));

/// What of a record's line is looked at. Texts are those that have no escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'l> {
    /// Who did it.
    pub identity: Identity<'l>,
    /// `eventTime`.
    pub time: &'l str,
    /// `eventSource`.
    pub source: &'l str,
    /// `eventName`.
    pub name: &'l str,
    /// `awsRegion`.
    pub region: &'l str,
    /// `errorCode`.
    pub error: Option<&'l str>,
    /// `requestParameters`, as they stand there.
    pub parameters: &'l str,
    /// `eventID`.
    pub id: &'l str,
    /// `readOnly`.
    pub read_only: bool,
    /// `resources`, as they stand there.
    pub resources: Option<&'l str>,
    /// `recipientAccountId`.
    pub account: Option<&'l str>,
}

/// `userIdentity`, as far as it is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity<'l> {
    /// `type`.
    pub kind: Option<&'l str>,
    /// `principalId`.
    pub principal_id: Option<&'l str>,
    /// `accountId`.
    pub account_id: Option<&'l str>,
    /// `accessKeyId`.
    pub access_key_id: Option<&'l str>,
    /// `userName`.
    pub user_name: Option<&'l str>,
    /// `invokedBy`.
    pub invoked_by: Option<&'l str>,
}

impl<'l> Line<'l> {
    /// What is seen of a whole line, without its end; none when it does not look as the server writes it, so that it has to
    /// be read as JSON. What a crash left of a line, also before or within another one, does not.
    #[must_use]
    pub fn seen(line: &'l str) -> Option<Self> {
        if has_control(line.as_bytes()) {
            return None;
        }
        let mut at = Rest(line);
        at.pass("{\"eventVersion\":")?;
        at.pass_text()?;
        at.pass(",\"userIdentity\":{")?;
        let identity = Identity::seen(&mut at)?;
        at.pass("},\"eventTime\":")?;
        let time = at.text()?;
        at.pass(",\"eventSource\":")?;
        let source = at.text()?;
        at.pass(",\"eventName\":")?;
        let name = at.text()?;
        at.pass(",\"awsRegion\":")?;
        let region = at.text()?;
        for name in [",\"sourceIPAddress\":", ",\"userAgent\":"] {
            at.pass(name)?;
            at.pass_text()?;
        }
        let error = at.text_of(",\"errorCode\":")?;
        at.pass_text_of(",\"errorMessage\":")?;
        at.pass(",\"requestParameters\":")?;
        let parameters = within(at.value()?)?;
        at.pass(",\"responseElements\":")?;
        within(at.value()?)?;
        at.value_of(",\"additionalEventData\":")?.map_or(Some(""), within)?;
        at.pass(",\"requestID\":")?;
        at.pass_text()?;
        at.pass(",\"eventID\":")?;
        let id = at.text()?;
        let read_only = at.passes(",\"readOnly\":true");
        if !read_only {
            at.pass(",\"readOnly\":false")?;
        }
        let resources = at.value_of(",\"resources\":")?;
        resources.map_or(Some(""), within)?;
        at.pass(",\"eventType\":")?;
        at.pass_text()?;
        at.pass(",\"managementEvent\":true")?;
        let account = at.text_of(",\"recipientAccountId\":")?;
        at.pass_text_of(",\"vpcEndpointId\":")?;
        at.pass(",\"eventCategory\":\"Management\"")?;
        at.value_of(",\"tlsDetails\":")?.map_or(Some(""), within)?;
        let seen = Self { identity, time, source, name, region, error, parameters, id, read_only, resources, account };
        (at.0 == "}").then_some(seen)
    }

    /// Types and ARNs of `resources`; none when they do not look as the server writes them.
    #[must_use]
    pub fn resources(&self) -> Option<Vec<(&'l str, &'l str)>> {
        let mut found = Vec::new();
        let Some(resources) = self.resources else { return Some(found) };
        let mut at = Rest(resources);
        at.pass("[")?;
        loop {
            at.pass("{\"accountId\":")?;
            at.pass_text()?;
            at.pass(",\"type\":")?;
            let kind = at.text()?;
            at.pass(",\"ARN\":")?;
            found.push((kind, at.text()?));
            at.pass("}")?;
            if !at.passes(",") {
                return (at.0 == "]").then_some(found);
            }
        }
    }
}

impl<'l> Identity<'l> {
    /// The members that come next.
    fn seen(at: &mut Rest<'l>) -> Option<Self> {
        let text = |at: &mut Rest<'l>, name| {
            // The first has no comma before it.
            at.passes(",");
            at.text_of(name)
        };
        let kind = text(at, "\"type\":")?;
        let principal_id = text(at, "\"principalId\":")?;
        text(at, "\"arn\":")?;
        let account_id = text(at, "\"accountId\":")?;
        let access_key_id = text(at, "\"accessKeyId\":")?;
        let user_name = text(at, "\"userName\":")?;
        text(at, "\"identityProvider\":")?;
        at.passes(",");
        at.value_of("\"sessionContext\":")?.map_or(Some(""), within)?;
        let invoked_by = text(at, "\"invokedBy\":")?;
        Some(Self { kind, principal_id, account_id, access_key_id, user_name, invoked_by })
    }
}

/// A value that may have any form: no line begins in it, as one does where the one before was cut off. Everywhere else is a
/// text, in which its quotes would be escaped.
fn within(value: &str) -> Option<&str> {
    BEGINNING.find(value.as_bytes()).is_none().then_some(value)
}

/// Whether there is a control character. Looks at many bytes together, which stopping at the first would not let it do.
fn has_control(line: &[u8]) -> bool {
    line.chunks(256).any(|part| part.iter().fold(false, |found, byte| found | (*byte < b' ')))
}
