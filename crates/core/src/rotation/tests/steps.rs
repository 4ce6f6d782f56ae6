//! One rotation at a time: its steps, failures, deaths, and what callers do meanwhile.

use strongroom_types::Clock as _;
use strongroom_wire::secretsmanager::{CancelRotateSecretRequest, Operation, UpdateSecretVersionStageRequest};

use super::house::{Fate, House, describe, every_days};
use crate::error::Error;
use crate::rotation::LEASE_MS;
use crate::secrets::rotation::history::Happened;
use crate::secrets::rotation::job::PAUSE_MS_MIN;

const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

async fn house() -> House {
    let house = House::new(11);
    house.service.create("db", Some("first")).await.unwrap();
    house
}

fn text<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Refused(refusal)) => refusal.message.to_string(),
        other => panic!("not a refusal: {other:?}"),
    }
}

#[tokio::test]
async fn a_rotation_is_carried_out_in_four_steps_and_the_next_one_waits_for_its_window() {
    let house = house().await;
    let token = house.rotate_by("db", every_days(7), true).await.unwrap();
    let begun = describe(&house.service, "db").await;
    assert_eq!(begun.version_ids_to_stages.unwrap()[&token], ["AWSPENDING"]);
    assert_eq!((begun.rotation_enabled, begun.last_rotated_date), (Some(true), None));
    house.work().await;
    assert_eq!(house.steps(), STEPS);
    assert_eq!(house.current("db").await, format!("password of {token}"));
    assert_eq!(house.current("db").await, house.password());
    let done = describe(&house.service, "db").await;
    let stages = done.version_ids_to_stages.unwrap();
    assert_eq!(stages[&token], ["AWSCURRENT"]);
    assert_eq!(stages.len(), 2, "{stages:?}");
    assert_eq!(done.last_rotated_date, Some(house.clock.now()));
    let end = house.clock.now().start_of_day().plus_days(8).plus_millis(-1000);
    assert_eq!(done.next_rotation_date, Some(end), "the last second of the seventh day on");
    // Nothing before the window, one rotation in it.
    house.clock.advance_days(6);
    house.work().await;
    assert_eq!(house.steps().len(), 4);
    house.clock.advance_days(1);
    house.work().await;
    assert_eq!(house.steps().len(), 8);
    house.work().await;
    assert_eq!(house.steps().len(), 8);
    let logs: Vec<_> = house.history("db").await.into_iter().filter_map(|entry| entry.log_tail).collect();
    assert!(logs.len() == 8 && logs.iter().skip(2).all(|log| log.ends_with("[redacted]")), "{logs:?}");
}

#[tokio::test]
async fn a_failed_step_is_tried_again_with_the_same_token_after_longer_and_longer_pauses() {
    let house = house().await;
    let mut left = 3;
    house.fates(move |step| {
        let fails = step == "setSecret" && left > 0;
        left -= i32::from(fails);
        if fails { Fate::Fails } else { Fate::Works }
    });
    let token = house.rotate_by("db", every_days(30), true).await.unwrap();
    house.work().await;
    assert_eq!(house.steps(), STEPS[..2]);
    for pause in [1, 2, 4] {
        house.clock.advance_millis(PAUSE_MS_MIN * pause - 1);
        let before = house.steps().len();
        house.work().await;
        assert_eq!(house.steps().len(), before, "before the pause of {pause} minutes is over");
        house.clock.advance_millis(1);
        house.work().await;
    }
    assert_eq!(house.current("db").await, format!("password of {token}"));
    let tokens: std::collections::BTreeSet<_> =
        house.function.calls.lock().unwrap().iter().map(|(_, token)| token.clone()).collect();
    assert_eq!(tokens.len(), 1);
    let failed =
        house.history("db").await.into_iter().filter(|entry| matches!(entry.happened, Happened::StepFailed { .. }));
    assert_eq!(failed.count(), 3);
}

#[tokio::test]
async fn of_a_long_story_the_beginning_is_kept() {
    let house = house().await;
    house.fates(|_| Fate::FailsAtLength);
    house.rotate_by("db", every_days(30), true).await.unwrap();
    house.work().await;
    let told: Vec<_> = house
        .history("db")
        .await
        .into_iter()
        .filter_map(|entry| if let Happened::StepFailed { reason, .. } = entry.happened { Some(reason) } else { None })
        .collect();
    assert!(told.len() == 1 && told[0].starts_with("it fails") && told[0].len() < 20_000, "{}", told[0].len());
}

#[tokio::test]
async fn whenever_the_server_dies_the_rotation_goes_on_where_it_was() {
    for place in 0..8 {
        for fate in [Fate::Dies, Fate::DiesBehind] {
            let house = house().await;
            let mut calls = 0;
            house.fates(move |_| {
                calls += 1;
                // Twice at the same place.
                if calls == place + 1 || calls == place + 2 { fate } else { Fate::Works }
            });
            let token = house.rotate_by("db", every_days(30), true).await.unwrap();
            for _ in 0..4 {
                house.work().await;
                house.clock.advance_millis(LEASE_MS);
            }
            assert_eq!(house.current("db").await, format!("password of {token}"), "{place} {fate:?}");
            assert_eq!(house.current("db").await, house.password());
            assert!(describe(&house.service, "db").await.last_rotated_date.is_some());
        }
    }
}

#[tokio::test]
async fn nobody_takes_a_job_that_somebody_has() {
    let house = house().await;
    house.rotate_by("db", every_days(30), true).await.unwrap();
    let first = house.engine.take_due(10).await.unwrap();
    assert_eq!((first.len(), house.engine.take_due(10).await.unwrap().len()), (1, 0));
    house.clock.advance_millis(LEASE_MS);
    let second = house.engine.take_due(10).await.unwrap();
    assert_eq!(second.len(), 1);
    // Who lost the lease does nothing any more.
    house.work_on(&first[0]).await;
    assert!(house.steps().is_empty());
    house.work_on(&second[0]).await;
    assert_eq!(house.steps(), STEPS);
}

#[tokio::test]
async fn a_value_put_by_hand_abandons_the_rotation_and_counts_for_the_schedule() {
    let house = house().await;
    house.fates(|_| Fate::Fails);
    let token = house.rotate_by("db", every_days(7), true).await.unwrap();
    house.work().await;
    house.clock.advance_days(1);
    house.service.put("db", "by hand").await.unwrap();
    let described = describe(&house.service, "db").await;
    assert!(!described.version_ids_to_stages.unwrap().contains_key(&token));
    let end = house.clock.now().start_of_day().plus_days(8).plus_millis(-1000);
    assert_eq!((described.next_rotation_date, described.last_rotated_date), (Some(end), None));
    house.work().await;
    assert_eq!(house.steps().len(), 1, "the abandoned rotation is not tried again");
    house.fates(|_| Fate::Works);
    *house.function.database.lock().unwrap() = "by hand".to_owned();
    house.clock.advance_days(7);
    house.work().await;
    assert_eq!(house.steps().len(), 5);
}

#[tokio::test]
async fn while_a_rotation_is_not_complete_another_is_refused_and_the_first_one_tried_again() {
    let house = house().await;
    let mut calls = 0;
    house.fates(move |_| {
        calls += 1;
        if calls == 1 { Fate::Fails } else { Fate::Works }
    });
    let token = house.rotate_by("db", every_days(7), true).await.unwrap();
    house.work().await;
    let refused = text(house.rotate_by("db", None, true).await);
    assert_eq!(refused, "A previous rotation isn't complete. That rotation will be reattempted.");
    house.work().await;
    assert_eq!(house.current("db").await, format!("password of {token}"));
}

#[tokio::test]
async fn cancelling_keeps_the_label_which_blocks_until_it_is_removed() {
    let house = house().await;
    house.fates(|_| Fate::Fails);
    let token = house.rotate_by("db", every_days(7), true).await.unwrap();
    house.work().await;
    let cx = house.service.cx();
    let permit = house.service.permit(&cx, Operation::CancelRotateSecret, "db").await;
    let input = CancelRotateSecretRequest { secret_id: "db".to_owned() };
    let cancelled = house.service.secrets.cancel_rotate_secret(&cx, &permit, input).await.unwrap();
    assert_eq!(cancelled.version_id.as_ref(), Some(&token));
    let described = describe(&house.service, "db").await;
    assert_eq!((described.rotation_enabled, described.next_rotation_date), (Some(false), None));
    assert!(described.rotation_lambda_arn.is_some() && described.rotation_rules.is_some());
    house.clock.advance_days(30);
    house.work().await;
    assert_eq!(house.steps().len(), 1);
    let refused = text(house.rotate_by("db", None, true).await);
    assert_eq!(refused, "A previous rotation isn't complete. That rotation will be reattempted.");
    let permit = house.service.permit(&cx, Operation::UpdateSecretVersionStage, "db").await;
    let input = UpdateSecretVersionStageRequest {
        secret_id: "db".to_owned(),
        version_stage: "AWSPENDING".to_owned(),
        remove_from_version_id: Some(token),
        ..UpdateSecretVersionStageRequest::default()
    };
    house.service.secrets.update_secret_version_stage(&cx, &permit, input).await.unwrap();
    house.fates(|_| Fate::Works);
    house.rotate_by("db", None, true).await.unwrap();
    house.work().await;
    assert_eq!(house.steps().len(), 5);
}

#[tokio::test]
async fn a_configuration_that_does_not_rotate_at_once_is_tested_with_the_present_value() {
    let house = house().await;
    let token = house.rotate_by("db", every_days(7), false).await.unwrap();
    house.work().await;
    assert_eq!(house.steps(), ["testSecret"]);
    let described = describe(&house.service, "db").await;
    let stages = described.version_ids_to_stages.unwrap();
    assert!(stages.len() == 1 && !stages.contains_key(&token), "{stages:?}");
    assert!(described.last_rotated_date.is_none() && described.next_rotation_date.is_some());
    assert_eq!(house.current("db").await, "first");
    house.clock.advance_days(7);
    house.work().await;
    assert_eq!(house.steps().len(), 5);
}

#[tokio::test]
async fn windows_in_which_no_server_ran_are_told_and_the_next_one_is_kept() {
    let house = house().await;
    house.rotate_by("db", every_days(7), true).await.unwrap();
    house.work().await;
    house.clock.advance_days(16);
    house.work().await;
    assert_eq!(house.steps().len(), 4, "not outside of a window");
    let told = house.history("db").await.into_iter().find(|entry| matches!(entry.happened, Happened::Missed { .. }));
    assert_eq!(told.unwrap().happened, Happened::Missed { windows: 2 });
    let next = describe(&house.service, "db").await.next_rotation_date.unwrap();
    assert!(next < house.clock.now(), "a rotation that is overdue shows it");
    house.clock.advance_days(5);
    house.work().await;
    assert_eq!(house.steps().len(), 8);
}

#[tokio::test]
async fn a_deleted_secret_takes_its_job_and_history_along() {
    let house = house().await;
    house.rotate_by("db", every_days(7), true).await.unwrap();
    house.work().await;
    let before = house.history("db").await.len();
    assert!(before >= 5);
    let cx = house.service.cx();
    let permit = house.service.permit(&cx, Operation::DeleteSecret, "db").await;
    let input = strongroom_wire::secretsmanager::DeleteSecretRequest {
        secret_id: "db".to_owned(),
        force_delete_without_recovery: Some(true),
        ..Default::default()
    };
    house.service.secrets.delete_secret(&cx, &permit, input).await.unwrap();
    for kind in ["rotation-job", "rotation-entry"] {
        let rows = house.service.documents.store().scan(strongroom_store::Kind(kind), "", None, 10).await.unwrap();
        assert!(rows.is_empty(), "{kind}");
    }
}
