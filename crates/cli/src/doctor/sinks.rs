//! Whether the trail's sinks are there, and how far they are behind.

use std::sync::Arc;

use strongroom_server::config::{Config, SinkConfig, SinkKind};
use strongroom_server::sinks::{Behind, behind, probes};
use strongroom_types::{Clock, SystemClock, Timestamp};

use super::finding::Findings;

const CHECK: &str = "sinks";
const ADVICE: &str = "see docs/sinks.md";

/// Asks each sink of `config` whether it would take records, without sending any.
pub fn look(config: &Config, findings: &mut Findings) {
    if config.audit.sinks.is_empty() {
        return;
    }
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return findings.problem(CHECK, "they cannot be asked: no runtime can be made", ADVICE);
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    for (mut probe, wanted) in probes(config, &clock).into_iter().zip(&config.audit.sinks) {
        let name = &wanted.name;
        match probe.to.clone() {
            Err(text) => findings.problem(CHECK, format!("sink {name}: {text}"), ADVICE),
            Ok(to) => match runtime.block_on(probe.reach()) {
                Ok(()) if wanted.stdout.is_some() => {
                    findings.ok(CHECK, format!("sink {name}: {to} is the server's own and is not asked"));
                }
                Ok(()) => findings.ok(CHECK, format!("sink {name}: {to} is there")),
                Err(error) => findings.problem(CHECK, format!("sink {name}: {to}: {error}"), ADVICE),
            },
        }
        if is_readable_on_its_way(wanted) {
            let text = format!("sink {name}: whoever is on the way there can read and change the records");
            findings.warn(CHECK, text, "use tls://, or a receiver on this machine");
        }
    }
    match behind(config) {
        Ok(all) => all.iter().for_each(|sink| lag(config, sink, clock.now(), findings)),
        Err(error) => findings.problem(CHECK, format!("how far they are behind cannot be read: {error}"), ADVICE),
    }
}

/// Whether it is reached over a network without TLS.
fn is_readable_on_its_way(wanted: &SinkConfig) -> bool {
    let Some(SinkKind::Syslog(syslog)) = wanted.kind() else { return false };
    let remote = |rest: &str| !["127.", "localhost:", "[::1]:"].iter().any(|own| rest.starts_with(own));
    ["udp://", "tcp://"].iter().any(|scheme| syslog.address.strip_prefix(scheme).is_some_and(remote))
}

fn lag(config: &Config, sink: &Behind, now: Timestamp, findings: &mut Findings) {
    let Some(wanted) = config.audit.sinks.iter().find(|wanted| wanted.name == sink.name) else { return };
    let Some((bytes, since)) = sink.lag else { return };
    let seconds = since.map_or(0, |since| u64::try_from((now.millis() - since.millis()) / 1000).unwrap_or(0));
    let bound = u64::from(wanted.lag_seconds_max);
    let beyond = if bytes > wanted.lag_bytes_max {
        format!("{bytes} bytes behind, more than its lag_bytes_max")
    } else if bound > 0 && seconds > bound {
        format!("{seconds} seconds behind, more than its lag_seconds_max")
    } else {
        return;
    };
    findings.problem(CHECK, format!("sink {} is {beyond}", sink.name), "look at the receiver and at the server's log");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_behind_in_bytes_or_in_time_is_told() {
        let text = "[[audit.sinks]]\nname = 's'\nlag_bytes_max = 4000000\nlag_seconds_max = 60\nstdout = {}";
        let config = Config::load(text).expect("settings");
        let now = Timestamp::from_millis(1_000_000);
        let told = |bytes, age_ms| {
            let since = Timestamp::from_millis(now.millis() - age_ms);
            let mut findings = Findings::default();
            lag(&config, &Behind { name: "s".into(), lag: Some((bytes, Some(since))) }, now, &mut findings);
            findings.lines()
        };
        assert!(!told(4_000_000, 60_000).contains("behind"));
        assert!(told(4_000_001, 0).contains("sink s is 4000001 bytes behind, more than its lag_bytes_max"));
        assert!(told(10, 61_000).contains("sink s is 61 seconds behind, more than its lag_seconds_max"));
    }

    #[test]
    fn only_a_network_without_tls_is_warned_of() {
        let of = |address: &str| {
            let text = format!("[[audit.sinks]]\nname = 's'\nsyslog = {{ address = '{address}' }}");
            is_readable_on_its_way(&Config::load(&text).expect("settings").audit.sinks[0])
        };
        assert!(of("udp://logs.example:514") && of("tcp://10.0.0.1:601"));
        assert!(!of("tls://logs.example:6514") && !of("tcp://127.0.0.1:601") && !of("unix:/dev/log"));
    }
}
