//! The crate beside the naive evaluator: the same answer for every caller, all policies and every request.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use strongroom_policy::{
    Action, Attached, Decision, Denial, Document, DocumentKind, Inputs, Keys, Layer, Principal, Request,
    ResourcePolicy, ResourceRule, Source, Value, Values, decide,
};

use crate::naive::{Ask, Caller, Case, Context, judge};
use crate::random::{Dice, ask, case};

/// Cases of a usual run; `STRONGROOM_POLICY_CASES` asks for more.
const CASES: u64 = 100_000;
/// Requests of each set of policies.
const REQUESTS: u64 = 8;
/// Runs beside each other, each with a seed of its own.
const RUNS: u64 = 2;

/// Keys as a server would hold them: of their types where they have one.
struct Typed<'a>(&'a Context, bool);

impl Keys for Typed<'_> {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        let (values, is_set) = self.0.get(key)?;
        if *is_set {
            return Some(Values::texts(values.iter().map(String::as_str)));
        }
        let text = values[0].as_str();
        let typed = match text {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "1767225600" if key == "aws:currenttime" => None,
            text => {
                let number = text.parse().ok().map(Value::Number);
                number.or_else(|| text.parse().ok().map(Value::Address))
            }
        };
        Some(typed.filter(|_| self.1).map_or_else(|| Values::text(text), Values::One))
    }
}

fn principal(caller: &Caller) -> Principal {
    match caller {
        Caller::Root { account } => Principal::root("aws", account),
        Caller::User { account, arn, id } => Principal::user(account, arn, id),
        Caller::Session { account, arn, role, id, linked } => {
            let mut principal = Principal::role_session(account, arn, role, id);
            if let strongroom_policy::PrincipalKind::RoleSession { service_linked, .. } = &mut principal.kind {
                *service_linked = *linked;
            }
            principal
        }
        Caller::Federated { account, arn, user } => Principal::federated_user(account, arn, user, arn),
        Caller::Web { provider, url } => Principal::web_identity(provider, url, "somebody"),
        Caller::Service { name } => Principal::service(name),
        Caller::Anonymous => Principal::anonymous(),
    }
}

fn compiled(policies: &[Json], kind: DocumentKind) -> Vec<Document> {
    policies
        .iter()
        .map(|policy| match Document::parse(&policy.to_string(), kind) {
            Ok(document) => document,
            Err(error) => panic!("{error}: {policy}"),
        })
        .collect()
}

fn attached(documents: &[Document]) -> Vec<Attached<'_>> {
    documents.iter().map(|document| Attached { source: Source::Session, document }).collect()
}

/// All answers of one set of policies to several requests.
fn answers(case: &Case, asks: &[(Ask, bool)]) -> Vec<&'static str> {
    let caller = principal(&case.caller);
    let option = |policy: &Option<Json>, kind| compiled(&policy.iter().cloned().collect::<Vec<_>>(), kind);
    let identity = compiled(&case.identity, DocumentKind::Identity);
    let session = compiled(&case.session, DocumentKind::Identity);
    let levels: Vec<Vec<Document>> =
        case.organization.iter().map(|level| compiled(level, DocumentKind::Identity)).collect();
    let boundary = option(&case.boundary, DocumentKind::Identity);
    let resource = option(&case.resource, DocumentKind::Resource);
    let endpoint = option(&case.endpoint, DocumentKind::Endpoint);
    let (identity, session) = (attached(&identity), attached(&session));
    let levels: Vec<Vec<Attached<'_>>> = levels.iter().map(|level| attached(level)).collect();
    let levels: Vec<&[Attached<'_>]> = levels.iter().map(Vec::as_slice).collect();
    let rule = if case.must_allow { ResourceRule::MustAllow } else { ResourceRule::Either };
    let inputs = Inputs {
        principal: &caller,
        identity: &identity,
        boundary: attached(&boundary).first().copied(),
        session: &session,
        organization: &levels,
        resource: ResourcePolicy { policy: attached(&resource).first().copied(), rule, owner: &case.owner },
        endpoint: attached(&endpoint).first().copied(),
    };
    asks.iter()
        .map(|(ask, typed)| {
            let action = Action::new(&ask.action);
            let keys = Typed(&ask.context, *typed);
            match decide(&inputs, &Request::new(&action, &ask.resource, &keys)) {
                Decision::Allowed(_) => "allowed",
                Decision::Denied(Denial::Explicit(_)) => "denied",
                Decision::Denied(Denial::NoAllow(layer)) => match layer {
                    Layer::Organization => "no organization",
                    Layer::Identity => "no identity",
                    Layer::Resource | Layer::Trust => "no resource",
                    Layer::Boundary => "no boundary",
                    Layer::Session => "no session",
                    Layer::Endpoint => "no endpoint",
                },
            }
        })
        .collect()
}

/// Runs so many cases, and counts the answers.
fn run(seed: u64, cases: u64) -> BTreeMap<&'static str, u64> {
    let mut dice = Dice::new(seed);
    let mut counts = BTreeMap::new();
    let mut done = 0;
    while done < cases {
        let mut case = case(&mut dice);
        let asks: Vec<(Ask, bool)> = (0..REQUESTS).map(|_| (ask(&mut dice), dice.below(2) == 0)).collect();
        let answers = answers(&case, &asks);
        for (answer, (ask, _)) in answers.into_iter().zip(asks) {
            case.ask = ask;
            let expected = judge(&case);
            assert_eq!(answer, expected, "seed {seed}, after {done} cases: {case:#?}");
            *counts.entry(answer).or_default() += 1;
            done += 1;
        }
    }
    counts
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a longer run is asked for by the environment")]
fn the_naive_evaluator_answers_the_same() {
    let asked = |name, usual| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let cases: u64 = asked("STRONGROOM_POLICY_CASES", CASES);
    let seed: u64 = asked("STRONGROOM_POLICY_SEED", 1);
    let runs: Vec<_> =
        (0..RUNS).map(|at| std::thread::spawn(move || run(seed * RUNS + at, cases.div_ceil(RUNS)))).collect();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for counted in runs {
        for (answer, count) in counted.join().expect("the same answers") {
            *counts.entry(answer).or_default() += count;
        }
    }
    let total: u64 = counts.values().sum();
    println!("{total} cases: {counts:?}");
    // A run that hardly ever meets an answer shows nothing of it.
    for answer in [
        "allowed",
        "denied",
        "no identity",
        "no resource",
        "no boundary",
        "no session",
        "no organization",
        "no endpoint",
    ] {
        assert!(counts.get(answer).is_some_and(|count| *count > total / 1000), "{answer}: {counts:?}");
    }
}
