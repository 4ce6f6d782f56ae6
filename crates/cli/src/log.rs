//! The server's log on the standard error: in which form, and how much of it.
//!
//! Only Strongroom's own lines are written below the level `warn`: libraries say more than may be in a log, such as the
//! headers of requests.

use std::error::Error;
use std::io::{self, IsTerminal as _};

use strongroom_server::config::{LogConfig, LogFormat, LogLevel};
use tracing::Level;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, fmt};

/// What the targets of Strongroom's own lines begin with.
const OWN: &str = "strongroom";
/// The variable that wins over the configuration's level.
const VARIABLE: &str = "STRONGROOM_LOG";

/// Changes the level while the server runs.
pub struct Log {
    filter: Handle<EnvFilter, Registry>,
}

impl Log {
    /// Begins the log of this process.
    ///
    /// # Errors
    /// When there is one already.
    pub fn begin(config: &LogConfig) -> Result<Self, Box<dyn Error>> {
        let (filter, handle) = reload::Layer::new(filter(config.level));
        let own = filter_fn(|line| line.target().starts_with(OWN) || *line.level() <= Level::WARN)
            .with_max_level_hint(LevelFilter::TRACE);
        let lines = fmt::layer().with_writer(io::stderr).with_target(false);
        let lines = match config.format {
            LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).boxed(),
            LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
        };
        tracing_subscriber::registry().with(lines.with_filter(filter.and(own))).try_init()?;
        Ok(Self { filter: handle })
    }

    /// Has lines from this level on written, unless the variable of the environment says otherwise.
    pub fn set_level(&self, level: LogLevel) {
        // Fails when the log has ended with the process.
        let _ = self.filter.reload(filter(level));
    }
}

fn filter(level: LogLevel) -> EnvFilter {
    EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(level.as_str()))
}
