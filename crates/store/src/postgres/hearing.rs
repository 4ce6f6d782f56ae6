//! Hearing of other nodes' changes: a connection of its own that listens where the database can tell, and looks anyway.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::failure::{Trouble, column};
use super::session::{Database, Session, channel};
use super::sql::{HEARS, Sql};
use super::teller::{ChangeRow, Shared};
use crate::reading::number;

/// Changes that are read at once.
const CHANGES_MAX: i64 = 1000;

/// What is needed to hear.
pub(super) struct Hearing {
    pub(super) database: Arc<Database>,
    pub(super) shared: Arc<Shared>,
    pub(super) poll: Duration,
}

impl Hearing {
    /// Hears until the store is closed.
    pub(super) async fn run(self) {
        let (mut session, mut away) = (None, false);
        while !self.shared.closing.load(Ordering::SeqCst) {
            let began = Instant::now();
            match self.hear(&mut session).await {
                Ok(all) => {
                    if away {
                        tracing::info!("changes of other nodes are heard of again");
                    }
                    away = false;
                    if all {
                        self.shared.heard(began);
                    }
                }
                Err(trouble) => {
                    if !away {
                        tracing::warn!(error = %trouble.error, "changes of other nodes are not heard of");
                    }
                    (session, away) = (None, true);
                }
            }
            if session.is_none() {
                // A connection that ends at once must not be made anew in a circle.
                sleep(self.poll).await;
            } else {
                // News come sooner than the next look, or not at all.
                let _ = timeout(self.poll, self.database.news.notified()).await;
            }
        }
    }

    /// One look. Whether everything that was committed before it was told.
    async fn hear(&self, session: &mut Option<Session>) -> Result<bool, Trouble> {
        if !session.as_ref().is_some_and(|session| self.database.is_of_use(session)) {
            *session = Some(self.listen().await?);
        }
        let Some(session) = session.as_ref() else { return Ok(false) };
        look(session, &self.shared).await
    }

    async fn listen(&self) -> Result<Session, Trouble> {
        let session = self.database.connect(&HEARS).await?;
        if self.database.tells(&session) {
            session.run(&format!("LISTEN {}", channel(&self.database.schema))).await?;
        }
        Ok(session)
    }
}

/// The number of the last commit, and its mark.
async fn head(session: &Session, shared: &Shared) -> Result<(u64, Option<Vec<u8>>), Trouble> {
    let rows = session.rows(Sql::Head, vec![]).await?;
    let head = rows.first().ok_or_else(|| Trouble::damaged("its head is gone"))?;
    shared.note_floor(column(head, 1)?)?;
    Ok((number(column(head, 0)?)?, column(head, 2)?))
}

/// Tells of everything that was committed before this. False when a commit of this node's own is in the way.
async fn look(session: &Session, shared: &Shared) -> Result<bool, Trouble> {
    let (last, mark) = head(session, shared).await?;
    loop {
        let told = shared.told_sequence();
        if told == last {
            shared.confirm(last, mark.as_ref());
            return Ok(true);
        }
        if told > last {
            // Told by the writer meanwhile, or an older store in place of the one that was there.
            let (now, mark) = head(session, shared).await?;
            if now < told {
                return Ok(shared.skip_to(now, mark.as_ref()));
            }
            shared.confirm(now, mark.as_ref());
            return Ok(true);
        }
        let after = i64::try_from(told).unwrap_or(i64::MAX);
        let rows = ChangeRow::of(&session.rows(Sql::Changes, vec![&after, &CHANGES_MAX]).await?)?;
        if rows.iter().all(|row| row.sequence() <= told) {
            return Ok(shared.skip_to(last, mark.as_ref()));
        }
        if !shared.tell(&rows) {
            return Ok(false);
        }
    }
}
