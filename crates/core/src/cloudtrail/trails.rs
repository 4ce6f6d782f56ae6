//! What CloudTrail says of trails: there is one, which every account sees as its own, and which nobody can stop.

use strongroom_types::Timestamp;
use strongroom_wire::cloudtrail::errors::{
    CLOUD_TRAIL_ARN_INVALID_EXCEPTION, INVALID_TRAIL_NAME_EXCEPTION, TRAIL_NOT_FOUND_EXCEPTION,
};
use strongroom_wire::cloudtrail::{
    DescribeTrailsRequest, DescribeTrailsResponse, EventSelector, GetEventSelectorsRequest, GetEventSelectorsResponse,
    GetTrailRequest, GetTrailResponse, GetTrailStatusRequest, GetTrailStatusResponse, ListTrailsRequest,
    ListTrailsResponse, ReadWriteType, Trail, TrailInfo,
};

use super::{CloudTrail, TRAIL_NAME, times};
use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::evidence::Notary;
use crate::trail::iso;

/// Characters of a trail's name.
const NAME: std::ops::RangeInclusive<usize> = 3..=128;

/// The ARN of the caller's trail.
fn arn(cx: &Ctx) -> String {
    format!("arn:aws:cloudtrail:{}:{}:trail/{TRAIL_NAME}", cx.region.as_str(), cx.caller.account)
}

fn trail(cx: &Ctx) -> Trail {
    Trail {
        name: Some(TRAIL_NAME.to_owned()),
        // The root user, IAM and STS are in it.
        include_global_service_events: Some(true),
        is_multi_region_trail: Some(false),
        home_region: Some(cx.region.as_str().to_owned()),
        trail_arn: Some(arn(cx)),
        // The digests.
        log_file_validation_enabled: Some(true),
        has_custom_event_selectors: Some(false),
        has_insight_selectors: Some(false),
        is_organization_trail: Some(false),
        ..Trail::default()
    }
}

impl CloudTrail {
    /// The ARN that a request's name of a trail stands for: a name, or an ARN itself.
    ///
    /// # Errors
    /// InvalidTrailNameException, CloudTrailARNInvalidException.
    pub fn arn_of(&self, cx: &Ctx, name: &str) -> Result<String, Error> {
        if name.starts_with("arn:") {
            let parts: Vec<&str> = name.splitn(6, ':').collect();
            return match parts.as_slice() {
                [_, _, "cloudtrail", _, _, trail] if trail.starts_with("trail/") => Ok(name.to_owned()),
                _ => {
                    let text = format!("The ARN {name} is not that of a trail.");
                    Err(Error::refused(CLOUD_TRAIL_ARN_INVALID_EXCEPTION, text))
                }
            };
        }
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if !NAME.contains(&name.len()) || !name.bytes().all(legal) {
            let text = format!(
                "Trail name {name} is not valid: it must have from 3 to 128 letters, numbers, periods, underscores and dashes."
            );
            return Err(Error::refused(INVALID_TRAIL_NAME_EXCEPTION, text));
        }
        Ok(format!("arn:aws:cloudtrail:{}:{}:trail/{name}", cx.region.as_str(), cx.caller.account))
    }

    /// That the permit's trail is the one that there is.
    fn found(cx: &Ctx, permit: &Permit) -> Result<(), Error> {
        let asked = permit.arn(cx);
        if asked == arn(cx) {
            return Ok(());
        }
        let text = format!("Unknown trail: {asked} for the user: {}", cx.caller.account);
        Err(Error::refused(TRAIL_NOT_FOUND_EXCEPTION, text))
    }

    /// DescribeTrails.
    ///
    /// # Errors
    /// As [`CloudTrail::arn_of`], for any of the names.
    pub async fn describe_trails(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        input: DescribeTrailsRequest,
    ) -> Result<DescribeTrailsResponse, Error> {
        let names = input.trail_name_list.unwrap_or_default();
        let mut wanted = names.is_empty();
        for name in &names {
            wanted |= self.arn_of(cx, name)? == arn(cx);
        }
        Ok(DescribeTrailsResponse { trail_list: Some(wanted.then(|| trail(cx)).into_iter().collect()) })
    }

    /// GetTrail.
    ///
    /// # Errors
    /// TrailNotFoundException.
    pub async fn get_trail(
        &self,
        cx: &Ctx,
        permit: &Permit,
        _input: GetTrailRequest,
    ) -> Result<GetTrailResponse, Error> {
        Self::found(cx, permit)?;
        Ok(GetTrailResponse { trail: Some(trail(cx)) })
    }

    /// ListTrails.
    ///
    /// # Errors
    /// None now.
    pub async fn list_trails(
        &self,
        cx: &Ctx,
        _permit: &Permit,
        _input: ListTrailsRequest,
    ) -> Result<ListTrailsResponse, Error> {
        let info = TrailInfo {
            trail_arn: Some(arn(cx)),
            name: Some(TRAIL_NAME.to_owned()),
            home_region: Some(cx.region.as_str().to_owned()),
        };
        Ok(ListTrailsResponse { trails: Some(vec![info]), next_token: None })
    }

    /// GetEventSelectors: all management events, and no others.
    ///
    /// # Errors
    /// TrailNotFoundException.
    pub async fn get_event_selectors(
        &self,
        cx: &Ctx,
        permit: &Permit,
        _input: GetEventSelectorsRequest,
    ) -> Result<GetEventSelectorsResponse, Error> {
        Self::found(cx, permit)?;
        let selector = EventSelector {
            read_write_type: Some(ReadWriteType::All),
            include_management_events: Some(true),
            data_resources: Some(Vec::new()),
            exclude_management_event_sources: Some(Vec::new()),
        };
        Ok(GetEventSelectorsResponse {
            trail_arn: Some(arn(cx)),
            event_selectors: Some(vec![selector]),
            advanced_event_selectors: None,
        })
    }

    /// GetTrailStatus, of the trail of the server that answers.
    ///
    /// # Errors
    /// TrailNotFoundException; faults of the trail.
    pub async fn get_trail_status(
        &self,
        cx: &Ctx,
        permit: &Permit,
        _input: GetTrailStatusRequest,
        notary: &Notary,
    ) -> Result<GetTrailStatusResponse, Error> {
        Self::found(cx, permit)?;
        let (digest, oldest) = times(notary, &self.segments).await?;
        let written = self.segments.written_at();
        let started = oldest.map(crate::trail::Hour::start);
        let text = |at: Option<Timestamp>| Some(at.map(iso).unwrap_or_default());
        Ok(GetTrailStatusResponse {
            is_logging: Some(true),
            latest_delivery_time: written,
            start_logging_time: started,
            latest_digest_delivery_time: digest,
            latest_delivery_attempt_time: text(written),
            latest_delivery_attempt_succeeded: text(written),
            latest_notification_attempt_time: Some(String::new()),
            latest_notification_attempt_succeeded: Some(String::new()),
            time_logging_started: text(started),
            time_logging_stopped: Some(String::new()),
            ..GetTrailStatusResponse::default()
        })
    }
}
