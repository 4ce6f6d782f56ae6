//! Settings that a running server takes from its configuration when it is told to read it again; all others take a start.

use toml::{Table, Value};

use crate::app::App;
use crate::config::Config;

/// The keys of settings that are taken while the server runs. That of the log's level is for whoever has the log.
pub const TAKEN: [&str; 2] = ["log.level", "metrics.networks"];

/// Has `app` take what it can take of `new`.
pub fn take(app: &App, new: &Config) {
    app.figures.set_readers(&new.metrics);
}

/// The keys of settings that differ and that are not taken while the server runs.
#[must_use]
pub fn left(old: &Config, new: &Config) -> Vec<String> {
    let table = |config: &Config| Table::try_from(config).unwrap_or_default();
    let mut keys = Vec::new();
    differing("", &Value::Table(table(old)), &Value::Table(table(new)), &mut keys);
    keys.retain(|key| !TAKEN.contains(&key.as_str()));
    keys
}

fn differing(key: &str, old: &Value, new: &Value, keys: &mut Vec<String>) {
    let (Value::Table(old_table), Value::Table(new_table)) = (old, new) else {
        if old != new {
            keys.push(key.to_owned());
        }
        return;
    };
    let mut names: Vec<&String> = old_table.keys().chain(new_table.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let whole = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
        match (old_table.get(name), new_table.get(name)) {
            (Some(old), Some(new)) => differing(&whole, old, new, keys),
            _ => keys.push(whole),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_take_a_start_are_named() {
        let old = Config::default();
        let text =
            "[log]\nlevel = 'debug'\n[metrics]\nnetworks = ['10.0.0.0/8']\naccounts_max = 5\n[data]\nanchor = '/a'";
        let new = Config::load(text).unwrap();
        assert_eq!(left(&old, &new), ["data.anchor", "metrics.accounts_max"]);
        assert!(left(&new, &new).is_empty());
    }
}
