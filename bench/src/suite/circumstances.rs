//! Where and how a report was made: commit, command, machine.

use std::fs;
use std::process::Command;

use strongroom_types::{Clock, SystemClock};

use super::Settings;
use crate::amz_date::amz_date;
use crate::report::Circumstances;

/// Looks at the machine and the repository.
pub fn look(settings: &Settings, server_cpus: Option<&str>) -> Circumstances {
    let command: Vec<String> = std::env::args().skip(1).collect();
    let bound = server_cpus.map_or_else(|| "any core".to_owned(), |cpus| format!("core {cpus}"));
    Circumstances {
        commit: commit(),
        command: format!("strongroom-bench {}", command.join(" ")),
        date: String::from_utf8_lossy(&amz_date(SystemClock.now())).into_owned(),
        machine: machine(),
        settings: format!(
            "{} rounds of {} ms after {} ms of warm-up, values of 1 KiB unless said otherwise, servers on {bound}",
            settings.rounds,
            settings.measured.as_millis(),
            settings.warm_up.as_millis(),
        ),
        load_averages: Vec::new(),
        remarks: Vec::new(),
    }
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return "unknown".to_owned() };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|list| !list.is_empty());
    if changed { commit + "+" } else { commit }
}

fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let processor = field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let memory_kib = field(&read("/proc/meminfo"), "MemTotal").and_then(|text| text.split(' ').next()?.parse().ok());
    let memory_gib = memory_kib.unwrap_or(0_u64) / (1024 * 1024);
    let kernel = read("/proc/sys/kernel/osrelease");
    let release = kernel.trim().split('-').next().unwrap_or_default();
    format!("{cores} cores ({processor}), {memory_gib} GiB, Linux {release}")
}
