//! The tables: made once by whichever node comes first, refused when they are others than this release's, and nodes of
//! different releases beside each other.

use std::sync::Arc;

use strongroom_crypto::SystemRandom;
use strongroom_store::contract::database::sql;
use strongroom_store::contract::fixture::{boxed, put, puts, take, version};
use strongroom_store::{PostgresConfig, PostgresStore, Store, StoreError};

use super::{config, open, schema_name, server};

async fn refused(config: &PostgresConfig) -> StoreError {
    match PostgresStore::open(config.clone(), Arc::new(SystemRandom)).await {
        Ok(_) => panic!("it opens"),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_nodes_that_start_at_once_make_the_tables_once() {
    let url = server().database().await.expect("a database");
    for plain in [false, true, false, true] {
        let config = PostgresConfig { schema: schema_name(), plain, ..config(&url) };
        let mut nodes = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let config = config.clone();
            nodes.spawn(async move { open(&config).await });
        }
        let nodes = nodes.join_all().await;
        take(&*nodes[0], puts([put("a", 0).expect("a put")])).await.expect("taken");
        for node in &nodes {
            assert_eq!(version(&**node, "a").await, Ok(1));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_on_the_schema_that_was_cut_off_is_taken_up() {
    let url = server().database().await.expect("a database");
    let config = PostgresConfig { plain: true, ..config(&url) };
    open(&config).await;
    // As if the node that made the tables had ended before it was done, and long ago.
    let cut = "DROP TABLE strongroom.head, strongroom.term;
        UPDATE strongroom.migration SET holder = 'x', until_ms = 1";
    sql(&url, cut).await.expect("cut off");
    let node = open(&config).await;
    take(&*node, puts([put("a", 0).expect("a put")])).await.expect("taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_two_releases_work_beside_each_other_as_far_as_the_schema_allows() {
    let config = config(&server().database().await.expect("a database"));
    let old = open(&PostgresConfig { poll_ms: 20, ..config.clone() }).await;
    take(&*old, puts([put("a", 0).expect("a put")])).await.expect("taken");
    // A later release has taken a step that this one need not know of.
    let step = "ALTER TABLE strongroom.document ADD COLUMN later BIGINT; UPDATE strongroom.head SET version = 2";
    sql(&config.url, step).await.expect("a step");
    take(&*old, puts([put("a", 1).expect("a put")])).await.expect("taken");
    let beside = open(&config).await;
    take(&*beside, puts([put("a", 2).expect("a put")])).await.expect("taken");
    assert_eq!(old.get(&boxed("a")).await.map(|row| row.map(|row| row.version)), Ok(Some(3)));
    // And one that it must know of.
    sql(&config.url, "UPDATE strongroom.head SET version = 3, floor = 3").await.expect("a step");
    let wanted = "its schema needs a release that knows number 3; this release knows up to number 1";
    for error in [
        old.commit(puts([put("a", 3).expect("a put")])).await.expect_err("refused"),
        old.get(&boxed("a")).await.expect_err("refused"),
        refused(&config).await,
    ] {
        assert_eq!(error, StoreError::Unavailable(wanted.to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_of_another_form_are_refused() {
    let url = server().database().await.expect("a database");
    let other = "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER t BEFORE INSERT ON {s}.entry FOR EACH ROW EXECUTE FUNCTION public.f()";
    let rule = "CREATE RULE r AS ON DELETE TO {s}.document DO INSTEAD NOTHING";
    for change in [other, rule, "ALTER TABLE {s}.term DROP COLUMN value", "DELETE FROM {s}.head"] {
        let config = PostgresConfig { schema: schema_name(), ..config(&url) };
        take(&*open(&config).await, puts([put("a", 0).expect("a put")])).await.expect("taken");
        sql(&url, &change.replace("{s}", &config.schema)).await.expect("a change");
        let error = refused(&config).await;
        assert!(matches!(error, StoreError::Damaged(_)), "{change}: {error:?}");
    }
    let latin = "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'";
    server().sql("postgres", latin).await.expect("a database");
    let error = refused(&config(&server().url("latin"))).await;
    assert!(error.to_string().contains("must be UTF8"), "{error}");
}
