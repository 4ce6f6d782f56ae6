//! Which statements an action is to be tried with, so that long policies are not walked as a whole.

use crate::request::Action;
use crate::statement::{Effect, Statement};

/// The statements of a policy by effect and action.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    allow: Buckets,
    deny: Buckets,
}

/// Statements of one effect.
#[derive(Clone, Debug, Default)]
struct Buckets {
    /// Those that name nothing but whole actions, by each of these.
    exact: Vec<(Box<str>, Vec<usize>)>,
    /// Those with patterns of actions of certain services, by each of these.
    service: Vec<(Box<str>, Vec<usize>)>,
    /// All others.
    rest: Vec<usize>,
}

impl Index {
    pub(crate) fn new(statements: &[Statement]) -> Self {
        let mut index = Self::default();
        for (at, statement) in statements.iter().enumerate() {
            let buckets = match statement.effect() {
                Effect::Allow => &mut index.allow,
                Effect::Deny => &mut index.deny,
            };
            buckets.add(at, statement);
        }
        index
    }

    /// Statements that may concern the action, and whether it is known that they do.
    pub(crate) fn candidates(&self, effect: Effect, action: &Action) -> impl Iterator<Item = (usize, bool)> {
        let buckets = match effect {
            Effect::Allow => &self.allow,
            Effect::Deny => &self.deny,
        };
        let exact = found(&buckets.exact, action.folded());
        let service = found(&buckets.service, action.service());
        let exact = exact.iter().map(|at| (*at, true));
        exact.chain(service.iter().chain(&buckets.rest).map(|at| (*at, false)))
    }

    pub(crate) fn size_bytes(&self) -> usize {
        [&self.allow, &self.deny].into_iter().map(Buckets::size_bytes).sum()
    }
}

impl Buckets {
    fn add(&mut self, at: usize, statement: &Statement) {
        let (actions, negated) = statement.actions();
        let is_pattern = |text: &str| text.contains(['*', '?']);
        let service = |text: &String| text.split_once(':').map(|(service, _)| service.to_ascii_lowercase());
        if !negated && !actions.iter().any(|action| is_pattern(action)) {
            for action in actions {
                insert(&mut self.exact, &action.to_ascii_lowercase(), at);
            }
            return;
        }
        let services: Option<Vec<String>> = actions.iter().map(service).collect();
        match services.filter(|services| !negated && !services.iter().any(|service| is_pattern(service))) {
            Some(services) => services.iter().for_each(|service| insert(&mut self.service, service, at)),
            None => self.rest.push(at),
        }
    }

    fn size_bytes(&self) -> usize {
        let keyed = |list: &[(Box<str>, Vec<usize>)]| -> usize {
            list.iter().map(|(key, places)| 48 + key.len() + places.len() * size_of::<usize>()).sum()
        };
        keyed(&self.exact) + keyed(&self.service) + self.rest.len() * size_of::<usize>()
    }
}

fn insert(list: &mut Vec<(Box<str>, Vec<usize>)>, key: &str, at: usize) {
    match list.binary_search_by(|(known, _)| (**known).cmp(key)) {
        Ok(place) => {
            if let Some((_, places)) = list.get_mut(place)
                && places.last() != Some(&at)
            {
                places.push(at);
            }
        }
        Err(place) => list.insert(place, (key.into(), vec![at])),
    }
}

fn found<'a>(list: &'a [(Box<str>, Vec<usize>)], key: &str) -> &'a [usize] {
    let place = list.binary_search_by(|(known, _)| (**known).cmp(key));
    place.ok().and_then(|place| list.get(place)).map_or(&[], |(_, places)| places)
}
