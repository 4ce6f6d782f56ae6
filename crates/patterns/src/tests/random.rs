//! Random patterns and events: the compiled pattern says the same as an evaluator that looks at the event as a list of
//! values with the names and array elements on their way.

use proptest::prelude::{
    BoxedStrategy, Just, ProptestConfig, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest,
};
use serde_json::{Map, Value, json};

use crate::Pattern;

/// A value of an event that is no object, where it stands, and through which elements of which arrays.
struct Spot {
    path: Vec<String>,
    elements: Vec<(Vec<String>, Vec<usize>)>,
    value: Value,
}

fn flatten(
    value: &Value,
    path: &[String],
    within: &[usize],
    elements: &[(Vec<String>, Vec<usize>)],
    spots: &mut Vec<Spot>,
) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let path: Vec<String> = path.iter().chain([name]).cloned().collect();
                flatten(value, &path, &[], elements, spots);
            }
        }
        Value::Array(list) => {
            for (at, value) in list.iter().enumerate() {
                let within: Vec<usize> = within.iter().chain([&at]).copied().collect();
                let mut elements = elements.to_vec();
                elements.retain(|(of, _)| *of != path);
                elements.push((path.to_vec(), within.clone()));
                flatten(value, path, &within, &elements, spots);
            }
        }
        value => spots.push(Spot { path: path.to_vec(), elements: elements.to_vec(), value: value.clone() }),
    }
}

/// Whether two spots could be seen together: they pass no array by different elements. Elements of the array that a value
/// itself stands in do not count.
fn agree(a: &Spot, b: &Spot) -> bool {
    a.elements.iter().all(|(path, at)| {
        let own = *path == a.path;
        b.elements.iter().all(|(other, other_at)| own || *other == b.path || path != other || at == other_at)
    })
}

fn accepts(matcher: &Value, value: &Value) -> bool {
    match matcher {
        Value::Object(object) => match object.iter().next().map(|(name, argument)| (name.as_str(), argument)) {
            Some(("exists", Value::Bool(exists))) => *exists,
            Some(("prefix", Value::String(start))) => {
                value.as_str().is_some_and(|text| text.starts_with(start.as_str()))
            }
            Some(("anything-but", excluded)) => excluded != value,
            _ => panic!("{matcher}"),
        },
        matcher => matcher == value,
    }
}

type Wanted = Vec<(Vec<String>, Vec<Value>)>;

/// Patterns without `$or` that say the same.
fn expand(object: &Map<String, Value>, path: &[String]) -> Vec<Wanted> {
    let mut all: Vec<Wanted> = vec![Vec::new()];
    for (name, value) in object {
        let deeper: Vec<String> = path.iter().chain([name]).cloned().collect();
        let parts: Vec<Wanted> = match value {
            Value::Object(object) => expand(object, &deeper),
            Value::Array(list) if name == "$or" => {
                list.iter().flat_map(|each| expand(each.as_object().expect("an object"), path)).collect()
            }
            Value::Array(list) => vec![vec![(deeper, list.clone())]],
            _ => panic!("{value}"),
        };
        all = all.iter().flat_map(|one| parts.iter().map(|part| one.iter().chain(part).cloned().collect())).collect();
    }
    all
}

fn search(wanted: &[(Vec<String>, Vec<Value>)], spots: &[Spot], chosen: &mut Vec<usize>) -> bool {
    let Some(((path, matchers), rest)) = wanted.split_first() else { return true };
    let there = spots.iter().any(|spot| spot.path == *path);
    if !there && matchers.contains(&json!({ "exists": false })) {
        return search(rest, spots, chosen);
    }
    for (at, spot) in spots.iter().enumerate() {
        let fits = spot.path == *path
            && matchers.iter().any(|matcher| accepts(matcher, &spot.value))
            && chosen.iter().all(|other| agree(&spots[*other], spot));
        if fits {
            chosen.push(at);
            let found = search(rest, spots, chosen);
            chosen.pop();
            if found {
                return true;
            }
        }
    }
    false
}

fn names() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned)
}

fn scalars() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(vec!["x", "xy", "z", ""]).prop_map(Value::from),
        (0..3).prop_map(Value::from),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
    ]
}

fn events() -> impl Strategy<Value = Value> {
    let tree = scalars().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names(), inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop::collection::btree_map(names(), tree, 0..4).prop_map(|map| Value::Object(map.into_iter().collect()))
}

fn patterns() -> impl Strategy<Value = Value> {
    let matcher = prop_oneof![
        scalars(),
        Just(json!({ "exists": true })),
        Just(json!({ "exists": false })),
        Just(json!({ "prefix": "x" })),
        Just(json!({ "anything-but": "x" })),
    ];
    let leaf = prop::collection::vec(matcher, 1..3).prop_map(Value::from);
    let object = |inner: BoxedStrategy<Value>| {
        prop::collection::btree_map(names(), inner, 1..3).prop_map(|map| Value::Object(map.into_iter().collect()))
    };
    let nested = leaf.prop_recursive(3, 12, 3, move |inner| object(inner.boxed()));
    let whole = object(nested.boxed()).boxed();
    (whole.clone(), prop::collection::vec(whole, 0..3)).prop_map(|(mut whole, alternatives)| {
        if alternatives.len() > 1 {
            whole["$or"] = alternatives.into();
        }
        whole
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_pattern_says_what_the_list_of_values_says(pattern in patterns(), event in events()) {
        let mut spots = Vec::new();
        flatten(&event, &[], &[], &[], &mut spots);
        let expanded = expand(pattern.as_object().expect("an object"), &[]);
        let wanted = expanded.iter().any(|wanted| search(wanted, &spots, &mut Vec::new()));
        let compiled = Pattern::parse(&pattern.to_string()).expect("a pattern");
        prop_assert_eq!(compiled.matches(&event), wanted, "{} on {}", pattern, event);
    }
}
