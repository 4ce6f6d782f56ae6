//! Tests of the port with a toy endpoint on a free loopback port, by raw bytes and by a real HTTP client.

mod http1;
mod http2;
mod limits;
mod stop;
mod tls;
mod toy;
