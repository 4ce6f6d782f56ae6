//! Three machines, each a network namespace, on one bridge; the clients' machine is the namespace that the test is in.

use std::process::Command;

/// How many machines there are, numbered from 1.
pub const MACHINES: usize = 3;
/// The clients' and the balancer's machine.
pub const CLIENTS: usize = 100;
/// A hardware address that nobody has: what is sent to it is lost without a word.
const NOWHERE: &str = "02:00:00:00:ff:ff";

/// All machines.
pub fn all() -> impl Iterator<Item = usize> + Clone {
    1..=MACHINES
}

/// A machine's address.
pub fn address(machine: usize) -> String {
    format!("10.77.0.{machine}")
}

/// A machine's namespace.
fn name(machine: usize) -> String {
    format!("m{machine}")
}

/// Runs a program to its end; what it printed.
pub fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn ip(line: &str) {
    run(Command::new("ip").args(line.split(' '))).expect("ip, of the package iproute2");
}

/// Makes the network.
pub fn make() {
    std::fs::create_dir_all("/run/netns").expect("a folder");
    ip("link set lo up");
    ip("link add br0 type bridge");
    ip("link set br0 up");
    ip(&format!("addr add {}/24 dev br0", address(CLIENTS)));
    for machine in all() {
        let (name, address) = (name(machine), address(machine));
        ip(&format!("netns add {name}"));
        ip(&format!("link add port{machine} type veth peer name eth0 netns {name}"));
        ip(&format!("link set port{machine} master br0"));
        ip(&format!("link set port{machine} up"));
        ip(&format!("-n {name} link set lo up"));
        ip(&format!("-n {name} addr add {address}/24 dev eth0"));
        ip(&format!("-n {name} link set eth0 up"));
    }
}

/// A program on a machine.
pub fn command(machine: usize, program: &str) -> Command {
    if machine == CLIENTS {
        return Command::new(program);
    }
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/run/netns/{}", name(machine))).arg("--").arg(program);
    command
}

/// What is sent from one machine to another is lost from now on.
pub fn cut_way(from: usize, to: usize) {
    ip(&format!("{} neigh replace {} lladdr {NOWHERE} nud permanent dev {}", of(from), address(to), device(from)));
}

/// Ends what [`cut_way`] began.
pub fn mend_way(from: usize, to: usize) {
    ip(&format!("{} neigh del {} dev {}", of(from), address(to), device(from)));
}

/// Cuts the link between two machines.
pub fn cut(one: usize, other: usize) {
    cut_way(one, other);
    cut_way(other, one);
}

/// Mends the link between two machines.
pub fn mend(one: usize, other: usize) {
    mend_way(one, other);
    mend_way(other, one);
}

/// Pulls the plug of a machine's network.
pub fn isolate(machine: usize) {
    ip(&format!("link set port{machine} down"));
}

/// Puts it back.
pub fn join(machine: usize) {
    ip(&format!("link set port{machine} up"));
}

fn of(machine: usize) -> String {
    if machine == CLIENTS { "-4".to_owned() } else { format!("-n {}", name(machine)) }
}

fn device(machine: usize) -> &'static str {
    if machine == CLIENTS { "br0" } else { "eth0" }
}
