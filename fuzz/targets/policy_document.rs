//! Any text as a policy of every kind: reading it, deciding with it and analysing it never panic, and neither does saying
//! what is wrong.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_policy::{
    Action, Attached, Document, DocumentKind, Inputs, Keys, Principal, Request, ResourcePolicy, ResourceRule, Source, Value,
    Values, analyse, decide, explain,
};

/// Every key has values of some form.
struct Everything;

impl Keys for Everything {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        match key.len() % 5 {
            0 => None,
            1 => Some(Values::text("123456789012")),
            2 => Some(Values::One(Value::Bool(true))),
            3 => Some(Values::One(Value::Instant(1_700_000_000_000))),
            _ => Some(Values::texts(["a", "192.0.2.1", ""])),
        }
    }
}

fuzz_target!(|text: &str| {
    let action = Action::new("secretsmanager:GetSecretValue");
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf";
    let request = Request::new(&action, arn, &Everything);
    let user = Principal::user("123456789012", "arn:aws:iam::123456789012:user/a", "AIDAEXAMPLE");
    for kind in [
        DocumentKind::Identity,
        DocumentKind::Managed,
        DocumentKind::Resource,
        DocumentKind::Trust,
        DocumentKind::Endpoint,
    ] {
        match Document::parse(text, kind) {
            Ok(document) => {
                let attached = [Attached { source: Source::Session, document: &document }];
                let policy = attached.first().copied();
                let resource = ResourcePolicy { policy, rule: ResourceRule::MustAllow, owner: "123456789012" };
                let inputs = Inputs { identity: &attached, boundary: policy, resource, ..Inputs::of(&user) };
                drop(decide(&inputs, &request).denial().map(|denial| denial.client_text(&user, &request, Some(arn))));
                drop(explain(&inputs, &request).to_json());
                let _ = document.grants_broad_access();
                drop(analyse::context_keys(&[&document]));
                drop(analyse::matched_statements(&document, &user, &request));
            }
            Err(error) => drop((error.to_string(), error.client_text().len())),
        }
    }
});
