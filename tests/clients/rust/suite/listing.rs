//! The operations that list, and their paginators.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, SecretListEntry, SortByType, SortOrderType};

use crate::instance::{MARKED, NOT_FOUND, by_name, client, new_secret, new_start, put, tag};

/// Makes secrets whose values are their names: `count` names that begin with the same new text.
async fn new_secrets(client: &Client, count: usize) -> (String, Vec<String>) {
    let start = new_start();
    let names: Vec<String> = (0..count).map(|number| format!("{start}{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        let half = tag("half", if number < count / 2 { "low" } else { "high" });
        client.create_secret().name(name).secret_string(name).tags(half).send().await.expect("CreateSecret");
    }
    (start, names)
}

fn names_of(entries: &[SecretListEntry]) -> Vec<&str> {
    entries.iter().filter_map(SecretListEntry::name).collect()
}

#[tokio::test]
async fn secrets_by_pages() {
    let client = client().await;
    let (start, names) = new_secrets(&client, 5).await;
    let request = client.list_secrets().filters(by_name(&start)).sort_by(SortByType::Name);
    let mut pages = request.clone().sort_order(SortOrderType::Asc).into_paginator().page_size(2).send();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.expect("ListSecrets");
        sizes.push((page.secret_list().len(), page.next_token.is_some()));
    }
    assert_eq!(sizes, [(2, true), (2, true), (1, false)]);

    let pages = request.sort_order(SortOrderType::Desc).into_paginator().page_size(2).send();
    let pages = pages.collect::<Result<Vec<_>, _>>().await.expect("ListSecrets");
    let mut listed: Vec<SecretListEntry> = pages.into_iter().flat_map(|page| page.secret_list.expect("list")).collect();
    listed.reverse();
    assert_eq!(names_of(&listed), names);
    for entry in &listed {
        let versions = entry.secret_versions_to_stages().expect("versions");
        assert_eq!(versions.values().flatten().collect::<Vec<_>>(), ["AWSCURRENT"]);
        assert_eq!(entry.tags().len(), 1);
        assert!(entry.arn().is_some() && entry.created_date().is_some() && entry.last_changed_date().is_some());
        assert_eq!((entry.description(), entry.kms_key_id(), entry.deleted_date()), (None, None, None));
        assert_eq!((entry.rotation_enabled, entry.last_accessed_date, entry.owning_service()), (None, None, None));
    }
}

#[tokio::test]
async fn secrets_by_filters() {
    let client = client().await;
    let (start, names) = new_secrets(&client, 4).await;
    let value = |text: &str| Filter::builder().key(FilterNameStringType::TagValue).values(text).build();
    let list = client.list_secrets().sort_by(SortByType::Name).sort_order(SortOrderType::Asc).filters(by_name(&start));
    for (filter, wanted) in [("low", names.get(..2)), ("!low", names.get(2..)), ("absent", Some(&[][..]))] {
        let page = list.clone().filters(value(filter)).send().await.expect("ListSecrets");
        assert_eq!(
            Some(names_of(page.secret_list())),
            wanted.map(|w| w.iter().map(String::as_str).collect()),
            "{filter}"
        );
        assert_eq!(page.next_token, None);
    }
    client.delete_secret().secret_id(&names[0]).send().await.expect("DeleteSecret");
    let page = list.clone().send().await.expect("ListSecrets");
    assert_eq!(names_of(page.secret_list()), names[1..]);
    let page = list.include_planned_deletion(true).send().await.expect("ListSecrets");
    assert_eq!(names_of(page.secret_list()), names);
    let deleted = page.secret_list().iter().filter(|entry| entry.deleted_date().is_some()).filter_map(|one| one.name());
    assert_eq!(deleted.collect::<Vec<_>>(), [&*names[0]]);
}

#[tokio::test]
async fn values_in_a_batch() {
    let client = client().await;
    let (start, names) = new_secrets(&client, 4).await;
    client.delete_secret().secret_id(&names[0]).send().await.expect("DeleteSecret");
    let absent = format!("{start}absent");
    let asked = names.iter().chain([&absent]).cloned().collect();
    let batch = client.batch_get_secret_value().set_secret_id_list(Some(asked)).send().await.expect("a batch");
    let values: BTreeSet<_> = batch.secret_values().iter().map(|one| (one.name(), one.secret_string())).collect();
    assert_eq!(values, names[1..].iter().map(|name| (Some(&**name), Some(&**name))).collect());
    for one in batch.secret_values() {
        assert_eq!((one.secret_binary(), one.version_stages()), (None, &["AWSCURRENT".to_owned()][..]));
        assert!(one.arn().is_some() && one.version_id().is_some() && one.created_date().is_some());
    }
    let errors = batch.errors().iter().map(|one| (one.secret_id(), one.error_code(), one.message()));
    let wanted = [
        (Some(&*names[0]), Some("InvalidRequestException"), Some(MARKED)),
        (Some(&*absent), Some("ResourceNotFoundException"), Some(NOT_FOUND)),
    ];
    assert_eq!(errors.collect::<BTreeSet<_>>(), BTreeSet::from(wanted));
    assert_eq!(batch.next_token, None);
}

#[tokio::test]
async fn values_by_filters_and_pages() {
    let client = client().await;
    let (start, names) = new_secrets(&client, 5).await;
    let request = client.batch_get_secret_value().filters(by_name(&start));
    let mut pages = request.into_paginator().page_size(2).send();
    let mut values = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.expect("BatchGetSecretValue");
        assert!(page.secret_values().len() <= 2 && page.errors().is_empty());
        values.extend(page.secret_values().iter().filter_map(|one| one.secret_string().map(str::to_owned)));
    }
    values.sort();
    assert_eq!(values, names);
}

#[tokio::test]
async fn versions_by_pages() {
    let client = client().await;
    let made = new_secret(&client).await;
    let second = put(&client, &made.name, "second", &[]).await;
    let third = put(&client, &made.name, "third", &[]).await;
    let request = client.list_secret_version_ids().secret_id(&made.name);
    let mut pages = request.clone().include_deprecated(true).into_paginator().page_size(2).send();
    let mut stages = BTreeMap::new();
    while let Some(page) = pages.next().await {
        let page = page.expect("ListSecretVersionIds");
        assert_eq!((page.arn(), page.name()), (Some(&*made.arn), Some(&*made.name)));
        assert!(page.versions().len() <= 2);
        for version in page.versions() {
            assert!(version.created_date().is_some() && version.last_accessed_date().is_none());
            stages.insert(version.version_id().expect("VersionId").to_owned(), version.version_stages().join(","));
        }
    }
    let labelled = [(&second, "AWSPREVIOUS"), (&third, "AWSCURRENT")];
    let wanted = labelled.into_iter().chain([(&made.version, "")]);
    assert_eq!(stages, wanted.map(|(version, label)| (version.clone(), label.to_owned())).collect());
    // Without asking for them, versions that bear no label are left out.
    let page = request.send().await.expect("ListSecretVersionIds");
    let shown: BTreeSet<_> = page.versions().iter().filter_map(|version| version.version_id()).collect();
    assert_eq!(shown, labelled.into_iter().map(|(version, _)| &**version).collect());
}
