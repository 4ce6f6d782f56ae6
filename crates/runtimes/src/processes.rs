//! The machine's table of processes: which descend from one, and how much memory they have.

use std::collections::HashMap;
use std::fs;

/// A process and all that descend from it, itself first. Those whose parents have ended are not found.
pub fn tree(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if let Some(parent) = fs::read_to_string(entry.path().join("stat")).ok().as_deref().and_then(parent) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = vec![root];
    let mut at = 0;
    while let Some(pid) = found.get(at) {
        found.extend(children.remove(pid).unwrap_or_default());
        at += 1;
    }
    found
}

/// The parent in a process's `stat`: the second field after the name, which is in parentheses and may hold anything.
fn parent(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Bytes of memory that processes have, shared pages divided among those that share them where the kernel tells.
pub fn memory_bytes(pids: &[u32]) -> u64 {
    let page = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
    pids.iter().filter_map(|pid| proportional(*pid).or_else(|| Some(resident_pages(*pid)? * page))).sum()
}

fn proportional(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

fn resident_pages(pid: u32) -> Option<u64> {
    fs::read_to_string(format!("/proc/{pid}/statm")).ok()?.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        assert_eq!(parent("12 (a) b (c)) S 7 12 12 0 -1"), Some(7));
        assert_eq!(parent("12"), None);
    }

    #[test]
    fn this_process_has_a_child_and_memory() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let own = std::process::id();
        assert!(tree(own).contains(&child.id()));
        assert!(memory_bytes(&[own]) > 100_000);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
