//! One audit record: what is known when a request begins, and the line of JSON that it ends as.
//!
//! Fields, names and order are CloudTrail's (record contents of management events, version 1.09; specification §9.1).

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use strongroom_types::{AccountId, Region, Timestamp};

use super::calendar::{in_words, push_iso};
pub use super::identity::{IdentityKind, Session, SessionIssuer, UserIdentity};
use super::json_text::{bounded, push_member, push_name, push_plain, push_ready, push_string};

/// Longest user agent, error code, error message or name in a record, in bytes. CloudTrail cuts them at 1 KB.
pub const TEXT_BYTES_MAX: usize = 1024;
/// Longest request parameters or response elements in a record, in bytes. CloudTrail leaves out what exceeds 100 KB.
pub const ELEMENTS_BYTES_MAX: usize = 100 * 1024;
/// Longest additional event data in a record, in bytes. CloudTrail leaves out what exceeds 28 KB.
pub const ADDITIONAL_BYTES_MAX: usize = 28 * 1024;

const EVENT_VERSION: &str = "1.09";
/// About what a record takes beside its variable parts, in bytes.
const FRAME_BYTES: usize = 640;

/// What of a record is known before the request is carried out. Holds no secret material: whoever fills in the
/// request parameters leaves out sensitive members.
#[derive(Clone, Debug)]
pub struct Record {
    /// A call or an event of the service's own.
    pub kind: EventKind,
    /// A UUID, unique among all records.
    pub event_id: String,
    /// When the request was received, or the event happened.
    pub event_time: Timestamp,
    /// The service's host name, such as `secretsmanager.amazonaws.com`.
    pub event_source: &'static str,
    /// The operation or event, such as `GetSecretValue`.
    pub event_name: Cow<'static, str>,
    /// The region.
    pub aws_region: Region,
    /// The client's address; for service events the service's host name.
    pub source_ip: Source,
    /// The client's user agent, cut at [`TEXT_BYTES_MAX`] when it is written.
    pub user_agent: Arc<str>,
    /// The id that the client got with its answer.
    pub request_id: String,
    /// The account whose trail this belongs to; none when the request could not be placed in one.
    pub account: Option<AccountId>,
    /// Who made the request.
    pub identity: Arc<UserIdentity>,
    /// The service that made it on their behalf, if one did.
    pub invoked_by: Option<&'static str>,
    /// Whether the operation changes nothing.
    pub read_only: bool,
    /// The request's members as a ready JSON object, without the sensitive ones.
    pub request_parameters: Option<String>,
    /// Further data by name. The member is left out when there is none.
    pub additional_event_data: Vec<(&'static str, String)>,
    /// The private endpoint that the request came through: `vpcEndpointId`.
    pub endpoint_id: Option<Arc<str>>,
    /// The connection's encryption; none on plain HTTP.
    pub tls: Option<Arc<TlsDetails>>,
}

/// Where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A client's address.
    Address(IpAddr),
    /// A service of this server by its host name, or words for what has no one address.
    Service(&'static str),
}

/// Types of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Somebody called an operation.
    ApiCall,
    /// The service did something on its own.
    ServiceEvent,
}

impl EventKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ApiCall => "AwsApiCall",
            Self::ServiceEvent => "AwsServiceEvent",
        }
    }
}

/// How a connection was encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsDetails {
    /// Such as `TLSv1.3`.
    pub version: String,
    /// Such as `TLS_AES_128_GCM_SHA256`.
    pub cipher_suite: String,
    /// The host name that the client asked for.
    pub host: String,
}

/// Something that a request acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its ARN.
    pub arn: String,
    /// The account that owns it.
    pub account_id: String,
    /// Its type, such as `AWS::SecretsManager::Secret`.
    pub kind: String,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was carried out.
    Success {
        /// What the record shows of the answer: a ready JSON object without sensitive members.
        response_elements: Option<String>,
        /// What it acted on.
        resources: Vec<Resource>,
    },
    /// It was refused or failed.
    Failure {
        /// The error code that the client got; left out of the record when empty, as in failed service events.
        code: String,
        /// The text that the client got.
        message: String,
    },
}

/// What a service event is made of (specification §9.2).
#[derive(Clone, Copy, Debug)]
pub struct ServiceEvent<'a> {
    /// The service's host name.
    pub source: &'static str,
    /// Such as `StartSecretVersionDelete`.
    pub name: &'a str,
    /// Where it happened.
    pub region: &'a Region,
    /// The account that owns the secret.
    pub account: &'a AccountId,
    /// The secret.
    pub secret_arn: &'a str,
    /// When it happened.
    pub time: Timestamp,
    /// Names the work that the event belongs to; for rotations `Rotation-<ARN>-<UUID>`.
    pub request_id: &'a str,
}

/// A call of another service that a service makes for its caller.
#[derive(Debug)]
pub struct ServiceCall {
    /// The host name of the service that calls.
    pub service: &'static str,
    /// That of the service that is called.
    pub event_source: &'static str,
    /// The operation, which changes nothing.
    pub event_name: &'static str,
    /// Its parameters as a ready JSON object, without sensitive ones.
    pub request_parameters: String,
}

impl Record {
    /// The line of a call that a service makes for the caller of this request.
    #[must_use]
    pub fn of_service_call(&self, event_id: String, call: ServiceCall, outcome: &Outcome) -> String {
        let failed = matches!(outcome, Outcome::Failure { .. });
        let record = Self {
            kind: EventKind::ApiCall,
            event_id,
            event_time: self.event_time,
            event_source: call.event_source,
            event_name: call.event_name.into(),
            aws_region: self.aws_region.clone(),
            source_ip: Source::Service(call.service),
            user_agent: call.service.into(),
            request_id: self.request_id.clone(),
            account: self.account.clone(),
            identity: Arc::clone(&self.identity),
            invoked_by: Some(call.service),
            read_only: true,
            request_parameters: Some(call.request_parameters),
            // Only a call that was refused has any, and then it is why.
            additional_event_data: if failed { self.additional_event_data.clone() } else { Vec::new() },
            endpoint_id: None,
            tls: self.tls.clone(),
        };
        record.finish(outcome)
    }

    /// The record of an event of the service's own.
    #[must_use]
    pub fn service_event(event_id: String, event: ServiceEvent<'_>) -> Self {
        let identity = UserIdentity {
            account_id: Some(event.account.to_string()),
            invoked_by: Some(event.source.to_owned()),
            ..UserIdentity::default()
        };
        Self {
            kind: EventKind::ServiceEvent,
            event_id,
            event_time: event.time,
            event_source: event.source,
            event_name: event.name.to_owned().into(),
            aws_region: event.region.clone(),
            source_ip: Source::Service(event.source),
            user_agent: event.source.into(),
            request_id: event.request_id.to_owned(),
            account: Some(event.account.clone()),
            identity: Arc::new(identity),
            invoked_by: None,
            read_only: false,
            request_parameters: None,
            additional_event_data: vec![("SecretId", event.secret_arn.to_owned())],
            endpoint_id: None,
            tls: None,
        }
    }

    /// The record as one line of JSON, without the line's end and with none inside.
    #[must_use]
    pub fn finish(&self, outcome: &Outcome) -> String {
        let mut out = String::with_capacity(self.length_about(outcome));
        self.push_head(&mut out);
        let (elements, resources) = match outcome {
            Outcome::Success { response_elements, resources } => (response_elements.as_deref(), resources.as_slice()),
            Outcome::Failure { code, message } => {
                if !code.is_empty() {
                    push_member(&mut out, "errorCode", bounded(code, TEXT_BYTES_MAX));
                }
                push_member(&mut out, "errorMessage", bounded(message, TEXT_BYTES_MAX));
                (None, [].as_slice())
            }
        };
        push_name(&mut out, "requestParameters");
        push_ready(&mut out, at_most(self.request_parameters.as_deref(), ELEMENTS_BYTES_MAX));
        push_name(&mut out, "responseElements");
        push_ready(&mut out, at_most(elements, ELEMENTS_BYTES_MAX));
        self.push_additional(&mut out);
        push_member(&mut out, "requestID", bounded(&self.request_id, TEXT_BYTES_MAX));
        push_member(&mut out, "eventID", bounded(&self.event_id, TEXT_BYTES_MAX));
        out.push_str(if self.read_only { ",\"readOnly\":true" } else { ",\"readOnly\":false" });
        push_resources(&mut out, resources);
        self.push_tail(&mut out);
        out
    }

    fn push_head(&self, out: &mut String) {
        out.push_str("{\"eventVersion\":\"");
        out.push_str(EVENT_VERSION);
        out.push_str("\",\"userIdentity\":");
        self.identity.push(out, self.invoked_by);
        out.push_str(",\"eventTime\":\"");
        push_iso(out, self.event_time);
        out.push('"');
        push_member(out, "eventSource", self.event_source);
        push_member(out, "eventName", bounded(&self.event_name, TEXT_BYTES_MAX));
        push_member(out, "awsRegion", self.aws_region.as_str());
        match self.source_ip {
            Source::Address(address) => push_plain(out, "sourceIPAddress", address),
            Source::Service(name) => push_member(out, "sourceIPAddress", name),
        }
        push_member(out, "userAgent", bounded(&self.user_agent, TEXT_BYTES_MAX));
    }

    fn push_additional(&self, out: &mut String) {
        let bytes: usize = self.additional_event_data.iter().map(|(name, value)| name.len() + value.len()).sum();
        if self.additional_event_data.is_empty() || bytes > ADDITIONAL_BYTES_MAX {
            return;
        }
        push_name(out, "additionalEventData");
        for (at, (name, value)) in self.additional_event_data.iter().enumerate() {
            out.push(if at == 0 { '{' } else { ',' });
            push_string(out, name);
            out.push(':');
            push_string(out, value);
        }
        out.push('}');
    }

    fn push_tail(&self, out: &mut String) {
        push_member(out, "eventType", self.kind.as_str());
        out.push_str(",\"managementEvent\":true");
        if let Some(account) = &self.account {
            push_member(out, "recipientAccountId", account.as_str());
        }
        if let Some(endpoint) = &self.endpoint_id {
            push_member(out, "vpcEndpointId", endpoint);
        }
        out.push_str(",\"eventCategory\":\"Management\"");
        if let Some(tls) = &self.tls {
            out.push_str(",\"tlsDetails\":{\"tlsVersion\":");
            push_string(out, &tls.version);
            push_member(out, "cipherSuite", &tls.cipher_suite);
            push_member(out, "clientProvidedHostHeader", bounded(&tls.host, TEXT_BYTES_MAX));
            out.push('}');
        }
        out.push('}');
    }

    /// About how long the line will be, so that it is written without moving.
    fn length_about(&self, outcome: &Outcome) -> usize {
        let ready = |json: &Option<String>| json.as_ref().map_or(0, |json| json.len().min(ELEMENTS_BYTES_MAX));
        let outcome = match outcome {
            Outcome::Success { response_elements, resources } => ready(response_elements) + resources.len() * 200,
            Outcome::Failure { code, message } => code.len() + message.len().min(TEXT_BYTES_MAX),
        };
        let identity = if self.identity.session.is_some() { 800 } else { 300 };
        FRAME_BYTES + identity + outcome + self.user_agent.len().min(TEXT_BYTES_MAX) + ready(&self.request_parameters)
    }
}

/// The date of an answer in words, as CloudTrail shows it: `May 3, 2018 5:51:02 PM` (UTC).
#[must_use]
pub fn shown_date(at: Timestamp) -> String {
    in_words(at)
}

fn at_most(json: Option<&str>, bytes_max: usize) -> Option<&str> {
    json.filter(|json| json.len() <= bytes_max)
}

fn push_resources(out: &mut String, resources: &[Resource]) {
    if resources.is_empty() {
        return;
    }
    push_name(out, "resources");
    for (at, resource) in resources.iter().enumerate() {
        out.push_str(if at == 0 { "[{\"accountId\":" } else { ",{\"accountId\":" });
        push_string(out, &resource.account_id);
        push_member(out, "type", &resource.kind);
        push_member(out, "ARN", &resource.arn);
        out.push('}');
    }
    out.push(']');
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};
    use serde_json::{Value, json};

    use super::*;

    pub(crate) fn record(event_id: &str, at: Timestamp) -> Record {
        Record {
            kind: EventKind::ApiCall,
            event_id: event_id.to_owned(),
            event_time: at,
            event_source: "secretsmanager.amazonaws.com",
            event_name: "GetSecretValue".into(),
            aws_region: Region::parse("us-east-1").expect("region"),
            source_ip: Source::Address("192.0.2.7".parse().expect("address")),
            user_agent: "aws-cli/2.0".into(),
            request_id: "5b1c9a52-8a7c-4a52-b6a5-4d1a0f7f7d11".to_owned(),
            account: AccountId::parse("123456789012").ok(),
            identity: Arc::new(UserIdentity {
                principal_id: Some("123456789012".into()),
                arn: Some("arn:aws:iam::123456789012:root".into()),
                account_id: Some("123456789012".into()),
                access_key_id: Some("AKIAEXAMPLE".into()),
                ..UserIdentity::of(IdentityKind::Root)
            }),
            invoked_by: None,
            read_only: true,
            request_parameters: Some(r#"{"secretId":"db"}"#.to_owned()),
            additional_event_data: Vec::new(),
            endpoint_id: None,
            tls: None,
        }
    }

    pub(crate) fn success() -> Outcome {
        Outcome::Success { response_elements: None, resources: Vec::new() }
    }

    fn any_text() -> impl Strategy<Value = String> {
        proptest::collection::vec(any::<char>(), 0..40).prop_map(String::from_iter)
    }

    fn read(line: &str) -> Value {
        assert_eq!(line.lines().count(), 1, "{line}");
        serde_json::from_str(line).expect("json")
    }

    #[test]
    fn a_read_has_cloudtrails_members_in_their_order() {
        let mut record = record("e1", Timestamp::from_millis(1_525_369_862_713));
        record.tls = Some(Arc::new(TlsDetails {
            version: "TLSv1.3".into(),
            cipher_suite: "TLS_AES_128_GCM_SHA256".into(),
            host: "localhost:8443".into(),
        }));
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf";
        let resource =
            Resource { arn: arn.into(), account_id: "123456789012".into(), kind: "AWS::SecretsManager::Secret".into() };
        let line = record.finish(&Outcome::Success { response_elements: None, resources: vec![resource] });
        let expected = concat!(
            r#"{"eventVersion":"1.09","userIdentity":{"type":"Root","principalId":"123456789012","#,
            r#""arn":"arn:aws:iam::123456789012:root","accountId":"123456789012","accessKeyId":"AKIAEXAMPLE"},"#,
            r#""eventTime":"2018-05-03T17:51:02Z","eventSource":"secretsmanager.amazonaws.com","#,
            r#""eventName":"GetSecretValue","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.7","#,
            r#""userAgent":"aws-cli/2.0","requestParameters":{"secretId":"db"},"responseElements":null,"#,
            r#""requestID":"5b1c9a52-8a7c-4a52-b6a5-4d1a0f7f7d11","eventID":"e1","readOnly":true,"#,
            r#""resources":[{"accountId":"123456789012","type":"AWS::SecretsManager::Secret","#,
            r#""ARN":"arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"}],"eventType":"AwsApiCall","#,
            r#""managementEvent":true,"recipientAccountId":"123456789012","eventCategory":"Management","#,
            r#""tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","#,
            r#""clientProvidedHostHeader":"localhost:8443"}}"#,
        );
        assert_eq!(line, expected);
    }

    #[test]
    fn a_failure_says_what_the_client_was_told() {
        let outcome = Outcome::Failure {
            code: "ResourceNotFoundException".into(),
            message: "Secrets Manager can't find the specified secret.".into(),
        };
        let value = read(&record("e1", Timestamp::from_seconds(0)).finish(&outcome));
        assert_eq!(value["errorCode"], "ResourceNotFoundException");
        assert_eq!(value["errorMessage"], "Secrets Manager can't find the specified secret.");
        assert_eq!(value["responseElements"], Value::Null);
        assert!(value.get("resources").is_none());
    }

    #[test]
    fn a_service_event_has_the_shape_of_the_user_guides_example() {
        let arn = "arn:aws:secretsmanager:us-east-2:123456789012:secret:MyDatabaseSecret-a1b2c3";
        let event = ServiceEvent {
            source: "secretsmanager.amazonaws.com",
            name: "RotationFailed",
            region: &Region::parse("us-east-2").expect("region"),
            account: &AccountId::parse("123456789012").expect("account"),
            secret_arn: arn,
            time: Timestamp::from_seconds(1_663_035_468),
            request_id: "Rotation-x",
        };
        let failure = Outcome::Failure { code: String::new(), message: "Error when executing".into() };
        let value = read(&Record::service_event("e9".into(), event).finish(&failure));
        let expected = json!({
            "eventVersion": "1.09",
            "userIdentity": { "accountId": "123456789012", "invokedBy": "secretsmanager.amazonaws.com" },
            "eventTime": "2022-09-13T02:17:48Z",
            "eventSource": "secretsmanager.amazonaws.com",
            "eventName": "RotationFailed",
            "awsRegion": "us-east-2",
            "sourceIPAddress": "secretsmanager.amazonaws.com",
            "userAgent": "secretsmanager.amazonaws.com",
            "errorMessage": "Error when executing",
            "requestParameters": null,
            "responseElements": null,
            "additionalEventData": { "SecretId": arn },
            "requestID": "Rotation-x",
            "eventID": "e9",
            "readOnly": false,
            "eventType": "AwsServiceEvent",
            "managementEvent": true,
            "recipientAccountId": "123456789012",
            "eventCategory": "Management",
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn what_a_client_sends_can_neither_end_the_line_nor_fill_the_disk() {
        let mut record = record("e1", Timestamp::from_seconds(0));
        record.user_agent =
            format!("x\",\"readOnly\":false}}\n{{\"eventID\":\"forged\"}}\r\n{}", "é".repeat(4000)).into();
        record.request_parameters = Some(format!("{{\"name\":\"{}\"}}", "n".repeat(ELEMENTS_BYTES_MAX)));
        record.additional_event_data.push(("note", "n".repeat(ADDITIONAL_BYTES_MAX)));
        let message = format!("no secret named a\nb\u{2028}{}", "m".repeat(9000));
        let line = record.finish(&Outcome::Failure { code: "X".into(), message });
        assert!(line.len() < 8 * 1024, "{} bytes", line.len());
        let value = read(&line);
        assert_eq!(value["eventID"], "e1");
        assert_eq!(value["readOnly"], true);
        assert_eq!(value["requestParameters"], Value::Null);
        assert!(value["userAgent"].as_str().expect("text").len() <= TEXT_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn any_texts_make_one_readable_line(texts in proptest::collection::vec(any_text(), 6)) {
            let mut record = record(&texts[0], Timestamp::from_seconds(7));
            record.user_agent = texts[1].as_str().into();
            record.event_name = texts[2].clone().into();
            record.request_parameters = Some(serde_json::to_string_pretty(&json!({ "name": &texts[3] })).unwrap());
            let line = record.finish(&Outcome::Failure { code: texts[4].clone(), message: texts[5].clone() });
            let value = read(&line);
            prop_assert_eq!(&value["eventID"], &texts[0]);
            prop_assert_eq!(&value["userAgent"], &texts[1]);
            prop_assert_eq!(&value["requestParameters"]["name"], &texts[3]);
            prop_assert_eq!(&value["errorMessage"], &texts[5]);
        }
    }
}
