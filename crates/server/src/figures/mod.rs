//! The server's figures, and how they are told: `GET /metrics`, in a text form that Prometheus reads.
//!
//! Each part of the server has a struct of its own figures, which are registered here by name. They have no labels that
//! tell of secrets or callers; accounts are told apart up to a bound. Whoever may fetch them is known by address alone.

mod accounts;
mod backups;
mod connections;
mod family;
mod inspection;
pub(crate) mod looks;
mod process;
mod requests;
mod sample;

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::HeaderMap;
use http::header::ACCEPT;
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;

use crate::app::App;
use crate::config::{Config, MetricsConfig, Network, RootConfig};
use crate::events::EventFigures;
use crate::front::Answer;
use crate::sinks::SinkFigures;

pub(crate) use accounts::Row;
pub(crate) use backups::BackupFigures;
pub use connections::ConnectionFigures;
use inspection::InspectionFigures;
use looks::Looks;
pub(crate) use requests::{FAULT, RequestFigures};

/// The media type of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text";
/// What the names of Strongroom's own figures begin with.
const PREFIX: &str = "strongroom";

/// The form in which figures are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The text form of Prometheus, version 0.0.4.
    Prometheus,
}

impl Form {
    /// The form that a request with these headers asks for: that of Prometheus, unless it names the other.
    pub(crate) fn asked_for(headers: &HeaderMap) -> Self {
        let mut accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        if accepted.any(|value| value.contains(OPEN_METRICS)) { Self::OpenMetrics } else { Self::Prometheus }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// All figures.
#[derive(Debug)]
pub(crate) struct Figures {
    registry: Registry,
    pub(crate) requests: Arc<RequestFigures>,
    pub(crate) backups: BackupFigures,
    pub(crate) sinks: SinkFigures,
    pub(crate) events: EventFigures,
    pub(crate) connections: Arc<ConnectionFigures>,
    pub(crate) inspection: InspectionFigures,
    pub(crate) looks: Looks,
    /// The kind of the root of trust that wraps new keys.
    root_kind: &'static str,
    /// How old the newest backup and the last proven restore may be, in ms, where backups are taken.
    ages_ms_max: [Option<i64>; 2],
    /// Who may fetch them, when anybody may.
    readers: ArcSwap<Vec<Network>>,
}

impl Figures {
    /// The figures of a server with these settings.
    pub(crate) fn new(config: &Config) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let requests = Arc::new(RequestFigures::new(config.has_figures(), config.metrics.accounts_max));
        registry.register_collector(Box::new(Arc::clone(&requests)));
        let backups = BackupFigures::default();
        backups.register(&mut registry);
        let sinks = SinkFigures::default();
        sinks.register(&mut registry);
        let events = EventFigures::default();
        events.register(&mut registry);
        Self {
            registry,
            requests,
            backups,
            sinks,
            events,
            connections: Arc::default(),
            inspection: InspectionFigures::default(),
            looks: Looks::new(config),
            ages_ms_max: if config.backup.is_on() {
                [config.backup.age_ms_max(), config.backup.proven_ms_max()]
            } else {
                [None, None]
            },
            readers: ArcSwap::from_pointee(readers(&config.metrics)),
            root_kind: config.roots.first().map_or("none", RootConfig::kind),
        }
    }

    /// Has those that `config` names fetch them from now on.
    pub(crate) fn set_readers(&self, config: &MetricsConfig) {
        self.readers.store(Arc::new(readers(config)));
    }

    /// Whether somebody at this address may fetch them.
    pub(crate) fn may_be_fetched_from(&self, address: IpAddr) -> bool {
        self.readers.load().iter().any(|network| network.contains(address))
    }

    /// What is answered to whoever may fetch them.
    pub(crate) fn answer(&self, app: &App, form: Form) -> Answer {
        match self.text(app, form) {
            Some(text) => Answer::of(200, form.content_type(), text.into_bytes()),
            None => Answer::of(500, "text/plain", Vec::new()),
        }
    }

    /// All figures as they are now.
    pub(crate) fn text(&self, app: &App, form: Form) -> Option<String> {
        let mut text = String::new();
        let (own, process) = sample::registries(app);
        for registry in [&self.registry, &own, &process] {
            let written = match form {
                Form::OpenMetrics => text::encode_registry(&mut text, registry),
                Form::Prometheus => prometheus_text::encode(&mut text, registry),
            };
            written.ok()?;
        }
        if form == Form::OpenMetrics {
            text::encode_eof(&mut text).ok()?;
        }
        Some(text)
    }
}

fn readers(config: &MetricsConfig) -> Vec<Network> {
    if config.enabled { config.networks.clone() } else { Vec::new() }
}

#[cfg(test)]
mod tests;
