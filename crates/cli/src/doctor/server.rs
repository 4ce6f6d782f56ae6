//! The running server, as its clients meet it: its certificate, its clock, and whether it serves.

use std::path::Path;

use strongroom_server::config::Config;
use strongroom_server::listen::CertificateFacts;
use strongroom_types::{Clock as _, SystemClock};
use strongroom_wire::timestamps;

use super::finding::Findings;
use super::{clock, health};

const CHECK: &str = "server";
const TLS: &str = "tls";
/// Days before the end of a certificate from which on it is told.
const DAYS_MIN: i64 = 21;

/// Looks at the certificate that the configuration names. `host` is what clients call the server by, when that is known.
pub fn certificate(config: &Config, host: Option<&str>, findings: &mut Findings) {
    let facts = match CertificateFacts::read(&config.tls) {
        Ok(None) => return plain(config, findings),
        Ok(Some(facts)) => facts,
        Err(error) => {
            let advice = "put a chain in PEM form, leaf first, and its key there; a running server keeps the old one";
            return findings.problem(TLS, error.to_string(), advice);
        }
    };
    let now = SystemClock.now();
    let (begin, end) = (timestamps::iso(facts.not_before), timestamps::iso(facts.not_after));
    let days = facts.not_after.millis_since(now).div_euclid(strongroom_types::time::DAY_MS);
    let renew = "renew it; the server takes the new files by itself, or at once by `kill -HUP`";
    if now < facts.not_before {
        return findings.problem(TLS, format!("the certificate is good from {begin} on"), "look at the clock");
    }
    if now > facts.not_after {
        return findings.problem(TLS, format!("the certificate ended at {end}"), renew);
    }
    if days < DAYS_MIN {
        findings.warn(TLS, format!("the certificate ends in {days} days, at {end}"), renew);
    }
    let mut names: Vec<String> = host.map(str::to_owned).into_iter().collect();
    let listened = config.listen.addresses.iter().map(std::net::SocketAddr::ip);
    let own = |ip: &std::net::IpAddr| !ip.is_unspecified() && !ip.to_canonical().is_loopback();
    // Where no name is known, clients may call by the addresses alone.
    if names.is_empty() {
        names.extend(listened.filter(own).map(|ip| ip.to_string()));
    }
    let missing: Vec<&str> = names.iter().filter(|name| !facts.covers(name)).map(String::as_str).collect();
    if !missing.is_empty() {
        let text = format!("the certificate does not name {}", missing.join(", "));
        let advice = "have it made for every name and address by which clients call; --endpoint says which";
        match host {
            Some(_) => findings.problem(TLS, text, advice),
            None => findings.warn(TLS, text, advice),
        }
    } else if findings.is_good(TLS) {
        findings.ok(TLS, format!("the certificate fits its key and is good until {end}, {days} days"));
    }
}

/// Looks at who can read what goes to a server without a certificate.
fn plain(config: &Config, findings: &mut Findings) {
    let open = config.listen.addresses.iter().filter(|address| !address.ip().to_canonical().is_loopback());
    let open: Vec<String> = open.map(ToString::to_string).collect();
    if open.is_empty() {
        return findings.ok(TLS, "no certificate is configured: plain HTTP on loopback");
    }
    let text = format!("plain HTTP on {}: everyone on the way reads the secrets", open.join(", "));
    findings.warn(TLS, text, "set tls.certificate_file and tls.key_file, unless a proxy on this machine has TLS");
}

/// Asks the server at `url`. `is_own` says that the URL is the one it gave itself, by an address.
pub fn answer(url: &str, ca_file: Option<&Path>, is_own: bool, findings: &mut Findings) {
    let found = match health::ask(url, ca_file) {
        Ok(found) => found,
        Err(error) => {
            let text = error.to_string();
            if is_own && text.contains("TLS: ") {
                let advice = "name the URL that clients use by --endpoint, and their CA's certificate by --ca-file";
                return findings.warn(CHECK, text, advice);
            }
            let advice = if is_own {
                "the server was killed or hangs: look at its log, and start it again"
            } else {
                "start it, or correct the URL"
            };
            return findings.problem(CHECK, text, advice);
        }
    };
    if !found.is_ready() {
        let reasons = if found.reasons.is_empty() { found.status.clone() } else { found.reasons.join("; ") };
        findings.problem(CHECK, format!("{url} is not ready: {reasons}"), "see its log");
    } else if found.reasons.is_empty() {
        findings.ok(CHECK, format!("{url} is ready"));
    } else {
        let advice = if found.reasons.iter().any(|reason| reason.contains("sink")) {
            "bring the sinks' far sides up, or set `when_full`: docs/sinks.md"
        } else {
            "`strongroom store thaw` when no move is under way: docs/moving.md"
        };
        findings.warn(CHECK, format!("{url} serves reads alone: {}", found.reasons.join("; ")), advice);
    }
    for warning in found.warnings {
        findings.warn(CHECK, warning, "see its log");
    }
    match found.date {
        Some(date) => clock::compare(&format!("the server at {url}"), date, findings),
        None => findings.warn("clock", format!("{url} tells no time"), ""),
    }
}
