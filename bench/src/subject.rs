//! The servers that are measured: started as processes of their own, filled, asked once, stopped.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::{Client, Endpoint};
use crate::credentials::Credentials;
use crate::failure::Failure;
use crate::keys::Keys;
use crate::load::{Pace, Plan, run_once_each};
use crate::moto;
use crate::operation::{Bodies, Operation};
use crate::process::Running;

const START_PATIENCE: Duration = Duration::from_secs(120);
const STOP_PATIENCE: Duration = Duration::from_secs(60);
const SEED_CONNECTIONS: usize = 128;

/// How servers are started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program under test.
    pub strongroom: PathBuf,
    /// This program, which is also the ceiling.
    pub bench: PathBuf,
    /// Where data, logs and moto's environment go.
    pub folder: PathBuf,
    /// Processors that servers may use, as taskset writes them; all when none.
    pub server_cpus: Option<String>,
    /// The region that is signed for.
    pub region: String,
}

/// A server that runs.
#[derive(Debug)]
pub struct Subject {
    /// What reports call it.
    pub name: &'static str,
    /// Where it answers.
    pub endpoint: Endpoint,
    /// Its process.
    pub process: Running,
    /// From its start until it said where it answers.
    pub ready_after: Duration,
    /// Secrets that it has.
    pub count: u64,
}

impl Launch {
    /// Starts Strongroom on `data`, which holds `count` secrets.
    pub fn strongroom(&self, data: &Path, count: u64) -> Result<Subject, Failure> {
        self.configured("strongroom", data, None, count)
    }

    /// The same, called `name`, with a file of settings.
    pub fn configured(
        &self,
        name: &'static str,
        data: &Path,
        settings: Option<&Path>,
        count: u64,
    ) -> Result<Subject, Failure> {
        fs::create_dir_all(&self.folder).map_err(Failure::io(self.folder.display().to_string()))?;
        let url = data.join("endpoint");
        forget(&url)?;
        let log = self.folder.join(format!("{}.log", name.replace(' ', "-")));
        let mut arguments = vec![
            "serve".as_ref(),
            "--no-throttle".as_ref(),
            "--listen".as_ref(),
            "127.0.0.1:0".as_ref(),
            "--data".as_ref(),
        ];
        arguments.push(data.as_os_str());
        if let Some(settings) = settings {
            arguments.extend(["--config".as_ref(), settings.as_os_str()]);
        }
        let mut process = Running::start(&self.strongroom, &arguments, self.server_cpus.as_deref(), &log)?;
        let address = process.wait_for(name, START_PATIENCE, || read_url(&url))?;
        let ready_after = process.started.elapsed();
        let credentials = Credentials::load(&data.join("credentials"))?;
        let endpoint = Endpoint { address, credentials, region: self.region.clone() };
        Ok(Subject { name, endpoint, process, ready_after, count })
    }

    /// Starts the ceiling for values of `value_bytes` bytes.
    pub fn ceiling(&self, value_bytes: usize) -> Result<Subject, Failure> {
        let url = self.folder.join(format!("ceiling-{value_bytes}"));
        forget(&url)?;
        let bytes = value_bytes.to_string();
        let arguments =
            ["ceiling".as_ref(), "--endpoint".as_ref(), url.as_os_str(), "--value-bytes".as_ref(), bytes.as_ref()];
        let log = self.folder.join("ceiling.log");
        let mut process = Running::start(&self.bench, &arguments, self.server_cpus.as_deref(), &log)?;
        let address = process.wait_for("ceiling", START_PATIENCE, || read_url(&url))?;
        let ready_after = process.started.elapsed();
        // It answers whatever it is asked, so it has as many secrets as one likes.
        Ok(Subject { name: "ceiling", endpoint: self.unchecked(address), process, ready_after, count: 1000 })
    }

    /// Starts moto, empty.
    pub fn moto(&self) -> Result<Subject, Failure> {
        let python = moto::python(&self.folder)?;
        let log = self.folder.join("moto.log");
        let arguments = ["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"];
        let mut process = Running::start(&python, &arguments, self.server_cpus.as_deref(), &log)?;
        let address = process.wait_for("moto", START_PATIENCE, || {
            let text = fs::read_to_string(&log).ok()?;
            let rest = text.split_once("Running on http://")?.1;
            rest.split_ascii_whitespace().next()?.parse().ok()
        })?;
        let ready_after = process.started.elapsed();
        Ok(Subject { name: "moto", endpoint: self.unchecked(address), process, ready_after, count: 0 })
    }

    fn unchecked(&self, address: SocketAddr) -> Endpoint {
        Endpoint { address, credentials: Credentials::unchecked(), region: self.region.clone() }
    }
}

impl Subject {
    /// Creates secrets until there are `count`.
    pub async fn seed(&mut self, count: u64, value_bytes: usize, seed: u64) -> Result<(), Failure> {
        if count <= self.count {
            return Ok(());
        }
        let (begun, missing) = (Instant::now(), count - self.count);
        let plan = Plan {
            operation: Operation::Create,
            connections: if self.name == "moto" { 1 } else { SEED_CONNECTIONS },
            pace: Pace::Closed,
            warm_up: Duration::ZERO,
            measured: Duration::ZERO,
            count,
            value_bytes,
            seed,
        };
        let made = run_once_each(&self.endpoint, &plan, Arc::new(Keys::sequence(self.count, count))).await?;
        if made != missing {
            return Err(Failure::void(format!("{}: {made} of {missing} secrets were created", self.name)));
        }
        self.count = count;
        if missing > 10_000 {
            let seconds = begun.elapsed().as_secs_f64();
            eprintln!("created {missing} secrets in {seconds:.1} s");
        }
        Ok(())
    }

    /// Sends one request for secret `number` and gives back the answer's JSON; any status but 200 is a failure.
    pub async fn ask(&self, operation: Operation, number: u64) -> Result<serde_json::Value, Failure> {
        let (mut body, mut random) = (String::new(), crate::keys::Prng::new(1, number));
        Bodies::new(operation, self.count, 1024).write(&mut body, number, &mut random);
        let answer = Client::new(&self.endpoint, operation)?.send(body.as_bytes(), true).await?;
        let said = String::from_utf8_lossy(&answer.body);
        if answer.status != http::StatusCode::OK {
            let (name, title) = (self.name, operation.title());
            return Err(Failure::void(format!("{name}: {title} answered {}: {said}", answer.status)));
        }
        Ok(serde_json::from_str(&said)?)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Stops it and waits.
    pub fn stop(self) -> Result<(), Failure> {
        self.process.stop(STOP_PATIENCE)
    }
}

/// A file of an earlier run must not be taken for this one's.
fn forget(url: &Path) -> Result<(), Failure> {
    match fs::remove_file(url) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(Failure::io(url.display().to_string())(why)),
        _ => Ok(()),
    }
}

fn read_url(path: &Path) -> Option<SocketAddr> {
    let text = fs::read_to_string(path).ok()?;
    address_of(text.strip_suffix('\n')?)
}

/// The address of a URL such as `http://127.0.0.1:7600`.
pub fn address_of(url: &str) -> Option<SocketAddr> {
    url.trim().strip_prefix("http://")?.trim_end_matches('/').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_urls() {
        assert_eq!(address_of("http://127.0.0.1:7600/").unwrap().port(), 7600);
        assert_eq!(address_of("https://127.0.0.1:7600"), None);
    }
}
