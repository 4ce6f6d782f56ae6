//! The place that the settings name.

use std::sync::Arc;
use std::time::Duration;

use strongroom_client::Trust;
use strongroom_places::{Bucket, BucketSettings, Directory, Place};
use strongroom_types::Clock;

use super::BackupsError;
use crate::config::Config;

/// The place that `config` names; none when it names none. Nothing is asked of it yet.
///
/// # Errors
/// When the settings of a bucket cannot be used.
pub fn place(config: &Config, clock: &Arc<dyn Clock>) -> Result<Option<Arc<dyn Place>>, BackupsError> {
    if let Some(directory) = &config.backup.directory {
        return Ok(Some(Arc::new(Directory::new(directory))));
    }
    let Some(settings) = config.backup.s3.clone() else { return Ok(None) };
    let trust = match &settings.ca_file {
        Some(path) => Trust::pem(std::fs::read(path).map_err(super::at(path))?),
        None => Trust::system(),
    };
    let region = settings.region.as_ref().unwrap_or(&config.account.region);
    let bucket = BucketSettings {
        url: settings.url.clone(),
        region: region.as_str().to_owned(),
        bucket: settings.bucket.clone(),
        prefix: settings.prefix.clone(),
        trust,
        time: Duration::from_millis(settings.time_ms_max),
        clock: Arc::clone(clock),
        key: Arc::new(move || settings.credentials()),
    };
    let bucket = Bucket::open(bucket).map_err(|error| BackupsError::Fault(format!("backup.s3: {error}")))?;
    Ok(Some(Arc::new(bucket)))
}
