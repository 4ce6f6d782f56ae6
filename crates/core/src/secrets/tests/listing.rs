//! ListSecrets: every order paged to its end, filters that few and that many secrets pass, tokens.

use std::cell::Cell;
use std::collections::BTreeSet;

use strongroom_wire::secretsmanager::{
    BatchGetSecretValueRequest, Filter, FilterNameStringType, ListSecretsRequest, ListSecretsResponse, SortByType,
    SortOrderType,
};

use super::*;
use crate::secrets::search::PAGE_BYTES_MAX;

async fn list(service: &Service, input: ListSecretsRequest) -> Result<ListSecretsResponse, Error> {
    let cx = service.cx();
    let permit = authorize(&cx, Operation::ListSecrets.action(), Resource::Account, &()).expect("the root may");
    service.secrets.list_secrets(&cx, &permit, input).await
}

fn filter(key: FilterNameStringType, values: &[&str]) -> ListSecretsRequest {
    let values = Some(values.iter().map(|value| (*value).to_owned()).collect());
    ListSecretsRequest { filters: Some(vec![Filter { key: Some(key), values }]), ..ListSecretsRequest::default() }
}

/// All names of a listing, page by page.
async fn names(service: &Service, mut input: ListSecretsRequest) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let page = list(service, input.clone()).await.expect("a page");
        let list = page.secret_list.expect("a list");
        assert!(list.len() <= 100);
        names.extend(list.into_iter().map(|entry| entry.name.expect("a name")));
        match page.next_token {
            Some(token) => input.next_token = Some(token),
            None => return names,
        }
    }
}

async fn filled(count: usize) -> Service {
    let service = Service::new();
    for n in 0..count {
        let description = format!("Secret number {n}, for team{}", if n % 2 == 0 { "Blue" } else { "Green" });
        let parity = if n % 2 == 0 { "even" } else { "odd" };
        service
            .create_with(&format!("app/s{n:05}"), None, |input| {
                input.description = Some(description);
                input.tags = Some(vec![tag("parity", parity), tag(&format!("only-{n}"), "yes")]);
            })
            .await
            .expect("created");
        service.clock.advance_millis(1);
    }
    service
}

#[tokio::test]
async fn every_order_is_paged_to_its_end_without_gap_or_double() {
    let service = filled(257).await;
    let all: Vec<String> = (0..257).map(|n| format!("app/s{n:05}")).collect();
    let reversed: Vec<String> = all.iter().rev().cloned().collect();
    for by in [None, Some(SortByType::CreatedDate), Some(SortByType::LastChangedDate), Some(SortByType::Name)] {
        for order in [Some(SortOrderType::Asc), Some(SortOrderType::Desc)] {
            let input = ListSecretsRequest {
                sort_by: by,
                sort_order: order,
                max_results: Some(10),
                ..ListSecretsRequest::default()
            };
            let expected = if order == Some(SortOrderType::Asc) { &all } else { &reversed };
            assert_eq!(&names(&service, input).await, expected, "{by:?} {order:?}");
        }
    }
    let unread = ListSecretsRequest { sort_by: Some(SortByType::LastAccessedDate), ..ListSecretsRequest::default() };
    assert_eq!(names(&service, unread).await.into_iter().collect::<BTreeSet<_>>().len(), 257);
    assert_eq!(names(&service, ListSecretsRequest::default()).await, reversed, "newest first");
}

#[tokio::test]
async fn filters_find_what_they_should_whichever_way_they_are_answered() {
    let service = filled(300).await;
    let found = |input| async { names(&service, input).await };
    use FilterNameStringType as Key;
    assert_eq!(found(filter(Key::Name, &["app/s0029"])).await.len(), 10);
    assert_eq!(found(filter(Key::Name, &["APP/"])).await.len(), 0, "case counts in names");
    assert_eq!(found(filter(Key::Name, &["!app/s000"])).await.len(), 200);
    assert_eq!(found(filter(Key::Name, &["app/s00000", "app/s00299"])).await, ["app/s00299", "app/s00000"]);
    assert_eq!(found(filter(Key::TagKey, &["only-7"])).await.len(), 11);
    assert_eq!(found(filter(Key::TagValue, &["ev"])).await.len(), 150);
    assert_eq!(found(filter(Key::TagValue, &["EV"])).await.len(), 0, "case counts in tags");
    assert_eq!(found(filter(Key::Description, &["BLUE"])).await.len(), 150, "case does not count in descriptions");
    assert_eq!(
        found(filter(Key::All, &["only 12 green"])).await.len(),
        5,
        "12, 121, 123, …: words are matched by their beginning"
    );
    assert_eq!(found(filter(Key::All, &["green 129"])).await, ["app/s00129"]);
    assert_eq!(found(filter(Key::PrimaryRegion, &["us-east-1"])).await.len(), 0);
    assert_eq!(found(filter(Key::OwningService, &["!rds"])).await.len(), 300);
    let mut both = filter(Key::TagValue, &["odd"]);
    both.filters.as_mut().expect("filters").extend(filter(Key::Name, &["app/s0000"]).filters.expect("filters"));
    assert_eq!(found(both).await.len(), 5, "filters are joined by and");
    let mut paged = filter(Key::TagValue, &["odd"]);
    paged.max_results = Some(7);
    assert_eq!(found(paged).await.len(), 150);
}

#[tokio::test]
async fn filters_that_more_secrets_pass_than_are_narrowed_walk_the_order() {
    let service = filled(1203).await;
    use FilterNameStringType as Key;
    let mut walked = filter(Key::Name, &["app/"]);
    walked.max_results = Some(100);
    assert_eq!(names(&service, walked).await.len(), 1203);
    let mut sparse = filter(Key::Name, &["app/"]);
    sparse.filters.as_mut().expect("filters").extend(filter(Key::TagValue, &["!even"]).filters.expect("filters"));
    let odd: Vec<String> = (0..1203).rev().filter(|n| n % 2 == 1).map(|n| format!("app/s{n:05}")).collect();
    assert_eq!(names(&service, sparse).await, odd);
}

#[tokio::test]
async fn a_secret_with_more_words_than_are_indexed_is_still_found() {
    let service = Service::new();
    let letters = || (b'a'..=b'z').map(char::from);
    let words: Vec<String> = letters().flat_map(|a| letters().take(12).map(move |b| format!("zz{a}{b}"))).collect();
    let last = words.last().expect("a word").clone();
    service.create_with("wordy", None, |input| input.description = Some(words.join(" "))).await.expect("created");
    assert_eq!(names(&service, filter(FilterNameStringType::All, &[last.as_str()])).await, ["wordy"]);
}

#[tokio::test]
async fn tokens_are_bound_to_their_query_and_cannot_be_made_up() {
    let service = filled(5).await;
    let first = ListSecretsRequest { max_results: Some(2), ..ListSecretsRequest::default() };
    let token = list(&service, first.clone()).await.expect("a page").next_token.expect("more");
    let other = ListSecretsRequest {
        next_token: Some(token.clone()),
        sort_by: Some(SortByType::Name),
        ..ListSecretsRequest::default()
    };
    assert_eq!(code(list(&service, other).await), "InvalidNextTokenException");
    for bad in ["x".to_owned(), token.replacen('A', "Z", 1), token.chars().skip(2).collect()] {
        let input = ListSecretsRequest { next_token: Some(bad), ..first.clone() };
        assert_eq!(code(list(&service, input).await), "InvalidNextTokenException");
    }
    let empty = ListSecretsRequest {
        filters: Some(vec![Filter { key: Some(FilterNameStringType::Name), values: Some(Vec::new()) }]),
        ..ListSecretsRequest::default()
    };
    assert_eq!(code(list(&service, empty).await), "InvalidParameterException");
}

async fn fat(count: usize) -> Service {
    let service = Service::new();
    for n in 0..count {
        service
            .create_with(&format!("fat/s{n:05}"), None, |input| {
                input.description = Some("described at length ".repeat(100));
                input.tags = Some(fat_tags().map(|(key, value)| super::tag(&key, &value)).collect());
            })
            .await
            .expect("created");
    }
    service
}

/// Ten filters of ten values, each of which is compared word by word to its end before it is found not to match.
fn costly() -> ListSecretsRequest {
    let value = |n: usize| {
        let words: Vec<String> = (n..n + 80).map(|n| format!("w{}", letters(n))).collect();
        format!("!{} zzz", words.join(" "))
    };
    let filter = |n: usize| Filter {
        key: Some(FilterNameStringType::All),
        values: Some((n * 10..n * 10 + 10).map(value).collect()),
    };
    ListSecretsRequest { filters: Some((0..10).map(filter).collect()), ..ListSecretsRequest::default() }
}

#[tokio::test]
async fn a_page_ends_before_it_costs_too_much_and_the_next_goes_on_behind_it() {
    let service = fat(90).await;
    let first = list(&service, costly()).await.expect("a page");
    let count = first.secret_list.expect("a list").len();
    assert!((1..80).contains(&count), "{count}");
    assert!(first.next_token.is_some());
    let all: BTreeSet<String> = (0..90).map(|n| format!("fat/s{n:05}")).collect();
    let found = names(&service, costly()).await;
    assert_eq!(found.len(), 90);
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), all);
}

#[tokio::test]
async fn costly_pages_from_an_index_of_few_go_on_where_they_ended() {
    let service = fat(90).await;
    let mut input = costly();
    for filter in input.filters.iter_mut().flatten() {
        for value in filter.values.iter_mut().flatten() {
            *value = value.trim_start_matches('!').to_owned();
        }
        filter.values.iter_mut().for_each(|values| values.push("described".to_owned()));
    }
    let first = list(&service, input.clone()).await.expect("a page");
    assert!((1..80).contains(&first.secret_list.expect("a list").len()) && first.next_token.is_some());
    let expected: BTreeSet<String> = (0..90).map(|n| format!("fat/s{n:05}")).collect();
    let found = names(&service, input).await;
    assert_eq!(found.len(), 90);
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[tokio::test]
async fn candidates_too_large_to_be_sorted_are_found_by_walking() {
    let service = Service::new();
    for n in 0..300 {
        let long = Some("x".repeat(30_000));
        service.create_with(&format!("fat/s{n:05}"), None, |input| input.description = long).await.expect("created");
    }
    let mut input = filter(FilterNameStringType::Name, &["fat/"]);
    input.sort_by = Some(SortByType::Name);
    input.sort_order = Some(SortOrderType::Asc);
    let expected: Vec<String> = (0..300).map(|n| format!("fat/s{n:05}")).collect();
    assert_eq!(names(&service, input).await, expected);
}

#[tokio::test]
async fn a_costly_page_lets_other_tasks_run_in_between() {
    let service = fat(20).await;
    let turns = Cell::new(0);
    let others = async {
        loop {
            turns.set(turns.get() + 1);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        page = list(&service, costly()) => assert_eq!(page.expect("a page").secret_list.expect("a list").len(), 20),
        () = others => {}
    }
    assert!(turns.get() >= 10, "{}", turns.get());
}

#[tokio::test]
async fn a_page_is_bounded_by_its_bytes() {
    let service = fat(80).await;
    let mut input = ListSecretsRequest::default();
    let (mut found, mut pages) = (BTreeSet::new(), 0);
    loop {
        let page = list(&service, input.clone()).await.expect("a page");
        let entries = page.secret_list.expect("a list");
        let tags = entries.iter().flat_map(|entry| entry.tags.iter().flatten());
        let bytes: usize = tags.map(|tag| tag.key.iter().chain(&tag.value).map(String::len).sum::<usize>()).sum();
        assert!(bytes <= PAGE_BYTES_MAX && !entries.is_empty());
        found.extend(entries.into_iter().map(|entry| entry.name.expect("a name")));
        pages += 1;
        match page.next_token {
            Some(token) => input.next_token = Some(token),
            None => break,
        }
    }
    assert_eq!(found.len(), 80);
    assert!(pages > 1);
}

#[tokio::test]
async fn a_page_of_values_by_filters_is_bounded_by_its_bytes() {
    let service = Service::new();
    for n in 0..40 {
        service.create(&format!("big/{n}"), Some(&"x".repeat(65_536))).await.expect("created");
    }
    let cx = service.cx();
    let permit = authorize(&cx, Operation::BatchGetSecretValue.action(), Resource::Account, &()).expect("the root may");
    let filters = filter(FilterNameStringType::Name, &["big/"]).filters;
    let mut input = BatchGetSecretValueRequest { filters, ..BatchGetSecretValueRequest::default() };
    let (mut found, mut counts) = (BTreeSet::new(), Vec::new());
    loop {
        let page = service.secrets.batch_get_secret_value(&cx, &permit, input.clone()).await.expect("a page");
        let values = page.secret_values.expect("values");
        counts.push(values.len());
        found.extend(values.into_iter().map(|value| value.name.expect("a name")));
        match page.next_token {
            Some(token) => input.next_token = Some(token),
            None => break,
        }
    }
    assert_eq!((found.len(), counts), (40, vec![16, 16, 8]));
}
