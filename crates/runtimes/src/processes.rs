//! The machine's table of processes: which descend from one, how much memory they have, which connections are theirs.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddrV4;
use std::path::Path;

/// How often the table of connections is read for one: the kernel tells it in parts, and may leave a line out while others
/// come and go.
const READINGS_MAX: usize = 3;

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

/// Whether a connection's near end, at `client`, belongs to `root` or a process below it. None where the system does not
/// tell.
pub fn is_of(root: u32, client: SocketAddrV4, server: SocketAddrV4) -> Option<bool> {
    let mut wanted = None;
    for _ in 0..READINGS_MAX {
        let connections = fs::read_to_string("/proc/net/tcp").ok()?;
        let number = connections.lines().find_map(|line| socket(line, client, server));
        wanted = number.map(|number| format!("socket:[{number}]"));
        if wanted.is_some() {
            break;
        }
    }
    let Some(wanted) = wanted else { return Some(false) };
    let mut is_known = true;
    for pid in tree(root) {
        match fs::read_dir(format!("/proc/{pid}/fd")) {
            Ok(files) => {
                let mut targets = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
                if targets.any(|target| target == Path::new(&wanted)) {
                    return Some(true);
                }
            }
            Err(error) => is_known &= error.kind() != ErrorKind::PermissionDenied,
        }
    }
    is_known.then_some(false)
}

/// The number of the socket in a line of the kernel's table of connections, if it is the one between the two.
fn socket(line: &str, near: SocketAddrV4, far: SocketAddrV4) -> Option<&str> {
    let mut fields = line.split_whitespace().skip(1);
    let written = |end: SocketAddrV4| format!("{:08X}:{:04X}", u32::from_ne_bytes(end.ip().octets()), end.port());
    (fields.next()? == written(near) && fields.next()? == written(far)).then(|| fields.nth(6)).flatten()
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

    #[test]
    fn a_connection_is_of_the_process_that_made_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (std::net::SocketAddr::V4(client), std::net::SocketAddr::V4(server)) =
            (stream.local_addr().unwrap(), stream.peer_addr().unwrap())
        else {
            panic!("loopback is of version 4");
        };
        assert_eq!(is_of(std::process::id(), client, server), Some(true));
        let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert_eq!(is_of(other.id(), client, server), Some(false));
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
