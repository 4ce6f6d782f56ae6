//! Lambda functions in processes of their own: unpacked, started on demand, isolated, kept warm, and asked over the Lambda
//! Runtime API.
//!
//! A function's process gets its invocations from a listener on loopback that is its own, through the client that AWS
//! publishes for its language, or through the function's own `bootstrap`. All processes are started by one thread, which
//! lives as long as [`Runtimes`]: the kernel ends a process when the thread that started it ends.
//!
//! See AWS's description of the Runtime API:
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

mod api;
mod code;
mod environment;
mod house;
mod instance;
mod job;
mod kind;
mod launcher;
mod log;
mod process;
mod processes;
mod sandbox;
mod settings;
mod texts;

pub use house::Runtimes;
pub use job::{CodeSource, Credentials, Invoked, Job};
pub use kind::{Kind, supported};
pub use launcher::launch;
pub use settings::{Failure, Isolation, Settings, User};
