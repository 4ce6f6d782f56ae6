//! A second evaluator, made to be read rather than to be fast: it walks the JSON of policies anew for each request, as the
//! User Guide of IAM tells it. It shares no code with the crate.

use std::collections::BTreeMap;

use serde_json::Value;

/// The keys of a request, by lower-case name; and whether a key may have several values.
pub type Context = BTreeMap<String, (Vec<String>, bool)>;

/// What a request asks.
#[derive(Clone, Debug)]
pub struct Ask {
    pub action: String,
    pub resource: String,
    pub context: Context,
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum Caller {
    Root { account: String },
    User { account: String, arn: String, id: String },
    Session { account: String, arn: String, role: String, id: String, linked: bool },
    Federated { account: String, arn: String, user: String },
    Web { provider: String, url: String },
    Service { name: String },
    Anonymous,
}

/// Everything a decision is made of.
#[derive(Clone, Debug)]
pub struct Case {
    pub caller: Caller,
    pub identity: Vec<Value>,
    pub boundary: Option<Value>,
    pub session: Vec<Value>,
    pub organization: Vec<Vec<Value>>,
    pub resource: Option<Value>,
    pub owner: String,
    pub must_allow: bool,
    pub endpoint: Option<Value>,
    pub ask: Ask,
}

/// Ways in which a principal is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    ByAccount,
    ByRoleOrUser,
    Directly,
}

/// `allowed`, `denied`, or `no` and the layer that did not allow.
pub fn judge(case: &Case) -> &'static str {
    let caller = &case.caller;
    let ask = &case.ask;
    let has_policies =
        matches!(caller, Caller::Root { .. } | Caller::User { .. } | Caller::Session { .. } | Caller::Federated { .. });
    let is_root = matches!(caller, Caller::Root { .. });
    let is_linked = matches!(caller, Caller::Session { linked: true, .. });

    // All the policies that apply to this caller.
    let identity: &[Value] = if has_policies { &case.identity } else { &[] };
    let boundary = if has_policies && !is_root { case.boundary.as_ref() } else { None };
    let session: &[Value] = if has_policies { &case.session } else { &[] };
    let organization: &[Vec<Value>] = if has_policies && !is_linked { &case.organization } else { &[] };

    // An explicit deny anywhere.
    let mut all: Vec<&Value> = Vec::new();
    all.extend(identity.iter());
    all.extend(boundary);
    all.extend(session.iter());
    all.extend(organization.iter().flatten());
    all.extend(case.resource.iter());
    all.extend(case.endpoint.iter());
    if all.iter().any(|policy| denies(policy, caller, ask)) {
        return "denied";
    }
    // Every level of the organisation allows.
    for level in organization {
        if !level.iter().any(|policy| allows(policy, caller, ask).is_some()) {
            return "no organization";
        }
    }
    if let Some(endpoint) = &case.endpoint
        && allows(endpoint, caller, ask).is_none()
    {
        return "no endpoint";
    }
    let by_resource = case.resource.as_ref().and_then(|policy| allows(policy, caller, ask));
    if !has_policies {
        return if by_resource.is_some() { "allowed" } else { "no resource" };
    }
    let by_identity = is_root || identity.iter().any(|policy| allows(policy, caller, ask).is_some());
    let bounded = |granted: bool| if granted { within_bounds(case, boundary, session) } else { "no identity" };

    let account = match caller {
        Caller::Root { account }
        | Caller::User { account, .. }
        | Caller::Session { account, .. }
        | Caller::Federated { account, .. } => account,
        _ => "",
    };
    if !case.owner.is_empty() && case.owner != account {
        // Cross-account: both.
        return if by_resource.is_none() { "no resource" } else { bounded(by_identity) };
    }
    match by_resource {
        Some(Way::Directly) => "allowed",
        Some(Way::ByRoleOrUser) => bounded(true),
        Some(Way::ByAccount) => bounded(by_identity),
        None if case.must_allow => "no resource",
        None => bounded(by_identity),
    }
}

/// Boundary and session policy: what they leave of what is granted.
fn within_bounds(case: &Case, boundary: Option<&Value>, session: &[Value]) -> &'static str {
    let (caller, ask) = (&case.caller, &case.ask);
    let within_boundary = boundary.is_none_or(|policy| allows(policy, caller, ask).is_some());
    let within_session = if session.is_empty() {
        !matches!(caller, Caller::Federated { .. })
    } else {
        session.iter().any(|policy| allows(policy, caller, ask).is_some())
    };
    if matches!(caller, Caller::Root { .. }) {
        "allowed"
    } else if !within_boundary {
        "no boundary"
    } else if !within_session {
        "no session"
    } else {
        "allowed"
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

fn texts(value: &Value) -> Vec<String> {
    list(value)
        .iter()
        .map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
        .collect()
}

fn denies(policy: &Value, caller: &Caller, ask: &Ask) -> bool {
    list(&policy["Statement"])
        .iter()
        .any(|statement| statement["Effect"] == "Deny" && applies(policy, statement, caller, ask).is_some())
}

fn allows(policy: &Value, caller: &Caller, ask: &Ask) -> Option<Way> {
    list(&policy["Statement"])
        .iter()
        .filter(|statement| statement["Effect"] == "Allow")
        .filter_map(|statement| applies(policy, statement, caller, ask))
        .max()
}

fn applies(policy: &Value, statement: &Value, caller: &Caller, ask: &Ask) -> Option<Way> {
    let variables = policy["Version"] == "2012-10-17";
    let action = |pattern: &String| wild(&chars(&pattern.to_lowercase()), &ask.action.to_lowercase());
    let right_action = match (statement.get("Action"), statement.get("NotAction")) {
        (Some(actions), _) => texts(actions).iter().any(action),
        (_, Some(actions)) => !texts(actions).iter().any(action),
        _ => false,
    };
    let resource = |pattern: &String| resource_matches(pattern, &ask.resource, variables, &ask.context);
    let right_resource = match (statement.get("Resource"), statement.get("NotResource")) {
        (Some(resources), _) => texts(resources).iter().any(resource),
        (_, Some(resources)) => !texts(resources).iter().any(resource),
        _ => true,
    };
    let right_conditions = statement.get("Condition").is_none_or(|block| {
        block.as_object().expect("a map").iter().all(|(operator, keys)| {
            keys.as_object()
                .expect("a map")
                .iter()
                .all(|(key, values)| condition_holds(operator, key, &texts(values), variables, &ask.context))
        })
    });
    if right_action && right_resource && right_conditions { principal_way(statement, caller) } else { None }
}

/// How a statement names the caller.
fn principal_way(statement: &Value, caller: &Caller) -> Option<Way> {
    let (element, not) = match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(element), _) => (element, false),
        (_, Some(element)) => (element, true),
        // A policy of an identity is about whoever has it.
        _ => return Some(Way::Directly),
    };
    let mut named: Vec<(String, String)> = Vec::new();
    if element == "*" {
        named.push(("AWS".into(), "*".into()));
    } else {
        for (kind, values) in element.as_object().expect("a map") {
            named.extend(texts(values).into_iter().map(|text| (kind.clone(), text)));
        }
    }
    let ways: Vec<Way> = named.iter().filter_map(|(kind, text)| names(kind, text, caller)).collect();
    if !not {
        return ways.into_iter().max();
    }
    let everything_listed = named.iter().any(|(_, text)| text == "*")
        || match caller {
            Caller::User { .. } => ways.contains(&Way::Directly) && ways.contains(&Way::ByAccount),
            Caller::Session { .. } | Caller::Federated { .. } => {
                [Way::Directly, Way::ByRoleOrUser, Way::ByAccount].iter().all(|way| ways.contains(way))
            }
            _ => !ways.is_empty(),
        };
    let applies = if statement["Effect"] == "Deny" { !everything_listed } else { ways.is_empty() };
    applies.then_some(Way::Directly)
}

fn names(kind: &str, text: &str, caller: &Caller) -> Option<Way> {
    if text == "*" {
        return Some(Way::Directly);
    }
    let is_account = |account: &str| text == account || text == format!("arn:aws:iam::{account}:root");
    match (kind, caller) {
        ("AWS", Caller::Root { account }) if is_account(account) => Some(Way::Directly),
        ("AWS", Caller::User { arn, id, .. }) if text == arn || text == id => Some(Way::Directly),
        ("AWS", Caller::Session { arn, .. } | Caller::Federated { arn, .. }) if text == arn => Some(Way::Directly),
        ("AWS", Caller::Session { role, id, .. }) if text == role || text == id => Some(Way::ByRoleOrUser),
        ("AWS", Caller::Federated { user, .. }) if text == user => Some(Way::ByRoleOrUser),
        ("AWS", Caller::User { account, .. } | Caller::Session { account, .. } | Caller::Federated { account, .. })
            if is_account(account) =>
        {
            Some(Way::ByAccount)
        }
        ("Service", Caller::Service { name }) if text == name => Some(Way::Directly),
        ("Federated", Caller::Web { provider, url }) if text == provider || text == url => Some(Way::Directly),
        _ => None,
    }
}

/// A character of a pattern: a wildcard, or one that stands for itself.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sign {
    Any,
    One,
    Just(char),
}

fn chars(text: &str) -> Vec<Sign> {
    text.chars()
        .map(|c| match c {
            '*' => Sign::Any,
            '?' => Sign::One,
            c => Sign::Just(c),
        })
        .collect()
}

fn wild(pattern: &[Sign], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // reached[i]: the pattern so far matches the first i characters.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for sign in pattern {
        let before = reached.clone();
        for at in 0..=text.len() {
            reached[at] = match sign {
                Sign::Any => before[..=at].contains(&true),
                Sign::One => at > 0 && before[at - 1],
                Sign::Just(c) => at > 0 && before[at - 1] && text[at - 1] == *c,
            };
        }
    }
    reached[text.len()]
}

/// Puts the values of variables into a text; nothing when one of them has none.
fn filled(text: &str, variables: bool, context: &Context) -> Option<Vec<Sign>> {
    let mut signs = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if variables && rest.starts_with("${") && rest.contains('}') {
            let end = rest.find('}').expect("just seen");
            let inner = rest[2..end].trim();
            rest = &rest[end + 1..];
            if ["*", "?", "$"].contains(&inner) {
                signs.push(Sign::Just(inner.chars().next().expect("one")));
                continue;
            }
            let (key, default) = match inner.split_once(',') {
                Some((key, default)) => (key.trim(), Some(default.trim().trim_matches('\'').to_owned())),
                None => (inner, None),
            };
            let value = match context.get(&key.to_lowercase()) {
                Some((values, false)) => Some(values[0].clone()),
                _ => default,
            };
            signs.extend(value?.chars().map(Sign::Just));
            continue;
        }
        signs.extend(chars(&first.to_string()));
        rest = &rest[first.len_utf8()..];
    }
    Some(signs)
}

/// A resource's pattern: parts divided by colons, the missing ones are `*`.
fn resource_matches(pattern: &str, resource: &str, variables: bool, context: &Context) -> bool {
    let mut pattern = pattern.to_owned();
    while pattern != "*" && parts(&pattern, variables).len() < 6 {
        pattern.push_str(":*");
    }
    arn_matches(&pattern, resource, variables, context)
}

fn arn_matches(pattern: &str, arn: &str, variables: bool, context: &Context) -> bool {
    if pattern == "*" {
        return true;
    }
    let (patterns, texts) = (parts(pattern, variables), parts(arn, false));
    if patterns.len() < 6 && pattern.contains("${") {
        // Perhaps the variable's value is the ARN.
        let Some(signs) = filled(pattern, variables, context) else { return false };
        let patterns: Vec<&[Sign]> = signs.splitn(6, |sign| *sign == Sign::Just(':')).collect();
        return texts.len() == 6
            && patterns.len() == 6
            && patterns.iter().zip(&texts).all(|(pattern, text)| wild(pattern, text));
    }
    texts.len() == 6
        && patterns.len() == 6
        && patterns
            .iter()
            .zip(&texts)
            .all(|(pattern, text)| filled(pattern, variables, context).is_some_and(|pattern| wild(&pattern, text)))
}

/// The six parts of an ARN. A variable's colons divide nothing.
fn parts(text: &str, variables: bool) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut inside = false;
    let all: Vec<char> = text.chars().collect();
    for (at, c) in all.iter().enumerate() {
        inside = variables && (inside && *c != '}' || *c == '$' && all.get(at + 1) == Some(&'{'));
        if *c == ':' && !inside && parts.len() < 6 {
            parts.push(String::new());
        } else {
            parts.last_mut().expect("one").push(*c);
        }
    }
    parts
}

fn condition_holds(operator: &str, key: &str, wanted: &[String], variables: bool, context: &Context) -> bool {
    let found: &[String] = context.get(&key.to_lowercase()).map_or(&[], |(values, _)| values);
    if operator == "Null" {
        return wanted.iter().any(|wanted| (wanted == "true") == found.is_empty());
    }
    let (set, rest) = match operator.split_once(':') {
        Some((set, rest)) => (set, rest),
        None => ("", operator),
    };
    let (base, if_exists) = match rest.strip_suffix("IfExists") {
        Some(base) => (base, true),
        None => (rest, false),
    };
    let positive = match base {
        "NotIpAddress" => "IpAddress".to_owned(),
        base => base.replacen("Not", "", 1),
    };
    let negated = positive != base;
    if found.is_empty() || !set.is_empty() && found.iter().all(String::is_empty) {
        return if_exists || if set.is_empty() { negated } else { set == "ForAllValues" };
    }
    let has = |found: &String| wanted.iter().any(|wanted| one_matches(&positive, found, wanted, variables, context));
    match set {
        "ForAllValues" => found.iter().all(|found| has(found) != negated),
        "ForAnyValue" => found.iter().any(|found| has(found) != negated),
        _ if negated => !found.iter().any(has),
        _ => found.iter().any(has),
    }
}

fn one_matches(operator: &str, found: &str, wanted: &str, variables: bool, context: &Context) -> bool {
    let exact = |fold: fn(&str) -> String| {
        filled(wanted, variables, context).is_some_and(|signs| {
            let text: String = signs
                .into_iter()
                .map(|sign| match sign {
                    Sign::Any => '*',
                    Sign::One => '?',
                    Sign::Just(c) => c,
                })
                .collect();
            fold(&text) == fold(found)
        })
    };
    let number = |test: fn(f64, f64) -> bool| match (found.parse::<f64>(), wanted.parse::<f64>()) {
        (Ok(found), Ok(wanted)) => test(found, wanted),
        _ => false,
    };
    let date = |test: fn(i64, i64) -> bool| match (seconds(found), seconds(wanted)) {
        (Some(found), Some(wanted)) => test(found, wanted),
        _ => false,
    };
    match operator {
        "StringEquals" => exact(str::to_owned),
        "StringEqualsIgnoreCase" => exact(|text: &str| text.to_lowercase().replace('ς', "σ")),
        "StringLike" => filled(wanted, variables, context).is_some_and(|pattern| wild(&pattern, found)),
        "ArnEquals" | "ArnLike" => arn_matches(wanted, found, variables, context),
        "NumericEquals" => number(|found, wanted| found == wanted),
        "NumericLessThan" => number(|found, wanted| found < wanted),
        "NumericLessThanEquals" => number(|found, wanted| found <= wanted),
        "NumericGreaterThan" => number(|found, wanted| found > wanted),
        "NumericGreaterThanEquals" => number(|found, wanted| found >= wanted),
        "DateEquals" => date(|found, wanted| found == wanted),
        "DateLessThan" => date(|found, wanted| found < wanted),
        "DateLessThanEquals" => date(|found, wanted| found <= wanted),
        "DateGreaterThan" => date(|found, wanted| found > wanted),
        "DateGreaterThanEquals" => date(|found, wanted| found >= wanted),
        "Bool" => exact(str::to_lowercase) && ["true", "false"].contains(&found.to_lowercase().as_str()),
        "BinaryEquals" => base64(found) == wanted,
        "IpAddress" => in_block(found, wanted),
        other => panic!("no operator: {other}"),
    }
}

/// Seconds since the epoch of the few forms that the cases use: `2026-01-DDThh:00:00Z`, `2026-01-DD`, and seconds.
fn seconds(text: &str) -> Option<i64> {
    const JANUARY: i64 = 1_767_225_600;
    if let Some(rest) = text.strip_prefix("2026-01-") {
        let (day, hour) = match rest.split_once('T') {
            Some((day, time)) => (day, time.strip_suffix(":00:00Z")?),
            None => (rest, "0"),
        };
        return Some(JANUARY + (day.parse::<i64>().ok()? - 1) * 86_400 + hour.parse::<i64>().ok()? * 3600);
    }
    text.parse().ok()
}

fn base64(text: &str) -> String {
    let bits: String = text.bytes().map(|byte| format!("{byte:08b}")).collect();
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut coded: String = bits
        .as_bytes()
        .chunks(6)
        .map(|chunk| {
            let six = format!("{:0<6}", std::str::from_utf8(chunk).expect("digits"));
            char::from(digits[usize::from_str_radix(&six, 2).expect("six bits")])
        })
        .collect();
    while !coded.len().is_multiple_of(4) {
        coded.push('=');
    }
    coded
}

/// Addresses as strings of bits.
fn in_block(address: &str, block: &str) -> bool {
    let bits = |text: &str| -> Option<String> {
        match text.parse().ok()? {
            std::net::IpAddr::V4(address) => Some(address.octets().iter().map(|byte| format!("{byte:08b}")).collect()),
            std::net::IpAddr::V6(address) => Some(address.octets().iter().map(|byte| format!("{byte:08b}")).collect()),
        }
    };
    let (first, length) = block.split_once('/').unwrap_or((block, "128"));
    match (bits(address), bits(first)) {
        (Some(address), Some(first)) => {
            let length = length.parse::<usize>().expect("a length").min(first.len());
            address.len() == first.len() && address[..length] == first[..length]
        }
        _ => false,
    }
}
