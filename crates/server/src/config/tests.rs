//! Tests of reading the configuration, and of its documentation against its structs.

use serde_json::Value;

use super::{Config, RootConfig};

fn problems(text: &str) -> Vec<String> {
    Config::load(text).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_written_means_the_defaults_which_keep_their_own_rules() {
    let config = Config::load("").unwrap();
    assert_eq!(config.listen.addresses, ["127.0.0.1:7600".parse().unwrap()]);
    assert_eq!(config.account.region.as_str(), "us-east-1");
    assert_eq!(config.account.id, None);
    assert_eq!(config.roots, [RootConfig::File { path: None }]);
    assert_eq!(config.limits.body_bytes_max, 1 << 20);
    assert!(Config::default().check().is_ok());
}

#[test]
fn what_is_written_counts_and_the_rest_stays() {
    let config = Config::load(
        r#"
        dev = true
        [account]
        id = "123456789012"
        [limits]
        body_bytes_max = 2048
        connections_per_peer_max = 7
        [listen]
        addresses = ["[::1]:0", "127.0.0.1:80"]
        trusted_proxies = ["10.0.0.0/8"]
        [[roots]]
        kind = "environment"
        variable = "KEY"
        [[roots]]
        kind = "file"
        path = "/etc/strongroom/root.key"
        "#,
    )
    .unwrap();
    assert!(config.dev);
    assert_eq!(config.account.id.unwrap().as_str(), "123456789012");
    assert_eq!(config.limits.body_bytes_max, 2048);
    assert_eq!(config.limits.connections_per_peer_max, Some(7));
    assert_eq!(config.limits.header_bytes_max, 16 * 1024);
    assert_eq!(config.listen.addresses.len(), 2);
    assert!(config.listen.trusted_proxies[0].contains("10.1.1.1".parse().unwrap()));
    assert_eq!(config.roots[0], RootConfig::Environment { variable: "KEY".to_owned() });
    assert_eq!(config.roots[1], RootConfig::File { path: Some("/etc/strongroom/root.key".into()) });
}

#[test]
fn every_problem_is_told_at_once() {
    let told = problems(
        r#"
        colour = "red"
        dev = "yes"
        [account]
        id = "12"
        region = "nowhere"
        [limits]
        body_bytes_max = -1
        header_bytes_max = 1
        speed = 3
        [listen]
        addresses = ["localhost"]
        plain_addresses = ["192.0.2.1:80"]
        trusted_proxies = ["10.0.0.1/8"]
        [tls]
        key_file = "key.pem"
        [cors]
        origins = ["https://good.example", "https://bad.example/"]
        [[roots]]
        kind = "magic"
        [[roots]]
        kind = "environment"
        [extra]
        key = 1
        "#,
    );
    let keys: Vec<&str> = told.iter().map(|problem| problem.split(':').next().unwrap()).collect();
    for key in [
        "account.id",
        "account.region",
        "colour",
        "cors.origins",
        "dev",
        "extra",
        "limits.body_bytes_max",
        "limits.header_bytes_max",
        "limits.speed",
        "listen.addresses",
        "listen.plain_addresses",
        "listen.trusted_proxies",
        "roots[0]",
        "tls.certificate_file",
    ] {
        assert_eq!(keys.iter().filter(|told| **told == key).count(), 1, "{key} in {told:#?}");
    }
    assert_eq!(told.len(), 14, "{told:#?}");
}

#[test]
fn broken_text_is_told_with_its_line() {
    let told = problems("dev = true\n[limits\n");
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("line 2: "), "{told:?}");
}

#[test]
fn plain_http_stays_on_loopback_unless_forced() {
    let outside = "[listen]\naddresses = [\"0.0.0.0:80\"]\n";
    assert!(problems(outside)[0].contains("listen.plain_http_anywhere"));
    assert!(Config::load(&format!("{outside}plain_http_anywhere = true")).is_ok());
    let tls = "[tls]\ncertificate_file = \"c.pem\"\nkey_file = \"k.pem\"";
    assert!(Config::load(&format!("{outside}{tls}")).is_ok());
    let beside = "[listen]\nplain_addresses = [\"0.0.0.0:80\"]\n";
    assert_eq!(problems(&format!("{beside}{tls}")).len(), 1);
    assert!(Config::load("[listen]\naddresses = [\"127.8.9.1:80\", \"[::1]:80\", \"[::ffff:127.0.0.1]:80\"]").is_ok());
}

#[test]
fn dev_mode_stays_on_loopback_always() {
    let text = "dev = true\n[listen]\nplain_http_anywhere = true\naddresses = [\"0.0.0.0:80\"]";
    assert_eq!(
        problems(text),
        ["listen.addresses: 0.0.0.0:80 is not a loopback address, and dev mode accepts any key"]
    );
}

#[test]
fn flags_come_over_the_file_before_the_checks() {
    let text = "[listen]\naddresses = [\"0.0.0.0:80\"]";
    let config = Config::load_with(text, |config| config.listen.addresses = vec!["127.0.0.1:0".parse().unwrap()]);
    assert_eq!(config.unwrap().listen.addresses, ["127.0.0.1:0".parse().unwrap()]);
    let wrong = Config::load_with("", |config| config.limits.connections_max = 0).unwrap_err();
    assert_eq!(wrong.to_string(), "limits.connections_max: 0 is not from 1 to 1000000");
}

/// Keys of what a configuration may have several of, or not at all: they are documented in tables of their own.
const APART: [&str; 5] = ["roots", "private_endpoints", "functions.lambda_endpoint.", "backup.s3.", "audit.sinks."];

/// Every key of the struct with its default in the words of the documentation.
fn documented_keys() -> Vec<(String, String)> {
    let Value::Object(sections) = serde_json::to_value(Config::default()).unwrap() else { panic!("not an object") };
    let mut keys = Vec::new();
    for (section, value) in sections {
        match value {
            Value::Object(members) => {
                keys.extend(members.into_iter().map(|(key, value)| (format!("{section}.{key}"), shown(&value))));
            }
            // Shown in its own words below the table.
            Value::Array(_) => {}
            value => keys.push((section, shown(&value))),
        }
    }
    keys
}

fn shown(value: &Value) -> String {
    if value.is_null() { "none".to_owned() } else { format!("`{value}`") }
}

#[test]
fn the_documentation_lists_every_key_with_its_default_and_no_other() {
    let text = include_str!("../../../../docs/configuration.md");
    let rows: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            let key = cells.next()?.trim_end_matches('`').to_owned();
            Some((key, cells.next()?.to_owned()))
        })
        .filter(|(key, _)| !APART.iter().any(|apart| key.starts_with(apart)))
        .collect();
    let mut documented = rows.clone();
    documented.sort();
    let mut expected = documented_keys();
    expected.sort();
    assert_eq!(documented, expected);
    let endpoint = ["address", "id", "vpc", "policy_file"].map(|key| format!("private_endpoints.{key}"));
    for key in endpoint {
        assert!(text.contains(&format!("| `{key}` |")), "{key}");
    }
}

#[test]
fn the_documented_example_is_a_configuration() {
    let text = include_str!("../../../../docs/configuration.md");
    let example = text.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let config = Config::load(example).unwrap();
    assert!(config.tls.is_on());
    assert_eq!(config.roots.len(), 2);
    assert_eq!(config.private_endpoints.len(), 1);
}

#[test]
fn private_endpoints_have_ids_of_their_own_and_hide_what_goes_over_the_network() {
    let endpoint = |address: &str, id: &str| {
        format!("[[private_endpoints]]\naddress = \"{address}\"\nid = \"{id}\"\nvpc = \"vpc-1\"\n")
    };
    let text = endpoint("127.0.0.1:1", "vpce-1a") + &endpoint("127.0.0.1:2", "vpce-2b");
    assert_eq!(Config::load(&text).unwrap().private_endpoints.len(), 2);
    for wrong in [
        endpoint("127.0.0.1:1", "vpce-1a") + &endpoint("127.0.0.1:2", "vpce-1a"),
        endpoint("127.0.0.1:1", "vpce-"),
        endpoint("127.0.0.1:1", "vpce-XY"),
        endpoint("10.0.0.1:1", "vpce-1a"),
    ] {
        assert!(Config::load(&wrong).is_err(), "{wrong}");
    }
}
