//! One process of a function with its API, and how it takes an invocation.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use strongroom_types::{SecretBytes, SecretText, Timestamp};
use tokio::time::{Duration, Instant, MissedTickBehavior, interval, sleep, sleep_until};

use crate::api::{self, Api, Outcome};
use crate::code::Code;
use crate::environment::{Places, environment};
use crate::job::{Invoked, Job};
use crate::kind::Program;
use crate::process::Process;
use crate::sandbox::{self, Sandbox};
use crate::settings::Settings;
use crate::texts::{self, Report};

/// Bytes of a log's tail.
const TAIL_BYTES: usize = 4096;
/// How often memory is looked at while a function works.
const MEMORY_TIME: Duration = Duration::from_millis(200);
/// How long a process that was kept may take until it takes an invocation.
const WARM_TIME: Duration = Duration::from_secs(2);
/// Milliseconds that credentials must outlast an invocation's time-out.
const CREDENTIALS_SLACK_MS: i64 = 30_000;

/// All of a job that a process is started with: another job with the same can be given to it.
#[derive(PartialEq, Eq)]
pub struct Fixed {
    function_arn: String,
    function_name: String,
    version: String,
    runtime: String,
    handler: String,
    environment: BTreeMap<String, SecretText>,
    memory_mb: u32,
    role_arn: String,
    region: String,
    code_sha256: String,
    endpoint_url: String,
    ca_bundle: Option<PathBuf>,
}

impl Fixed {
    /// That of a job.
    pub fn of(job: &Job) -> Self {
        Self {
            function_arn: job.function_arn.clone(),
            function_name: job.function_name.clone(),
            version: job.version.clone(),
            runtime: job.runtime.clone(),
            handler: job.handler.clone(),
            environment: job.environment.clone(),
            memory_mb: job.memory_mb,
            role_arn: job.role_arn.clone(),
            region: job.region.clone(),
            code_sha256: job.code_sha256.clone(),
            endpoint_url: job.endpoint_url.clone(),
            ca_bundle: job.ca_bundle.clone(),
        }
    }
}

/// A process of a function.
pub struct Instance {
    /// What it was started with.
    pub fixed: Fixed,
    /// How often the function had been retired when it was started.
    pub generation: u64,
    /// When it last became free.
    pub free_since: Instant,
    /// When its credentials end.
    expires: Timestamp,
    process: Process,
    api: Api,
    started: Instant,
    invocations: u64,
    memory_peak: u64,
}

/// What became of an invocation in a process.
pub enum Ran {
    /// It was answered; the process can take the next.
    Answered(Invoked),
    /// It was answered, and the process is of no more use.
    Last(Invoked),
    /// The process did not take it: another one can.
    NotTaken,
}

/// How an invocation ended.
enum End {
    Said(Outcome),
    Exited(String),
    TimedOut,
    OutOfMemory,
}

impl Instance {
    /// Starts a process for `job`.
    ///
    /// # Errors
    /// The system's.
    pub async fn start(
        settings: &Settings,
        sandbox: &Sandbox,
        program: &Program,
        code: Arc<Code>,
        job: &Job,
        generation: u64,
    ) -> io::Result<Self> {
        let started = Instant::now();
        let (listener, address) = api::bind().await?;
        let closed = sandbox.is_closed();
        let tmp = if closed { None } else { Some(private_tmp(settings, &code)?) };
        let places = Places {
            task: if closed { sandbox::TASK.into() } else { code.path().into() },
            tmp: tmp.as_ref().map_or_else(|| "/tmp".into(), |tmp| tmp.path().into()),
            ca_bundle: job
                .ca_bundle
                .as_ref()
                .map(|bundle| if closed { sandbox::CA_BUNDLE.into() } else { bundle.clone() }),
            path: program.path.clone(),
        };
        let plan = sandbox.plan(settings, program, code.path(), job.ca_bundle.as_deref());
        let environment = environment(job, &places, &address);
        let process = Process::start(settings, plan, job.memory_mb, &environment, code, tmp).await?;
        let api = Api::serve(listener, process.pid(), Arc::clone(process.log()), Arc::clone(&settings.clock));
        Ok(Self {
            fixed: Fixed::of(job),
            generation,
            free_since: started,
            expires: job.credentials.expires,
            process,
            api,
            started,
            invocations: 0,
            memory_peak: 0,
        })
    }

    /// Whether it belongs to the function.
    pub fn is_of(&self, function_arn: &str) -> bool {
        self.fixed.function_arn == function_arn
    }

    /// Whether it can still take an invocation of `timeout_seconds`.
    pub fn is_good(&mut self, now: Timestamp, timeout_seconds: u32) -> bool {
        let needed = i64::from(timeout_seconds) * 1000 + CREDENTIALS_SLACK_MS;
        self.process.ended().is_none() && self.expires.millis_since(now) > needed
    }

    /// Ends it.
    pub async fn stop(self) {
        self.process.stop().await;
    }

    /// Gives it an invocation and waits for what becomes of it.
    pub async fn run(&mut self, settings: &Settings, job: &Arc<Job>) -> Ran {
        let cold = self.invocations == 0;
        self.invocations += 1;
        if !cold {
            self.process.log().drain();
            drop(self.process.log().take(0));
        }
        self.api.offer(Arc::clone(job));
        let patience = Duration::from_millis(settings.init_ms) + Duration::from_secs(job.timeout_seconds.into());
        let patience = if cold { patience } else { WARM_TIME };
        let taken = tokio::select! {
            biased;
            taken = self.api.taken() => taken,
            how = self.process.end() => {
                let said = self.api.said();
                return if cold || said.is_some() { self.ended(settings, job, said.map_or(End::Exited(how), End::Said), None) }
                       else { Ran::NotTaken };
            }
            () = sleep(patience) => {
                return if cold { self.ended(settings, job, End::TimedOut, None) } else { Ran::NotTaken };
            }
        };
        let end = match taken {
            None => self.api.outcome().await.into(),
            Some(taken) => self.wait(job, taken + Duration::from_secs(job.timeout_seconds.into())).await,
        };
        self.ended(settings, job, end, taken.filter(|_| cold).or(taken))
    }

    async fn wait(&mut self, job: &Job, deadline: Instant) -> End {
        let limit = u64::from(job.memory_mb) * 1024 * 1024;
        let mut looks = interval(MEMORY_TIME);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                outcome = self.api.outcome() => return End::Said(outcome),
                how = self.process.end() => return self.api.said().map_or(End::Exited(how), End::Said),
                () = sleep_until(deadline) => return End::TimedOut,
                _ = looks.tick() => {
                    let bytes = self.process.memory_bytes();
                    self.memory_peak = self.memory_peak.max(bytes);
                    if bytes > limit {
                        return End::OutOfMemory;
                    }
                }
            }
        }
    }

    /// Makes the answer of how an invocation ended that was taken at `taken`, or never.
    fn ended(&mut self, settings: &Settings, job: &Job, end: End, taken: Option<Instant>) -> Ran {
        let now = Instant::now();
        let log = Arc::clone(self.process.log());
        log.drain();
        if taken.is_none() {
            log.push(texts::start(job).as_bytes());
        }
        let id = job.request_id.as_str();
        let duration = taken.map_or(Duration::ZERO, |taken| now - taken);
        let (payload, is_error, is_last, note) = match end {
            End::Said(Outcome::Answer(answer)) => (answer, false, false, None),
            End::Said(Outcome::Error(error)) => (error, true, false, None),
            End::Said(Outcome::InitError(error)) => {
                (error, true, true, Some("the function's process could not start".to_owned()))
            }
            End::Said(Outcome::TooLarge) => {
                (texts::too_large().into(), true, true, Some("the answer was too large".to_owned()))
            }
            End::Exited(how) => {
                let text = format!("RequestId: {id} Error: Runtime exited with error: {how}\nRuntime.ExitError\n");
                log.push(text.as_bytes());
                (texts::exited(id, &how).into(), true, true, Some(format!("the function's process ended: {how}")))
            }
            End::TimedOut => {
                let line = texts::timed_out_line(settings.clock.now(), id, job.timeout_seconds);
                log.push(format!("{line}\n\n").as_bytes());
                (texts::timed_out(&line).into(), true, true, Some("the function timed out".to_owned()))
            }
            End::OutOfMemory => {
                let text =
                    format!("RequestId: {id} Error: Runtime exited with error: signal: killed\nRuntime.ExitError\n");
                log.push(text.as_bytes());
                let note = format!("the function had more than its {} MB of memory", job.memory_mb);
                (texts::exited(id, "signal: killed").into(), true, true, Some(note))
            }
        };
        let billed_ms = u64::try_from(duration.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
        let init = self.api.ready().filter(|_| self.invocations == 1).map(|ready| ready - self.started);
        let used_mb = u32::try_from(self.memory_peak.div_ceil(1024 * 1024)).unwrap_or(u32::MAX);
        let report = Report {
            request_id: id,
            duration_us: duration.as_micros(),
            billed_ms,
            memory_mb: job.memory_mb,
            used_mb,
            init_us: init.map(|init| init.as_micros()),
        };
        log.push(report.lines().as_bytes());
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let invoked = Invoked {
            payload,
            function_error: is_error.then_some("Unhandled"),
            log_tail: log.take(TAIL_BYTES),
            duration_ms: millis(duration),
            billed_duration_ms: billed_ms,
            init_duration_ms: init.map(millis),
            memory_used_mb: used_mb,
            note,
        };
        if is_last { Ran::Last(invoked) } else { Ran::Answered(invoked) }
    }
}

impl From<Outcome> for End {
    fn from(outcome: Outcome) -> Self {
        Self::Said(outcome)
    }
}

/// A folder that only the function's user has.
fn private_tmp(settings: &Settings, code: &Code) -> io::Result<tempfile::TempDir> {
    let home = code.path().parent().ok_or_else(|| io::Error::other("the code has no folder"))?;
    let tmp = tempfile::Builder::new().prefix("tmp-").tempdir_in(home)?;
    if let Some(user) = settings.user {
        std::os::unix::fs::chown(tmp.path(), Some(user.uid), Some(user.gid))?;
    }
    Ok(tmp)
}

/// The answer for code without a program to run.
pub fn no_bootstrap(job: &Job) -> Invoked {
    Invoked {
        payload: texts::no_bootstrap(&job.request_id).into(),
        function_error: Some("Unhandled"),
        log_tail: SecretBytes::new(texts::start(job).into_bytes()),
        duration_ms: 0,
        billed_duration_ms: 0,
        init_duration_ms: None,
        memory_used_mb: 0,
        note: Some("the function's code has no executable file bootstrap".to_owned()),
    }
}
