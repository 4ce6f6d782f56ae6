//! The whole cluster: databases and nodes on three machines, the balancer and the clients on a fourth.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::database::{self, Member};
use crate::faults::Cast;
use crate::machines;
use crate::nodes::{self, Node};
use crate::programs::{Program, family, send};

/// For anything to become well again. No measure: machines that tests run on may be slow.
const MENDED: Duration = Duration::from_secs(240);

/// The cluster.
pub struct Cluster {
    members: Vec<Member>,
    nodes: Vec<Node>,
    balancer: Program,
}

impl Cluster {
    /// Makes the network and starts everything in it. `stale_ms` is how old what nodes answer from memory may be.
    pub fn start_new(folder: &Path, logs: &Path, stale_ms: u64) -> Self {
        machines::make();
        // The database's user passes through to what is its own.
        fs::create_dir_all(folder).expect("a folder");
        let mut members: Vec<Member> = machines::all().map(|machine| Member::new(machine, folder, logs)).collect();
        members.iter_mut().for_each(Member::start);
        wait("a primary with its standbys", || cast(&members, 1).map(drop));
        let primary = cast(&members, 1).expect("just seen").primary;
        database::create(primary).expect("a database");
        let url = database::url();
        let mut nodes: Vec<Node> =
            machines::all().map(|machine| Node::new(machine, folder, logs, &url, stale_ms)).collect();
        let (first, rest) = nodes.split_first_mut().expect("nodes");
        first.start();
        wait("the first node", || first.is_ready().then_some(()).ok_or_else(String::new));
        rest.iter().for_each(|node| node.take_after(first));
        let balancer = nodes::balancer(folder, logs);
        let mut cluster = Self { members, nodes, balancer };
        cluster.start();
        let _ = cluster.wait_well(1);
        cluster
    }

    /// Starts whatever does not run.
    pub fn start(&mut self) {
        self.members.iter_mut().for_each(Member::start);
        self.nodes.iter_mut().for_each(Node::start);
        self.balancer.start();
    }

    /// What of the database is on a machine.
    pub fn member(&mut self, machine: usize) -> &mut Member {
        &mut self.members[machine - 1]
    }

    /// The node on a machine.
    pub fn node(&mut self, machine: usize) -> &mut Node {
        &mut self.nodes[machine - 1]
    }

    /// All nodes.
    pub fn nodes(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    /// Waits until the database has a primary and two standbys and all nodes are ready: who has which part then, with
    /// `node` as the node.
    pub fn wait_well(&mut self, node: usize) -> Cast {
        let mut found = None;
        wait("the cluster", || {
            self.start();
            let cast = cast(&self.members, node)?;
            let away = self.nodes.iter_mut().filter_map(|node| (!node.is_ready()).then_some(node.machine));
            let away: Vec<usize> = away.collect();
            if !away.is_empty() {
                return Err(format!("nodes {away:?} are not ready"));
            }
            found = Some(cast);
            Ok(())
        });
        found.expect("just seen")
    }

    /// Kills the first process of a database.
    pub fn kill_database(&mut self, machine: usize) {
        let postmaster = self.member(machine).postmaster().expect("a running database");
        send(postmaster, Signal::KILL);
    }

    /// Takes a machine's power: first its network, so that nobody is told, then all that runs.
    pub fn power_off(&mut self, machine: usize) {
        machines::isolate(machine);
        let member = self.member(machine);
        let postmaster = member.postmaster();
        member.patroni.kill();
        postmaster.map(family).into_iter().flatten().for_each(|process| send(process, Signal::KILL));
        member.etcd.kill();
        self.node(machine).kill();
        wait("the end of the database", || match self.members[machine - 1].postmaster() {
            Some(process) => Err(process.to_string()),
            None => Ok(()),
        });
    }
}

/// Who has which part in a database that is well: one primary, its synchronous standby, one more standby.
fn cast(members: &[Member], node: usize) -> Result<Cast, String> {
    let those = |role: &str| -> Vec<usize> {
        members.iter().filter(|member| member.is(role)).map(|member| member.machine).collect()
    };
    let (primaries, replicas, synchronous) = (those("/primary"), those("/replica"), those("/sync"));
    let leaders: Vec<usize> =
        members.iter().filter(|member| member.leads_etcd()).map(|member| member.machine).collect();
    let ([primary], [_, _], [standby], [leader]) =
        (primaries.as_slice(), replicas.as_slice(), synchronous.as_slice(), leaders.as_slice())
    else {
        return Err(format!("primary {primaries:?}, replica {replicas:?}, sync {synchronous:?}, etcd {leaders:?}"));
    };
    // The part of the standby is only played by whom Patroni would let take over.
    let agreed = database::agreed();
    if agreed != Some((*primary, *standby)) {
        return Err(format!("primary {primary}, sync {standby}, but agreed is {agreed:?}"));
    }
    Ok(Cast { primary: *primary, standby: *standby, leader: *leader, node })
}

/// Waits until something holds; what keeps it is told when that takes too long.
fn wait(what: &str, mut holds: impl FnMut() -> Result<(), String>) {
    let began = Instant::now();
    while let Err(kept) = holds() {
        assert!(began.elapsed() < MENDED, "{what}: not well after {} s: {kept}", MENDED.as_secs());
        thread::sleep(Duration::from_millis(200));
    }
}

/// Where what programs say is kept.
pub fn logs() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("failover");
    // What a former run left says nothing of this one.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}
