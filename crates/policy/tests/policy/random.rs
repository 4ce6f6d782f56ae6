//! Random policies, callers and requests over small alphabets, so that they meet often.

use serde_json::{Map, Value, json};

use crate::naive::{Ask, Caller, Case, Context};

/// Numbers from a seed (splitmix64).
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn count(&mut self, n: u64) -> usize {
        usize::try_from(self.below(n)).expect("small")
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.count(of.len() as u64)]
    }
}

const ACCOUNTS: [&str; 2] = ["111111111111", "222222222222"];
const ACTIONS: [&str; 4] = ["s:Get", "s:Put", "k:Get", "S:gEt"];
const ACTION_PATTERNS: [&str; 11] =
    ["*", "s:*", "s:G*", "s:?et", "s:Get", "k:*", "*:Get", "S:GET", "s:Put", "s:?*t", "k:Get"];
const RESOURCES: [&str; 5] = [
    "*",
    "arn:aws:s:r:111111111111:x/ann",
    "arn:aws:s:r:111111111111:x/bob:y",
    "arn:aws:k:r:222222222222:x/ann",
    "arn:aws:s::111111111111:x/a*",
];
const RESOURCE_PATTERNS: [&str; 13] = [
    "*",
    "arn:aws:s:r:111111111111:x/ann",
    "arn:aws:s:*:*:x/*",
    "arn:aws:s:*:*:*",
    "arn:aws:k:*:*:*",
    "arn:aws:s:r:*:x/${aws:username}",
    "arn:aws:s:r:*:x/${aws:nobody, 'bob'}:?",
    "arn:aws:s:*:1111*:x/${aws:PrincipalTag/T}*",
    "arn:*:s:r:1111????1111:x/b?b*",
    "arn:aws:s:*:*:x/a${*}",
    "arn:aws:s:*:x/ann:*:*",
    "arn:aws:s:${aws:region,'r'}:*:x/*",
    "arn:aws:s:r:111111111111:X/ann",
];
/// Only policies of identities may be as short as that.
const SHORT_PATTERNS: [&str; 3] = ["arn:aws:s", "arn:aws:s:r", "arn:aws:k:*:2*"];
const OPERATORS: [&str; 26] = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnNotEquals",
    "ArnLike",
    "ArnNotLike",
];
const PRINCIPALS: [(&str, &str); 17] = [
    ("AWS", "*"),
    ("AWS", "*"),
    ("AWS", "111111111111"),
    ("AWS", "arn:aws:iam::111111111111:root"),
    ("AWS", "222222222222"),
    ("AWS", "arn:aws:iam::111111111111:user/ann"),
    ("AWS", "arn:aws:iam::222222222222:user/ann"),
    ("AWS", "arn:aws:iam::111111111111:role/app"),
    ("AWS", "arn:aws:iam::222222222222:role/app"),
    ("AWS", "arn:aws:sts::111111111111:assumed-role/app/s"),
    ("AWS", "arn:aws:sts::111111111111:federated-user/fed"),
    ("AWS", "AIDA11111111111111111"),
    ("AWS", "AROA11111111111111111"),
    ("Service", "s.amazonaws.com"),
    ("Service", "k.amazonaws.com"),
    ("Federated", "arn:aws:iam::111111111111:oidc-provider/idp.example.org"),
    ("Federated", "idp.example.org"),
];

/// The keys, what they may have, and what policies compare them with.
const KEYS: [(&str, &[&str]); 8] = [
    ("aws:username", &["ann", "bob", "a*"]),
    ("aws:PrincipalTag/T", &["ann", "Ann", "", "a*"]),
    ("aws:SourceIp", &["192.0.2.1", "198.51.100.7", "2001:db8::1"]),
    ("aws:CurrentTime", &["2026-01-02T03:00:00Z", "2026-01-05", "1767225600"]),
    ("s:n", &["1", "2", "1.5", "x", "-3"]),
    ("aws:SecureTransport", &["true", "false", "True"]),
    ("aws:PrincipalArn", &["arn:aws:iam::111111111111:user/ann", "arn:aws:iam::111111111111:role/app", "ann"]),
    ("aws:TagKeys", &["ann", "bob", "", "Ann"]),
];

fn wanted(dice: &mut Dice, operator: &str) -> &'static str {
    let of: &[&'static str] = if operator.contains("Numeric") {
        &["1", "2", "1.0", "1.5", "-3", "x"]
    } else if operator.contains("Date") {
        &["2026-01-02T03:00:00Z", "2026-01-02", "2026-01-05T00:00:00Z", "1767225600", "1"]
    } else if operator.contains("Bool") {
        &["true", "false", "TRUE", "${aws:SecureTransport}"]
    } else if operator.contains("Binary") {
        &["YW5u", "Ym9i", "YQ==", "x"]
    } else if operator.contains("Ip") {
        &["192.0.2.0/24", "192.0.2.1", "0.0.0.0/0", "2001:db8::/32", "::/0", "198.51.100.7/31"]
    } else if operator.contains("Arn") {
        &[
            "*",
            "arn:aws:iam::111111111111:user/ann",
            "arn:aws:iam::*:user/*",
            "arn:aws:iam::111111111111:*/${aws:username}",
            "arn:aws:*:user/ann",
            "arn:*",
            "${aws:PrincipalArn}",
            "ann",
        ]
    } else {
        &[
            "ann",
            "bob",
            "Ann",
            "a*",
            "*",
            "?nn",
            "${aws:username}",
            "${aws:nobody}",
            "${aws:nobody, 'ann'}",
            "a${*}",
            "",
            "true",
        ]
    };
    dice.pick(of)
}

fn conditions(dice: &mut Dice) -> Value {
    let mut block = Map::new();
    for _ in 0..=dice.below(2) {
        let (operator, values): (String, Value) = if dice.percent(10) {
            ("Null".into(), json!(dice.pick(&["true", "false"])))
        } else {
            let base = dice.pick(&OPERATORS);
            let set = dice.pick(&["", "", "", "ForAllValues:", "ForAnyValue:"]);
            let suffix = dice.pick(&["", "", "IfExists"]);
            let count = dice.below(3);
            let values: Vec<&str> = (0..=count).map(|_| wanted(dice, base)).collect();
            (format!("{set}{base}{suffix}"), if count == 0 { json!(values[0]) } else { json!(values) })
        };
        let (key, _) = KEYS[dice.count(KEYS.len() as u64)];
        let key = if dice.percent(20) { key.to_uppercase() } else { key.to_owned() };
        let keys = block.entry(operator).or_insert_with(|| json!({}));
        let keys = keys.as_object_mut().expect("a map");
        if !keys.keys().any(|known| known.eq_ignore_ascii_case(&key)) {
            keys.insert(key, values);
        }
    }
    Value::Object(block)
}

fn several(dice: &mut Dice, of: &[&str]) -> Value {
    let values: Vec<&str> = (0..=dice.below(3)).map(|_| dice.pick(of)).collect();
    if values.len() == 1 { json!(values[0]) } else { json!(values) }
}

fn statement(dice: &mut Dice, names_principals: bool) -> Value {
    let mut statement = Map::new();
    statement.insert("Effect".into(), json!(if dice.percent(22) { "Deny" } else { "Allow" }));
    let not = |dice: &mut Dice, name: &str| if dice.percent(12) { format!("Not{name}") } else { name.to_owned() };
    statement.insert(not(dice, "Action"), several(dice, &ACTION_PATTERNS));
    let mut resources: Vec<&str> = RESOURCE_PATTERNS.to_vec();
    if !names_principals {
        resources.extend(SHORT_PATTERNS);
    }
    let resource = if dice.percent(40) { json!("*") } else { several(dice, &resources) };
    statement.insert(not(dice, "Resource"), resource);
    if names_principals {
        let mut map = Map::new();
        for _ in 0..=dice.below(4) {
            let (kind, text) = PRINCIPALS[dice.count(PRINCIPALS.len() as u64)];
            let list = map.entry(kind).or_insert_with(|| json!([]));
            list.as_array_mut().expect("a list").push(json!(text));
        }
        let value = if dice.percent(15) { json!("*") } else { Value::Object(map) };
        statement.insert(not(dice, "Principal"), value);
    }
    if dice.percent(45) {
        statement.insert("Condition".into(), conditions(dice));
    }
    Value::Object(statement)
}

fn policy(dice: &mut Dice, names_principals: bool) -> Value {
    let statements: Vec<Value> = (0..=dice.below(3)).map(|_| statement(dice, names_principals)).collect();
    let version = if dice.percent(85) { "2012-10-17" } else { "2008-10-17" };
    let statements = if statements.len() == 1 { statements[0].clone() } else { Value::Array(statements) };
    json!({ "Version": version, "Statement": statements })
}

fn caller(dice: &mut Dice) -> Caller {
    let account = ACCOUNTS[usize::from(dice.percent(25))].to_owned();
    let digit = &account[..1];
    match dice.below(20) {
        0 => Caller::Root { account },
        1..8 => Caller::User {
            arn: format!("arn:aws:iam::{account}:user/ann"),
            id: format!("AIDA{}", digit.repeat(17)),
            account,
        },
        8..14 => Caller::Session {
            arn: format!("arn:aws:sts::{account}:assumed-role/app/s"),
            role: format!("arn:aws:iam::{account}:role/app"),
            id: format!("AROA{}", digit.repeat(17)),
            linked: dice.percent(15),
            account,
        },
        14..17 => Caller::Federated {
            arn: format!("arn:aws:sts::{account}:federated-user/fed"),
            user: format!("arn:aws:iam::{account}:user/ann"),
            account,
        },
        17 => Caller::Web {
            provider: "arn:aws:iam::111111111111:oidc-provider/idp.example.org".into(),
            url: "idp.example.org".into(),
        },
        18 => Caller::Service { name: "s.amazonaws.com".into() },
        _ => Caller::Anonymous,
    }
}

fn context(dice: &mut Dice) -> Context {
    let mut context = Context::new();
    for (key, values) in KEYS {
        if dice.percent(25) {
            continue;
        }
        let is_set = key == "aws:TagKeys";
        let count = if is_set { dice.below(3) } else { 1 };
        let values: Vec<String> = (0..count).map(|_| dice.pick(values).to_owned()).collect();
        context.insert(key.to_lowercase(), (values, is_set));
    }
    context
}

/// Another request.
pub fn ask(dice: &mut Dice) -> Ask {
    Ask { action: dice.pick(&ACTIONS).to_owned(), resource: dice.pick(&RESOURCES).to_owned(), context: context(dice) }
}

/// Policies, a caller and a first request.
pub fn case(dice: &mut Dice) -> Case {
    let list = |dice: &mut Dice, n: u64| (0..dice.below(n)).map(|_| policy(dice, false)).collect::<Vec<_>>();
    Case {
        caller: caller(dice),
        identity: list(dice, 4),
        boundary: dice.percent(25).then(|| policy(dice, false)),
        session: if dice.percent(30) { list(dice, 3) } else { Vec::new() },
        organization: if dice.percent(25) { (0..=dice.below(2)).map(|_| list(dice, 3)).collect() } else { Vec::new() },
        resource: dice.percent(60).then(|| policy(dice, true)),
        owner: dice.pick(&["", "111111111111", "111111111111", "222222222222"]).to_owned(),
        must_allow: dice.percent(20),
        endpoint: dice.percent(15).then(|| policy(dice, true)),
        ask: ask(dice),
    }
}
