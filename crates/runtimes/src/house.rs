//! All processes of all functions: which are free, how many there may be, and the thread that starts them.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use strongroom_types::Timestamp;
use tokio::runtime::Builder;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Duration, interval, timeout};

use crate::code::{Code, Store};
use crate::instance::{Fixed, Instance, Ran, no_bootstrap};
use crate::job::{CodeSource, Invoked, Job};
use crate::kind::{self, Kind};
use crate::sandbox::Sandbox;
use crate::settings::{Failure, Settings};

/// How often free processes are looked at.
const TIDY_TIME: Duration = Duration::from_millis(500);

enum Order {
    Invoke(Box<Job>, Arc<Code>, oneshot::Sender<Result<Invoked, Failure>>),
    Retire(String, oneshot::Sender<()>),
    Stop(oneshot::Sender<()>),
}

/// Where functions run. Dropping it ends all processes, without waiting for their end: see [`Runtimes::stop`].
pub struct Runtimes {
    orders: mpsc::UnboundedSender<Order>,
    house: Arc<House>,
}

struct House {
    settings: Settings,
    sandbox: Sandbox,
    codes: Arc<Store>,
    places: Arc<Semaphore>,
    kept: Mutex<Kept>,
    /// True once all is to end.
    stopping: watch::Sender<bool>,
}

#[derive(Default)]
struct Kept {
    free: Vec<Instance>,
    /// How often each function has been retired, of those that have been.
    generations: HashMap<String, u64>,
}

impl Runtimes {
    /// Starts the thread that starts processes. Tries bubblewrap out, so it may block for a moment.
    ///
    /// # Errors
    /// [`Failure::Settings`] when functions cannot run here with these settings.
    pub fn new(mut settings: Settings) -> Result<Self, Failure> {
        let wrong = |error: std::io::Error| Failure::Settings(error.to_string());
        if settings.instances_max == 0 {
            return Err(Failure::Settings("the number of processes must not be zero".to_owned()));
        }
        let sandbox = Sandbox::find(&mut settings)?;
        if let Some(reason) = &sandbox.missing {
            tracing::warn!(%reason, "functions run without namespaces of their own");
        }
        let codes = Arc::new(Store::open(&settings).map_err(wrong)?);
        let places = Arc::new(Semaphore::new(settings.instances_max));
        let (stopping, _) = watch::channel(false);
        let house = Arc::new(House { settings, sandbox, codes, places, kept: Mutex::default(), stopping });
        let (orders, received) = mpsc::unbounded_channel();
        let runtime = Builder::new_current_thread().enable_all().build().map_err(wrong)?;
        let lived = Arc::clone(&house);
        let life = move || runtime.block_on(live(lived, received));
        thread::Builder::new().name("functions".to_owned()).spawn(life).map_err(wrong)?;
        Ok(Self { orders, house })
    }

    /// Whether functions run in namespaces of their own.
    #[must_use]
    pub fn is_isolated(&self) -> bool {
        self.house.sandbox.is_closed()
    }

    /// Whether a function with this runtime could run here, without running it.
    ///
    /// # Errors
    /// [`Failure::Unsupported`] with what is missing.
    pub fn check(&self, runtime: &str) -> Result<(), Failure> {
        kind::program(&self.house.settings, runtime, "").map(drop)
    }

    /// Runs a function once. What goes wrong inside the function is part of the answer. An invocation whose caller has gone
    /// goes on to its end.
    ///
    /// # Errors
    /// When it could not be run.
    pub async fn invoke(&self, job: Job, code: impl CodeSource) -> Result<Invoked, Failure> {
        if kind::supported(&job.runtime).is_none() {
            self.check(&job.runtime)?;
        }
        let code = self.house.codes.get(&job.code_sha256, &code).await?;
        let (answer, answered) = oneshot::channel();
        let order = Order::Invoke(Box::new(job), code, answer);
        self.orders.send(order).map_err(|_| Failure::Stopped)?;
        answered.await.unwrap_or(Err(Failure::Stopped))
    }

    /// Ends the free processes of a function, whose code or configuration has changed, and those at work when they have
    /// answered.
    pub async fn retire(&self, function_arn: &str) {
        let (done, is_done) = oneshot::channel();
        if self.orders.send(Order::Retire(function_arn.to_owned(), done)).is_ok() {
            let _stopped = is_done.await;
        }
    }

    /// Ends all processes and waits for their end. Invocations that were running fail with [`Failure::Stopped`], as all
    /// later ones do.
    pub async fn stop(&self) {
        let (done, is_done) = oneshot::channel();
        if self.orders.send(Order::Stop(done)).is_ok() {
            let _stopped = is_done.await;
        }
    }
}

/// The life of the thread: until it is told to stop, or nobody is left who could tell.
async fn live(house: Arc<House>, mut orders: mpsc::UnboundedReceiver<Order>) {
    let mut work = JoinSet::new();
    let mut tidying = interval(TIDY_TIME);
    let stopped = loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Invoke(job, code, answer)) => {
                    let house = Arc::clone(&house);
                    work.spawn(async move {
                        let _caller_gone = answer.send(house.invoke(job, code).await);
                    });
                }
                Some(Order::Retire(function_arn, done)) => {
                    let house = Arc::clone(&house);
                    work.spawn(async move {
                        house.retire(&function_arn).await;
                        let _caller_gone = done.send(());
                    });
                }
                Some(Order::Stop(done)) => break Some(done),
                None => break None,
            },
            _ = tidying.tick() => {
                while work.try_join_next().is_some() {}
                let house = Arc::clone(&house);
                work.spawn(async move { house.tidy().await });
            }
        }
    };
    orders.close();
    house.stopping.send_replace(true);
    while work.join_next().await.is_some() {}
    let free = std::mem::take(&mut house.lock().free);
    end(free).await;
    // Those whose orders are dropped unread hear that all has stopped.
    drop(orders);
    // So that the folder goes with the last of those who asked.
    drop(house);
    if let Some(done) = stopped {
        let _caller_gone = done.send(());
    }
}

async fn end(instances: Vec<Instance>) {
    let mut ends = JoinSet::new();
    for instance in instances {
        ends.spawn(instance.stop());
    }
    while ends.join_next().await.is_some() {}
}

impl House {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.settings.clock.now()
    }

    async fn invoke(&self, job: Box<Job>, code: Arc<Code>) -> Result<Invoked, Failure> {
        let job = Arc::new(*job);
        if kind::supported(&job.runtime) == Some(Kind::Provided) && !has_bootstrap(&code) {
            return Ok(no_bootstrap(&job));
        }
        let mut stopping = self.stopping.subscribe();
        let place = tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => return Err(Failure::Stopped),
            place = self.place() => place?,
        };
        loop {
            let (mut instance, is_new) = match self.take(&job).await {
                Some(instance) => (instance, false),
                None => (self.start(&job, Arc::clone(&code)).await?, true),
            };
            let ran = tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => Err(Failure::Stopped),
                ran = instance.run(&self.settings, &job) => Ok(ran),
            };
            match ran {
                Ok(Ran::Answered(invoked)) => {
                    self.put_back(instance).await;
                    drop(place);
                    return Ok(invoked);
                }
                Ok(Ran::Last(invoked)) => {
                    instance.stop().await;
                    return Ok(invoked);
                }
                Ok(Ran::NotTaken) if !is_new => instance.stop().await,
                Ok(Ran::NotTaken) => {
                    instance.stop().await;
                    return Err(Failure::Start("it took no invocation".to_owned()));
                }
                Err(failure) => {
                    instance.stop().await;
                    return Err(failure);
                }
            }
        }
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let wait = Duration::from_millis(self.settings.queue_ms);
        match timeout(wait, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(Failure::Stopped),
            Err(_) => Err(Failure::Busy),
        }
    }

    /// A free process for the job. Ends those of the function that no job can be given to any more.
    async fn take(&self, job: &Job) -> Option<Instance> {
        let wanted = Fixed::of(job);
        let now = self.now();
        let (found, useless) = {
            let mut kept = self.lock();
            let generation = kept.generations.get(&job.function_arn).copied().unwrap_or_default();
            let (own, others) =
                std::mem::take(&mut kept.free).into_iter().partition::<Vec<_>, _>(|i| i.is_of(&job.function_arn));
            kept.free = others;
            let (mut good, useless) = own
                .into_iter()
                .partition::<Vec<_>, _>(|instance| instance.fixed == wanted && instance.generation == generation);
            let (mut good, tired) = {
                let mut tired = Vec::new();
                let mut able = Vec::new();
                for mut instance in good.drain(..) {
                    if instance.is_good(now, job.timeout_seconds) { able.push(instance) } else { tired.push(instance) }
                }
                (able, tired)
            };
            // The one that became free last: the others may then be idle long enough to be ended.
            let found = good.pop();
            kept.free.append(&mut good);
            (found, useless.into_iter().chain(tired).collect::<Vec<_>>())
        };
        end(useless).await;
        found
    }

    async fn start(&self, job: &Job, code: Arc<Code>) -> Result<Instance, Failure> {
        self.make_room().await;
        let generation = self.lock().generations.get(&job.function_arn).copied().unwrap_or_default();
        let program = kind::program(&self.settings, &job.runtime, &job.handler)?;
        Instance::start(&self.settings, &self.sandbox, &program, code, job, generation)
            .await
            .map_err(|error| Failure::Start(error.to_string()))
    }

    /// Ends the process that has been free longest when there are as many as there may be, one's own place included.
    async fn make_room(&self) {
        let working = self.settings.instances_max.saturating_sub(self.places.available_permits());
        let ended = {
            let mut kept = self.lock();
            let excess = (working + kept.free.len()).saturating_sub(self.settings.instances_max);
            let excess = excess.min(kept.free.len());
            kept.free.sort_by_key(|instance| instance.free_since);
            kept.free.drain(..excess).collect::<Vec<_>>()
        };
        end(ended).await;
    }

    async fn put_back(&self, mut instance: Instance) {
        instance.free_since = tokio::time::Instant::now();
        let refused = {
            let mut kept = self.lock();
            let generation =
                kept.generations.iter().find(|(arn, _)| instance.is_of(arn)).map_or(0, |(_, times)| *times);
            if instance.generation == generation && !*self.stopping.borrow() {
                kept.free.push(instance);
                None
            } else {
                Some(instance)
            }
        };
        end(refused.into_iter().collect()).await;
    }

    async fn retire(&self, function_arn: &str) {
        let ended = {
            let mut kept = self.lock();
            *kept.generations.entry(function_arn.to_owned()).or_default() += 1;
            let (own, others) =
                std::mem::take(&mut kept.free).into_iter().partition::<Vec<_>, _>(|i| i.is_of(function_arn));
            kept.free = others;
            own
        };
        end(ended).await;
    }

    /// Ends processes that have been free too long, whose credentials end, or that have ended themselves.
    async fn tidy(&self) {
        let now = self.now();
        let idle = Duration::from_millis(self.settings.idle_ms);
        let ended = {
            let mut kept = self.lock();
            let mut ended = Vec::new();
            for mut instance in std::mem::take(&mut kept.free) {
                if instance.free_since.elapsed() < idle && instance.is_good(now, 0) {
                    kept.free.push(instance);
                } else {
                    ended.push(instance);
                }
            }
            ended
        };
        end(ended).await;
        let codes = self.codes.idle(idle);
        // Removing what was unpacked may take a while.
        let _removed = tokio::task::spawn_blocking(move || drop(codes)).await;
    }
}

fn has_bootstrap(code: &Code) -> bool {
    std::fs::metadata(code.path().join("bootstrap"))
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}
