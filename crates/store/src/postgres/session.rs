//! One connection to the database: how it is made and settled, its prepared statements, statements sent together.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use strongroom_crypto::digest::hex;
use strongroom_crypto::{Random, random};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Connection, Row, Socket, Statement};

use super::config::PostgresConfig;
use super::failure::Trouble;
use super::sql::Sql;
use super::target::{Standing, Target};
use super::tls::Secured;
use crate::api::StoreError;

/// Parameters of a statement.
pub(super) type Values<'a> = Vec<&'a (dyn ToSql + Sync)>;
/// A statement under way.
pub(super) type Sent<'a, T> = Pin<Box<dyn Future<Output = Result<T, tokio_postgres::Error>> + Send + 'a>>;

/// Which system speaks PostgreSQL's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum System {
    Postgres,
    Yugabyte,
    Cockroach,
}

impl System {
    /// By what it says of its version.
    fn of(version: &str) -> Self {
        if version.contains("CockroachDB") {
            Self::Cockroach
        } else if version.contains("-YB-") {
            Self::Yugabyte
        } else {
            Self::Postgres
        }
    }
}

/// What all connections of a store have in common.
pub(super) struct Database {
    pub(super) target: Arc<Target>,
    pub(super) runtime: Handle,
    pub(super) schema: String,
    /// This node's name, by which it knows its own changes.
    pub(super) node: [u8; 16],
    pub(super) connect: Duration,
    pub(super) statement: Duration,
    pub(super) commit: Duration,
    pub(super) idle: Duration,
    /// Does without notifications.
    pub(super) plain: bool,
    /// Told when another node tells of changes.
    pub(super) news: Arc<Notify>,
    /// The latest of the database's timelines that a connection found: each primary that takes another's place begins one.
    timeline: AtomicU32,
}

/// A connection.
pub(super) struct Session {
    client: Client,
    standing: Standing,
    pub(super) system: System,
    statement: Duration,
    commit: Duration,
    schema: String,
    prepared: HashMap<Sql, Statement>,
    /// Whether it is in a transaction that nobody else may get into.
    occupied: AtomicBool,
    timeline: u32,
}

impl Database {
    /// The database of `config`; `random` names the node. Its tasks run on the runtime that this is called on.
    ///
    /// # Errors
    /// When there is no runtime, or the settings name no database.
    pub(super) fn of(config: &PostgresConfig, random: &dyn Random) -> Result<Self, StoreError> {
        let no_runtime = |_| StoreError::Unavailable("there is no runtime here".to_owned());
        Ok(Self {
            target: Arc::new(config.target()?),
            runtime: Handle::try_current().map_err(no_runtime)?,
            schema: config.schema.clone(),
            node: random::bytes(random)?,
            connect: Duration::from_millis(config.connect_ms_max.max(1)),
            statement: Duration::from_millis(config.statement_ms_max.max(1)),
            commit: Duration::from_millis(config.commit_ms_max.max(1)),
            idle: Duration::from_millis(config.idle_ms_max.max(1)),
            plain: config.plain,
            news: Arc::new(Notify::new()),
            timeline: AtomicU32::new(0),
        })
    }

    /// A new connection with `statements` prepared.
    pub(super) async fn connect(&self, statements: &[Sql]) -> Result<Session, Trouble> {
        let mut session = timeout(self.connect, self.log_in()).await.map_err(|_| Trouble::too_slow("a login"))??;
        let texts: Vec<String> = statements.iter().map(|sql| sql.text(&self.schema)).collect();
        let client = &session.client;
        let preparing = texts.iter().map(|text| Box::pin(client.prepare(text)) as Sent<'_, Statement>);
        let prepared = within(self.connect, "statements", all(preparing.collect())).await?;
        session.prepared = statements.iter().copied().zip(prepared).collect();
        Ok(session)
    }

    async fn log_in(&self) -> Result<Session, Trouble> {
        let (client, connection, place) = self.target.log_in(&self.runtime).await?;
        let own = channel_payload(&self.node);
        self.runtime.spawn(drive(connection, Arc::clone(&self.news), own));
        let rows = client.query("SELECT version()", &[]).await?;
        let version: String = rows.first().map_or(Ok(String::new()), |row| row.try_get(0))?;
        let system = System::of(&version);
        client.batch_execute(&self.settings(system)).await?;
        let timeline = if system == System::Postgres { timeline(&client).await } else { 0 };
        let latest = self.timeline.fetch_max(timeline, Ordering::SeqCst);
        if 0 < timeline && timeline < latest {
            self.target.pass_over();
            return Err(Trouble::displaced(timeline, latest));
        }
        let standing = self.target.stands(place);
        let (statement, commit, schema) = (self.statement, self.commit, self.schema.clone());
        let (prepared, occupied) = (HashMap::new(), AtomicBool::new(false));
        Ok(Session { client, standing, system, statement, commit, schema, prepared, occupied, timeline })
    }

    /// What a session is set to. A node that stops in the middle of a transaction must not hold up the others, and an
    /// answered commit must be on disk, whatever the database's own settings are.
    fn settings(&self, system: System) -> String {
        let (statement, lock) = (self.statement.as_millis(), self.commit.as_millis());
        let idle = self.idle.as_millis();
        let mut settings = format!(
            "SET statement_timeout = '{statement}ms'; SET idle_in_transaction_session_timeout = '{idle}ms'; \
             SET lock_timeout = '{lock}ms';"
        );
        if system == System::Postgres {
            // Statements over lists are planned before the lists are known: each row by its key is always right.
            settings.push_str(
                "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
                 SET client_min_messages = 'warning'; SET search_path = pg_catalog; \
                 SELECT pg_catalog.set_config('synchronous_commit', 'on', false) \
                 WHERE pg_catalog.current_setting('synchronous_commit') IN ('off', 'local');",
            );
        }
        settings
    }
}

/// What a node adds to its news, so that it does not wake itself.
pub(super) fn channel_payload(node: &[u8; 16]) -> String {
    hex(node)
}

/// Moves a connection's bytes until it ends.
async fn drive(mut connection: Connection<Socket, Secured>, news: Arc<Notify>, own: String) {
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(told))) if told.payload() != own => news.notify_one(),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => break,
        }
    }
    // Whoever waits for news on it looks after it.
    news.notify_one();
}

/// The timeline that the server of a connection writes; zero when it does not tell.
async fn timeline(client: &Client) -> u32 {
    let sql = "SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery()
               THEN pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()) END";
    let rows = client.query(sql, &[]).await.unwrap_or_default();
    let name: Option<String> = rows.first().and_then(|row| row.try_get(0).ok().flatten());
    name.as_deref().and_then(|name| u32::from_str_radix(name.get(..8)?, 16).ok()).unwrap_or(0)
}

impl Database {
    /// Whether a session may be used: it is not closed, and its server is not known to have been replaced as the primary,
    /// which it may not have noticed itself and then tells what is no more.
    pub(super) fn is_of_use(&self, session: &Session) -> bool {
        !session.is_closed() && (session.timeline == 0 || session.timeline >= self.timeline.load(Ordering::SeqCst))
    }

    /// How a transaction that writes begins. READ COMMITTED is enough, as all of them lock and change the same row.
    pub(super) fn begin(&self) -> &'static str {
        if self.plain { "BEGIN ISOLATION LEVEL SERIALIZABLE" } else { "BEGIN ISOLATION LEVEL READ COMMITTED" }
    }

    /// Whether a node tells the others of its commits over `session`'s system.
    pub(super) fn tells(&self, session: &Session) -> bool {
        session.system == System::Postgres && !self.plain
    }
}

impl Session {
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed() || self.standing.is_over()
    }

    /// Notes whether it is in a transaction that nobody else may get into.
    pub(super) fn occupy(&self, occupied: bool) {
        self.occupied.store(occupied, Ordering::SeqCst);
    }

    pub(super) fn is_occupied(&self) -> bool {
        self.occupied.load(Ordering::SeqCst)
    }

    /// A statement that was prepared, for [`all`].
    pub(super) fn send<'a>(&'a self, sql: Sql, values: Values<'a>) -> Sent<'a, Vec<Row>> {
        match self.prepared.get(&sql) {
            Some(statement) => Box::pin(async move { self.client.query(statement, &values).await }),
            // Slower, but as right.
            None => Box::pin(async move { self.client.query(&sql.text(&self.schema), &values).await }),
        }
    }

    /// A statement without parameters, for [`all`].
    pub(super) fn send_text<'a>(&'a self, text: &'a str) -> Sent<'a, Vec<Row>> {
        Box::pin(async move { self.client.batch_execute(text).await.map(|()| Vec::new()) })
    }

    /// As [`Session::send_text`], for what may fail without anybody's harm.
    pub(super) fn send_news<'a>(&'a self, text: &'a str) -> Sent<'a, Vec<Row>> {
        Box::pin(async move {
            // A transaction that it leaves open is ended by the next one's first error.
            let _ = self.client.batch_execute(text).await;
            Ok(Vec::new())
        })
    }

    async fn within<T>(
        &self,
        limit: Duration,
        what: &str,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Trouble> {
        tokio::select! {
            biased;
            done = within(limit, what, work) => done,
            () = self.standing.over() => Err(Trouble::moved()),
        }
    }

    /// The rows of a statement that was prepared.
    pub(super) async fn rows(&self, sql: Sql, values: Values<'_>) -> Result<Vec<Row>, Trouble> {
        self.within(self.statement, "a statement", self.send(sql, values)).await
    }

    /// The rows of a statement that is rarely needed.
    pub(super) async fn ask(&self, text: &str, values: Values<'_>) -> Result<Vec<Row>, Trouble> {
        self.within(self.statement, "a statement", self.client.query(text, &values)).await
    }

    /// Statements without parameters, one after the other.
    pub(super) async fn run(&self, text: &str) -> Result<(), Trouble> {
        self.within(self.statement, "a statement", self.client.batch_execute(text)).await
    }

    /// Several statements, sent together and carried out one after the other.
    pub(super) async fn flight(&self, sent: Vec<Sent<'_, Vec<Row>>>) -> Result<Vec<Vec<Row>>, Trouble> {
        self.within(self.commit, "statements", all(sent)).await
    }
}

async fn within<T>(
    limit: Duration,
    what: &str,
    work: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Trouble> {
    // The database's own limit comes first, as it tells more.
    let limit = limit.saturating_add(Duration::from_secs(2));
    Ok(timeout(limit, work).await.map_err(|_| Trouble::too_slow(what))??)
}

/// A statement that was sent, until its answer is there.
enum Place<'a, T> {
    Open(Sent<'a, T>),
    Done(Result<T, tokio_postgres::Error>),
}

/// Sends all of `futures` in their order without a wait in between, and waits for all answers. The first error in that
/// order, which is the one that the others follow from.
async fn all<T: Send + Unpin>(futures: Vec<Sent<'_, T>>) -> Result<Vec<T>, tokio_postgres::Error> {
    let mut places: Vec<Place<'_, T>> = futures.into_iter().map(Place::Open).collect();
    poll_fn(move |context| {
        let mut open = false;
        for place in &mut places {
            let Place::Open(pending) = place else { continue };
            match pending.as_mut().poll(context) {
                Poll::Ready(done) => *place = Place::Done(done),
                Poll::Pending => open = true,
            }
        }
        if open {
            return Poll::Pending;
        }
        let answers = places.drain(..).filter_map(|place| match place {
            Place::Done(answer) => Some(answer),
            Place::Open(_) => None,
        });
        Poll::Ready(answers.collect())
    })
    .await
}

/// The name of the channel of news, which is that of the schema.
pub(super) fn channel(schema: &str) -> String {
    format!("{schema}_changes")
}

/// The error of a store whose schema is of a later release.
pub(super) fn newer(floor: i64, known: i64) -> StoreError {
    StoreError::Unavailable(format!(
        "its schema needs a release that knows number {floor}; this release knows up to number {known}"
    ))
}
