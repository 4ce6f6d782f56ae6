//! What a decision costs: an identity's policy of 1, 10 and 100 statements, a resource policy and tags in play.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use strongroom_policy::{
    Action, Attached, Decision, Document, DocumentKind, Inputs, Keys, Malformed, Principal, Request, ResourcePolicy,
    ResourceRule, Source, Values, decide,
};

const ACCOUNT: &str = "123456789012";
const USER: &str = "arn:aws:iam::123456789012:user/reader";
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:app/db-AbCdEf";
/// Statements of the identity's policy.
const SIZES: [usize; 3] = [1, 10, 100];
/// Measured time of a round, and rounds of a figure, of which the quickest counts: the others were disturbed.
const ROUND: Duration = Duration::from_millis(60);
const ROUNDS: usize = 7;
/// Decisions between two looks at the clock.
const BATCH: u32 = 256;

/// Keys of a request that came over TLS, with a tag on the caller and one on the secret.
struct Request1;

impl Keys for Request1 {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        let text = match key {
            "aws:username" => "reader",
            "aws:principaltag/team" | "aws:resourcetag/team" | "secretsmanager:resourcetag/team" => "blue",
            "aws:sourceip" => "192.0.2.7",
            "aws:securetransport" => "true",
            "aws:principalarn" => USER,
            "secretsmanager:secretid" => SECRET,
            _ => return None,
        };
        Some(Values::text(text))
    }
}

/// How the statements of the identity's policy differ.
#[derive(Clone, Copy)]
enum Shape {
    /// Each of a service of its own; one of them is the right one.
    Services,
    /// All of the same action on secrets by name; the last is the right one.
    Secrets,
    /// All of patterns of the right service, with a condition on tags; the last is the right one.
    Tags,
    /// As `Secrets`, none of them right.
    Denied,
}

impl Shape {
    const ALL: [Self; 4] = [Self::Services, Self::Secrets, Self::Tags, Self::Denied];

    const fn name(self) -> &'static str {
        match self {
            Self::Services => "many services",
            Self::Secrets => "one action, many secrets",
            Self::Tags => "patterns and tags",
            Self::Denied => "denied, many secrets",
        }
    }

    fn statement(self, at: usize, is_last: bool) -> String {
        match self {
            Self::Services if is_last => allow("secretsmanager:GetSecretValue", SECRET, ""),
            Self::Services => allow(&format!("service{at}:Get*"), "*", ""),
            Self::Secrets if is_last => allow("secretsmanager:GetSecretValue", SECRET, ""),
            Self::Secrets | Self::Denied => {
                let resource = format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:app{at}/*");
                allow("secretsmanager:GetSecretValue", &resource, "")
            }
            Self::Tags => {
                let team = if is_last { "${aws:PrincipalTag/team}" } else { "red" };
                let condition = format!(",\"Condition\":{{\"StringEquals\":{{\"aws:ResourceTag/team\":\"{team}\"}}}}");
                allow("secretsmanager:Get*", "arn:aws:secretsmanager:*:*:secret:app/*", &condition)
            }
        }
    }

    fn policy(self, statements: usize) -> Result<Document, Malformed> {
        let statements: Vec<String> = (0..statements).map(|at| self.statement(at, at + 1 == statements)).collect();
        let text = format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{}]}}", statements.join(","));
        Document::parse(&text, DocumentKind::Managed)
    }
}

fn allow(action: &str, resource: &str, rest: &str) -> String {
    format!("{{\"Effect\":\"Allow\",\"Action\":\"{action}\",\"Resource\":\"{resource}\"{rest}}}")
}

/// A policy of the secret that lets in another account's role, and nobody without TLS.
const RESOURCE_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::210987654321:role/app"},"Action":"secretsmanager:GetSecretValue",
     "Resource":"*"},
    {"Effect":"Deny","Principal":"*","Action":"secretsmanager:*","Resource":"*",
     "Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#;

/// Measures decisions, and writes a table of nanoseconds.
///
/// # Errors
/// When one of the policies is none.
pub fn table() -> Result<String, Malformed> {
    let resource = Document::parse(RESOURCE_POLICY, DocumentKind::Resource)?;
    let mut text = String::from("| identity policy | 1 statement, ns | 10 statements, ns | 100 statements, ns |\n");
    text.push_str("|---|---|---|---|\n");
    for shape in Shape::ALL {
        let mut row = format!("| {} |", shape.name());
        for size in SIZES {
            let identity = shape.policy(size)?;
            // Writing into a string does not fail.
            let _ = write!(row, " {:.0} |", nanoseconds(&identity, &resource));
        }
        text.push_str(&row);
        text.push('\n');
    }
    Ok(text)
}

fn nanoseconds(identity: &Document, resource: &Document) -> f64 {
    let principal = Principal::user(ACCOUNT, USER, "AIDAEXAMPLEEXAMPLE123");
    let action = Action::new("secretsmanager:GetSecretValue");
    let identity = [Attached { source: Source::Managed { arn: "arn:aws:iam::aws:policy/P" }, document: identity }];
    let policy = Some(Attached { source: Source::Resource { arn: SECRET }, document: resource });
    let inputs = Inputs {
        identity: &identity,
        resource: ResourcePolicy { policy, rule: ResourceRule::Either, owner: ACCOUNT },
        ..Inputs::of(&principal)
    };
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let (start, mut decisions) = (Instant::now(), 0_u32);
        while start.elapsed() < ROUND {
            for _ in 0..BATCH {
                let decision: Decision<'_> =
                    decide(black_box(&inputs), &Request::new(&action, black_box(SECRET), &Request1));
                black_box(decision.is_allowed());
            }
            decisions = decisions.saturating_add(BATCH);
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(decisions));
    }
    best
}
