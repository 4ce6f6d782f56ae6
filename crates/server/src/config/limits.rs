//! Limits of the port: sizes, counts and times, each with its unit last.

use serde::{Deserialize, Serialize};

use super::Problems;

/// Sizes, counts and times that the port keeps. Every value is a bound: nothing waits or grows without one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Bytes of a request's head: request line and headers together; decoded headers on HTTP/2. Above it: 431.
    pub header_bytes_max: u32,
    /// Number of header fields of a request. Above it: 431.
    pub header_count_max: u32,
    /// Bytes of a request's body. Above it: 413 `RequestEntityTooLargeException`. A secret of 64 KiB is 384 KiB
    /// when every character is escaped, a binary one 88 KiB in base64.
    pub body_bytes_max: u32,
    /// Bytes of a body over the limit that are read and thrown away, so that the client sees the answer and not a
    /// broken connection. Beyond, the connection is closed.
    pub body_drain_bytes_max: u32,
    /// Bytes of request bodies and of answers not yet taken by their clients that all connections hold together,
    /// beside 16 KiB of each connection. Above it: 503, which AWS's clients try again.
    pub bodies_bytes_max: u64,
    /// Connections open at one time. When reached, a new one takes the place of the one that has been idle for longest;
    /// when none is idle, new ones wait in the operating system's queue until one closes or falls idle.
    /// Keep it below the limit of open files.
    pub connections_max: u32,
    /// Connections open at one time from one address; further ones are closed at once. No such bound when absent.
    /// Behind a proxy all clients share the proxy's address.
    pub connections_per_peer_max: Option<u32>,
    /// Time for the TLS handshake.
    pub tls_handshake_ms_max: u64,
    /// Time from a request's first byte (on a new connection: from its opening) to the end of its head.
    pub header_read_ms_max: u64,
    /// Time from the end of a request's head to the end of its body. Above it: 408.
    pub body_read_ms_max: u64,
    /// Time for carrying out a request. Above it the client gets 503, while the work is brought to its end.
    pub request_ms_max: u64,
    /// Time that a connection may stay open between two requests.
    pub idle_ms_max: u64,
    /// Time within which a client must take an answer whole. Above it the connection is cut.
    pub answer_write_ms_max: u64,
    /// Requests under way at one time on one HTTP/2 connection.
    pub h2_streams_max: u32,
    /// Requests without a valid signature, or with a token that is not good, that are looked into for each source address
    /// (IPv6: each network of 48 bits) and minute. Above it: `ThrottlingException`. 0 for any number. Behind a proxy that
    /// is not in `listen.trusted_proxies` all clients are one source.
    pub sign_in_failures_per_minute_max: u32,
    /// Time for requests under way to finish when the server is told to stop.
    pub shutdown_ms_max: u64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            header_bytes_max: 16 * 1024,
            header_count_max: 100,
            body_bytes_max: 1024 * 1024,
            body_drain_bytes_max: 8 * 1024 * 1024,
            bodies_bytes_max: 256 * 1024 * 1024,
            connections_max: 900,
            connections_per_peer_max: None,
            tls_handshake_ms_max: 10_000,
            header_read_ms_max: 10_000,
            body_read_ms_max: 30_000,
            request_ms_max: 60_000,
            idle_ms_max: 120_000,
            answer_write_ms_max: 60_000,
            h2_streams_max: 128,
            sign_in_failures_per_minute_max: 600,
            shutdown_ms_max: 20_000,
        }
    }
}

/// The longest time that any limit may be set to: one day.
const TIME_MS_MAX: u64 = 86_400_000;

impl LimitsConfig {
    pub(super) fn check(&self, problems: &mut Problems) {
        let mut within = |key, value: u64, least, most| problems.range("limits", key, value, least, most);
        within("header_bytes_max", self.header_bytes_max.into(), 256, 256 * 1024);
        within("header_count_max", self.header_count_max.into(), 1, 1000);
        within("body_bytes_max", self.body_bytes_max.into(), 1024, 64 * 1024 * 1024);
        within("body_drain_bytes_max", self.body_drain_bytes_max.into(), 0, 1024 * 1024 * 1024);
        within("bodies_bytes_max", self.bodies_bytes_max, self.body_bytes_max.into(), 64 * 1024 * 1024 * 1024);
        within("connections_max", self.connections_max.into(), 1, 1_000_000);
        within("connections_per_peer_max", self.connections_per_peer_max.unwrap_or(1).into(), 1, 1_000_000);
        within("h2_streams_max", self.h2_streams_max.into(), 1, 10_000);
        within("sign_in_failures_per_minute_max", self.sign_in_failures_per_minute_max.into(), 0, 1_000_000);
        for (key, time_ms) in [
            ("tls_handshake_ms_max", self.tls_handshake_ms_max),
            ("header_read_ms_max", self.header_read_ms_max),
            ("body_read_ms_max", self.body_read_ms_max),
            ("request_ms_max", self.request_ms_max),
            ("idle_ms_max", self.idle_ms_max),
            ("answer_write_ms_max", self.answer_write_ms_max),
            ("shutdown_ms_max", self.shutdown_ms_max),
        ] {
            within(key, time_ms, 1, TIME_MS_MAX);
        }
    }
}
