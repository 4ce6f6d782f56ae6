//! What servers that are gone left behind.

use std::sync::Arc;

use strongroom_core::nodes::GONE_MS;
use strongroom_core::trail::{NodeName, outbox};
use strongroom_core::{Documents, Nodes};
use strongroom_crypto::Random;
use strongroom_store::Batch;

use super::House;
use crate::node;

#[tokio::test]
async fn records_of_a_server_that_is_gone_come_into_the_trail_of_another_once() {
    let house = House::open(|_| {}).await;
    let app = &house.app;
    // Another server, which committed changes and died.
    let random: Arc<dyn Random> = Arc::clone(&app.random);
    let name = NodeName::draw(random.as_ref()).unwrap();
    let documents = Documents::new(Arc::clone(&app.store) as _, Arc::clone(&app.keyring), random, 1 << 20);
    let documents = Arc::new(documents.of_node(&name));
    Nodes::new(Arc::clone(&documents), name.clone(), true).unwrap().begin(app.clock.now()).await.unwrap();
    let mut batch = Batch::named("test");
    for id in ["one", "two"] {
        let line = format!(r#"{{"eventID":"{id}"}}"#);
        let sealed = outbox::seal_entry(documents.records(), &app.keyring, documents.random(), id, &line);
        batch.feed.push(sealed.unwrap());
    }
    documents.commit(batch).await.unwrap();
    let found = || {
        let known = ["one", "two"].map(serde_json::Value::from);
        house.trail().into_iter().filter(|record| known.contains(&record["eventID"])).count()
    };
    node::take_over(app).await.unwrap();
    assert_eq!(found(), 0, "it may still be there");
    house.clock.advance_millis(GONE_MS + 1);
    for _ in 0..2 {
        node::take_over(app).await.unwrap();
        assert_eq!(found(), 2);
    }
    assert_eq!(app.store.feed(&name.topic(), 0, 1).await.unwrap(), []);
    assert!(app.store.stats().await.unwrap().documents.iter().all(|(kind, _)| kind != "node"), "it is forgotten");
}
