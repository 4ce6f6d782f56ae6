//! What is done to the cluster, and how it is undone.

use rustix::process::Signal;

use crate::cluster::Cluster;
use crate::machines::{self, CLIENTS};
use crate::programs::{family, send};

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The primary's first process is killed.
    PrimaryKilled,
    /// The primary and all that comes from it, and its guardian, stop and go on later, as a machine that is moved does.
    PrimaryFrozen,
    /// The primary's machine loses its power: its network is silent, everything on it is killed.
    PrimaryMachineDown,
    /// The same, and the database's files on it are lost.
    PrimaryMachineLost,
    /// The synchronous standby's machine loses its power.
    StandbyMachineDown,
    /// The primary's machine is cut off from all others.
    PrimaryCutOff,
    /// The primary's machine is cut off from the other machines of the cluster, but not from the clients.
    PrimaryPartitioned,
    /// The synchronous standby's machine is cut off from all others.
    StandbyCutOff,
    /// The link between the primary and its synchronous standby is cut.
    LinkCut,
    /// What the primary sends to its synchronous standby is lost, not what comes back.
    LinkCutOneWay,
    /// The leader of the etcd is killed.
    EtcdLeaderKilled,
    /// A node is killed.
    NodeKilled,
    /// A node stops and goes on later.
    NodeFrozen,
    /// A node's machine and the primary's lose sight of each other.
    NodeCutOffFromPrimary,
    /// The primary and a node elsewhere are killed at once.
    PrimaryAndNodeKilled,
}

/// All of them.
pub const KINDS: [Kind; 15] = [
    Kind::PrimaryKilled,
    Kind::PrimaryFrozen,
    Kind::PrimaryMachineDown,
    Kind::PrimaryMachineLost,
    Kind::StandbyMachineDown,
    Kind::PrimaryCutOff,
    Kind::PrimaryPartitioned,
    Kind::StandbyCutOff,
    Kind::LinkCut,
    Kind::LinkCutOneWay,
    Kind::EtcdLeaderKilled,
    Kind::NodeKilled,
    Kind::NodeFrozen,
    Kind::NodeCutOffFromPrimary,
    Kind::PrimaryAndNodeKilled,
];

/// Those of the short run.
pub const KINDS_SHORT: [Kind; 5] =
    [Kind::PrimaryKilled, Kind::EtcdLeaderKilled, Kind::NodeKilled, Kind::PrimaryCutOff, Kind::LinkCut];

/// The machines that have a part in a fault.
#[derive(Clone, Copy, Debug)]
pub struct Cast {
    /// The primary's.
    pub primary: usize,
    /// The synchronous standby's.
    pub standby: usize,
    /// That of the leader of the etcd.
    pub leader: usize,
    /// That of a node, any.
    pub node: usize,
}

/// A fault that was brought about.
pub struct Fault {
    kind: Kind,
    cast: Cast,
    frozen: Vec<u32>,
}

impl Fault {
    /// Brings it about.
    pub fn bring(kind: Kind, cast: Cast, cluster: &mut Cluster) -> Self {
        let Cast { primary, standby, leader, node } = cast;
        let mut frozen = Vec::new();
        match kind {
            Kind::PrimaryKilled => cluster.kill_database(primary),
            Kind::PrimaryFrozen => {
                // The guardian first, so that it does not see what happens to the database.
                frozen = cluster.member(primary).patroni.family();
                if let Some(postmaster) = cluster.member(primary).postmaster() {
                    frozen.extend(family(postmaster));
                }
                frozen.iter().for_each(|process| send(*process, Signal::STOP));
            }
            Kind::PrimaryMachineDown => cluster.power_off(primary),
            Kind::PrimaryMachineLost => {
                cluster.power_off(primary);
                cluster.member(primary).lose_files();
            }
            Kind::StandbyMachineDown => cluster.power_off(standby),
            Kind::PrimaryCutOff => machines::isolate(primary),
            Kind::PrimaryPartitioned => others(primary).for_each(|other| machines::cut(primary, other)),
            Kind::StandbyCutOff => machines::isolate(standby),
            Kind::LinkCut => machines::cut(primary, standby),
            Kind::LinkCutOneWay => machines::cut_way(primary, standby),
            Kind::EtcdLeaderKilled => cluster.member(leader).etcd.kill(),
            Kind::NodeKilled => cluster.node(node).kill(),
            Kind::NodeFrozen => cluster.node(node).server.signal(Signal::STOP),
            Kind::NodeCutOffFromPrimary => machines::cut(elsewhere(node, cast), primary),
            Kind::PrimaryAndNodeKilled => {
                cluster.node(elsewhere(node, cast)).kill();
                cluster.kill_database(primary);
            }
        }
        Self { kind, cast, frozen }
    }

    /// Undoes what does not mend itself.
    pub fn undo(self, cluster: &mut Cluster) {
        let Cast { primary, standby, node, .. } = self.cast;
        match self.kind {
            Kind::PrimaryFrozen => self.frozen.iter().for_each(|process| send(*process, Signal::CONT)),
            Kind::PrimaryMachineDown | Kind::PrimaryMachineLost | Kind::PrimaryCutOff => machines::join(primary),
            Kind::StandbyMachineDown | Kind::StandbyCutOff => machines::join(standby),
            Kind::PrimaryPartitioned => others(primary).for_each(|other| machines::mend(primary, other)),
            Kind::LinkCut => machines::mend(primary, standby),
            Kind::LinkCutOneWay => machines::mend_way(primary, standby),
            Kind::NodeFrozen => cluster.node(node).server.signal(Signal::CONT),
            Kind::NodeCutOffFromPrimary => machines::mend(elsewhere(node, self.cast), primary),
            Kind::PrimaryKilled | Kind::PrimaryAndNodeKilled | Kind::EtcdLeaderKilled | Kind::NodeKilled => {}
        }
        cluster.start();
    }
}

/// The other machines of the cluster.
fn others(machine: usize) -> impl Iterator<Item = usize> {
    machines::all().filter(move |other| *other != machine && *other != CLIENTS)
}

/// The node's machine, or another where it is the primary's.
fn elsewhere(node: usize, cast: Cast) -> usize {
    if node == cast.primary { cast.standby } else { node }
}
