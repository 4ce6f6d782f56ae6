//! `strongroom audit deliver`: what a server that does not come back has left for the trail's sinks. Standard output may be
//! one of them, so what became of it is told on standard error.

use std::error::Error;
use std::sync::Arc;

use strongroom_server::sinks::deliver;
use strongroom_types::{Clock, SystemClock};

use crate::offline::DataArgs;
use crate::process;

/// Sends it, and prints what became of it.
///
/// # Errors
/// When a server runs on the data, or a sink has not got all.
pub fn run(args: &DataArgs) -> Result<(), Box<dyn Error>> {
    process::forbid_core_dumps()?;
    let config = args.settings()?;
    if config.audit.sinks.is_empty() {
        return Err("the configuration names no sinks: audit.sinks".into());
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut left = 0_u32;
    for sink in runtime.block_on(deliver(&config, &clock))? {
        match sink.failed {
            None => eprintln!("{}: has all, {} records of them now", sink.name, sink.records),
            Some(why) => {
                left += 1;
                eprintln!("{}: got {} records, and then no more: {why}", sink.name, sink.records);
            }
        }
    }
    match left {
        0 => Ok(()),
        _ => Err("not all sinks have all records; what they have got is remembered".into()),
    }
}
