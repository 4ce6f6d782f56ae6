//! Figures of the process, under the names that they have everywhere.

use std::fs;

use prometheus_client::registry::Unit;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use super::family::Families;

/// What the system tells of this process.
#[derive(Clone, Copy, Debug, Default)]
struct Process {
    cpu_ticks: u64,
    threads: u64,
    started_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

/// Adds what the system tells of this process; nothing where it does not.
#[expect(clippy::cast_precision_loss, reason = "figures are told as floating-point numbers")]
pub(super) fn tell(families: &mut Families) {
    let Some(process) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(of_stat) else { return };
    let ticks = clock_ticks_per_second().max(1) as f64;
    let cpu = process.cpu_ticks as f64 / ticks;
    families.counter("cpu", Some(Unit::Seconds), "Processor time, of user and system", cpu);
    let resident = process.resident_pages.saturating_mul(page_size() as u64) as f64;
    families.gauge("resident_memory", Some(Unit::Bytes), "Memory that is resident", resident);
    families.gauge("virtual_memory", Some(Unit::Bytes), "Memory that is mapped", process.virtual_bytes as f64);
    families.gauge("threads", None, "Threads", process.threads as f64);
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // Less the one that is read.
        families.gauge("open_fds", None, "File descriptors that are open", open.count().saturating_sub(1) as f64);
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        families.gauge("max_fds", None, "File descriptors that may be open", most as f64);
    }
    let booted = fs::read_to_string("/proc/stat").ok().and_then(|text| booted(&text));
    if let Some(booted) = booted {
        let started = booted as f64 + process.started_ticks as f64 / ticks;
        families.gauge("start_time", Some(Unit::Seconds), "When the process began, since 1970", started);
    }
}

/// What stands behind the process's name, which may hold anything, a parenthesis too.
fn of_stat(text: &str) -> Option<Process> {
    let (_, rest) = text.rsplit_once(')')?;
    // The first of them is field 3, the state.
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Process {
        cpu_ticks: field(14)?.saturating_add(field(15)?),
        threads: field(20)?,
        started_ticks: field(22)?,
        virtual_bytes: field(23)?,
        resident_pages: field(24)?,
    })
}

/// When the machine was started, in seconds since 1970.
fn booted(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_parenthesis_does_not_move_the_fields() {
        let numbers: Vec<String> = (4..=52).map(|number| number.to_string()).collect();
        let process = of_stat(&format!("7 (a ) b) S {}", numbers.join(" "))).unwrap();
        assert_eq!((process.cpu_ticks, process.threads, process.started_ticks), (29, 20, 22));
        assert_eq!((process.virtual_bytes, process.resident_pages), (23, 24));
        assert_eq!(booted("cpu 1\nbtime 1700000000\n"), Some(1_700_000_000));
    }
}
