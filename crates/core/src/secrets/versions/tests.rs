//! Properties of the staging-label machine under random histories, and the rows of the specification's tables.

use proptest::prelude::{ProptestConfig, Strategy, prop, prop_assert_eq, prop_oneof, proptest};
use strongroom_types::Timestamp;

use super::*;
use crate::secrets::pairs::Pairs;

const HOUR_MS: i64 = 3_600_000;

fn empty() -> Secret {
    Secret {
        account: "123456789012".into(),
        region: "us-east-1".into(),
        partition: "aws".into(),
        name: "s".into(),
        suffix: "AbCdEf".into(),
        kind: None,
        description: None,
        kms_key_id: None,
        created_ms: 0,
        changed_ms: 0,
        accessed_ms: None,
        deletion: None,
        tags: Vec::new(),
        stages: Pairs::new(),
        versions: Pairs::new(),
        policy: None,
        rotation: None,
        owner: None,
    }
}

fn put(secret: &mut Secret, id: &str, stages: &[&str], now_ms: i64) -> Result<Vec<String>, Error> {
    let stages: Vec<String> = stages.iter().map(|stage| (*stage).to_owned()).collect();
    add(secret, id, "key".into(), &stages, Quotas::default(), Timestamp::from_millis(now_ms))
}

fn code(error: Error) -> &'static str {
    match error {
        Error::Refused(refusal) => refusal.code.name,
        other => panic!("not a refusal: {other:?}"),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put { id: u8, stages: Vec<&'static str>, hours: i64 },
    Move { stage: &'static str, from: Option<u8>, to: Option<u8> },
}

fn stage() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![CURRENT, PREVIOUS, PENDING, "blue", "green", "x"])
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0_u8..12;
    prop_oneof![
        (id.clone(), prop::collection::vec(stage(), 1..4), 0_i64..30).prop_map(|(id, stages, hours)| Step::Put {
            id,
            stages,
            hours
        }),
        (stage(), prop::option::of(id.clone()), prop::option::of(id)).prop_map(|(stage, from, to)| Step::Move {
            stage,
            from,
            to
        }),
    ]
}

/// What must hold after every step, whatever happened.
fn check(secret: &Secret) {
    assert!(secret.stages.len() <= 20);
    assert!(secret.versions.len() <= 100);
    for holder in secret.stages.values() {
        assert!(secret.versions.contains_key(holder), "a label is on a version that is not there");
    }
    if !secret.versions.is_empty() {
        let current = secret.stages.get(CURRENT).expect("AWSCURRENT is on a version once a value exists");
        assert!(secret.versions.get(current).is_some_and(Version::has_value));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn labels_keep_their_rules_under_any_history(steps in prop::collection::vec(step(), 1..60)) {
        let mut secret = empty();
        let mut now = 0;
        for step in steps {
            let before = secret.clone();
            let current = before.stages.get(CURRENT).cloned();
            let changed = match step {
                Step::Put { id, stages, hours } => {
                    now += hours * HOUR_MS;
                    let id = id.to_string();
                    if before.versions.contains_key(&id) {
                        continue; // a repeated token never reaches the rules
                    }
                    put(&mut secret, &id, &stages, now).map(|_| ())
                }
                Step::Move { stage, from, to } => {
                    let (from, to) = (from.map(|id| id.to_string()), to.map(|id| id.to_string()));
                    let moved = move_stage(&mut secret, stage, from.as_deref(), to.as_deref(), Quotas::default());
                    if matches!(moved, Ok(false)) {
                        prop_assert_eq!(&secret, &before);
                    }
                    moved.map(|_| ())
                }
            };
            if changed.is_err() {
                secret = before; // a refused change is thrown away by its caller
                continue;
            }
            check(&secret);
            if let (Some(left), Some(now_current)) = (current, secret.stages.get(CURRENT))
                && left != *now_current
            {
                prop_assert_eq!(secret.stages.get(PREVIOUS), Some(&left), "AWSPREVIOUS is on the version just left");
            }
        }
    }
}

#[test]
fn the_first_version_is_current_whatever_was_asked() {
    let mut secret = empty();
    put(&mut secret, "a", &["blue"], 0).expect("put");
    assert_eq!(secret.stages_of("a"), [CURRENT, "blue"]);
}

#[test]
fn a_new_current_version_leaves_previous_behind_and_takes_it_from_others() {
    let mut secret = empty();
    for id in ["a", "b", "c"] {
        put(&mut secret, id, &[CURRENT], 0).expect("put");
    }
    assert_eq!(secret.stages_of("c"), [CURRENT]);
    assert_eq!(secret.stages_of("b"), [PREVIOUS]);
    assert!(secret.stages_of("a").is_empty());
    assert!(secret.versions.contains_key("a"), "a deprecated version stays");
}

#[test]
fn without_current_in_the_list_the_current_version_stays() {
    let mut secret = empty();
    put(&mut secret, "a", &[CURRENT], 0).expect("put");
    put(&mut secret, "b", &[PENDING], 0).expect("put");
    assert_eq!(secret.stages_of("a"), [CURRENT]);
    assert_eq!(secret.stages_of("b"), [PENDING]);
}

#[test]
fn moving_current_to_the_pending_version_ends_the_rotation() {
    let mut secret = empty();
    put(&mut secret, "a", &[CURRENT], 0).expect("put");
    put(&mut secret, "b", &[PENDING], 0).expect("put");
    assert!(move_stage(&mut secret, CURRENT, Some("a"), Some("b"), Quotas::default()).expect("move"));
    assert_eq!(secret.stages_of("b"), [CURRENT]);
    assert_eq!(secret.stages_of("a"), [PREVIOUS]);
}

#[test]
fn moves_are_refused_as_the_table_says() {
    let mut secret = empty();
    put(&mut secret, "a", &[CURRENT], 0).expect("put");
    put(&mut secret, "b", &["blue"], 0).expect("put");
    let refused = |stage, from, to| {
        code(move_stage(&mut secret.clone(), stage, from, to, Quotas::default()).expect_err("refused"))
    };
    assert_eq!(refused(CURRENT, None, Some("b")), "InvalidParameterException");
    assert_eq!(refused(CURRENT, Some("b"), Some("b")), "InvalidParameterException");
    assert_eq!(refused(CURRENT, Some("a"), None), "InvalidParameterException");
    assert_eq!(refused("blue", Some("a"), None), "InvalidParameterException");
    assert_eq!(refused("blue", None, None), "InvalidParameterException");
    assert_eq!(refused("blue", None, Some("nowhere")), "ResourceNotFoundException");
    assert!(!move_stage(&mut secret, "blue", None, Some("b"), Quotas::default()).expect("already there"));
    assert!(move_stage(&mut secret, "blue", Some("b"), None, Quotas::default()).expect("removed"));
    assert!(secret.stages_of("b").is_empty());
}

#[test]
fn the_twenty_first_label_is_refused() {
    let mut secret = empty();
    let stages: Vec<String> = (0..19).map(|n| format!("s{n}")).collect();
    let stages: Vec<&str> = stages.iter().map(String::as_str).collect();
    put(&mut secret, "a", &stages, 0).expect("19 and AWSCURRENT are 20");
    assert_eq!(code(put(&mut secret.clone(), "b", &["one-more"], 0).expect_err("refused")), "LimitExceededException");
    let moved = move_stage(&mut secret, "one-more", None, Some("a"), Quotas::default());
    assert_eq!(code(moved.expect_err("refused")), "LimitExceededException");
}

#[test]
fn old_deprecated_versions_make_room_and_young_ones_do_not() {
    let mut secret = empty();
    for n in 0..100 {
        put(&mut secret, &format!("v{n:03}"), &[CURRENT], n).expect("put");
    }
    let refused = put(&mut secret.clone(), "new", &[CURRENT], PRUNE_AGE_MS_MIN - 1);
    assert_eq!(code(refused.expect_err("all are younger than a day")), "LimitExceededException");
    let pruned = put(&mut secret, "new", &[CURRENT], PRUNE_AGE_MS_MIN).expect("the oldest is a day old");
    assert_eq!(pruned, ["v000"]);
    assert_eq!(secret.versions.len(), 100);
    assert!(secret.versions.contains_key("v099") && secret.versions.contains_key("v098"), "labelled ones stay");
}
