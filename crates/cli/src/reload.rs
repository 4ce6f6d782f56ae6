//! Reads the settings again when the server is told to by a hang-up signal, and has it take what can be taken.

use std::error::Error;
use std::sync::Arc;

use strongroom_server::app::App;
use strongroom_server::config::Config;
use strongroom_server::reload;
use tokio::signal::unix::Signal;
use tracing::{info, warn};

use crate::log::Log;

/// How the settings are read, once more.
pub type Settings = Box<dyn Fn() -> Result<Config, Box<dyn Error>> + Send>;

/// What it takes to read the settings again.
pub struct Again {
    /// Those that the server runs with.
    pub running: Config,
    /// The log, whose level can be changed.
    pub log: Log,
    /// How they are read.
    pub settings: Settings,
}

impl Again {
    /// Reads them again at each signal, for ever.
    pub async fn at_each(mut self, mut signal: Signal, app: Arc<App>) {
        while signal.recv().await.is_some() {
            let read = (self.settings)().map_err(|error| error.to_string());
            match read {
                Ok(new) => self.take(new, &app),
                Err(error) => warn!(%error, "the configuration is not taken, the settings stay as they are"),
            }
        }
    }

    fn take(&mut self, new: Config, app: &App) {
        reload::take(app, &new);
        self.log.set_level(new.log.level);
        let left = reload::left(&self.running, &new);
        info!("the configuration was read again");
        if !left.is_empty() {
            warn!(settings = left.join(", "), "settings were changed that take a start of the server");
        }
        // Of these the server goes on with what it was started with.
        (self.running.log.level, self.running.metrics.networks) = (new.log.level, new.metrics.networks);
    }
}
