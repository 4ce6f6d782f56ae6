//! The work of events over a store that may die at any point: nothing that was committed is lost, and each target is
//! tried for as long as it should be, whatever the others do.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use strongroom_crypto::random::SeededRandom;
use strongroom_crypto::{Keyring, Random as _, Witness, aead};
use strongroom_store::{
    Batch, DocumentKey, Entry, FeedRow, Kind, LedgerBegin, MemoryStore, Range, Row, Store, StoreError, StoreFuture,
    Term, Watcher,
};
use strongroom_types::{Clock, MockClock, Region, Timestamp};

use super::delivery::{BY_DEAD, DELIVERY, Delivery, Failure, account_in, dead_prefix, target_in};
use super::destination::{Connection, Destination};
use super::rule::{Rule, Target};
use super::work::{LEASE_MS, Room};
use super::*;
use crate::announcing::{self, Announcement};
use crate::functions::NoHost;
use crate::identities::Identities;

const ACCOUNT: &str = "111111111111";
const START: Timestamp = Timestamp::from_seconds(1_800_000_000);
const LOG: &str = "arn:aws:logs:us-east-1:111111111111:log-group:";

/// A store whose process dies after some operations that change it: the last one is carried out, or not, and nothing more.
struct Mortal {
    inner: MemoryStore,
    left: AtomicU64,
}

impl Mortal {
    /// Whether an operation is carried out, and whether its caller hears of it.
    fn lives(&self) -> (bool, bool) {
        let left = self.left.load(Ordering::SeqCst);
        self.left.store(left.saturating_sub(1), Ordering::SeqCst);
        (left > 0, left > 1)
    }
}

fn dead<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("the process is dead".into()))
}

impl Store for Mortal {
    fn get<'a>(&'a self, key: &'a DocumentKey) -> StoreFuture<'a, Option<Row>> {
        self.inner.get(key)
    }
    fn get_many<'a>(&'a self, kind: Kind, keys: &'a [Arc<str>]) -> StoreFuture<'a, Vec<Option<Row>>> {
        self.inner.get_many(kind, keys)
    }
    fn find<'a>(&'a self, term: &'a Term) -> StoreFuture<'a, Option<Arc<str>>> {
        self.inner.find(term)
    }
    fn range<'a>(&'a self, range: &'a Range) -> StoreFuture<'a, Vec<Entry>> {
        self.inner.range(range)
    }
    fn scan<'a>(
        &'a self,
        kind: Kind,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> StoreFuture<'a, Vec<Row>> {
        self.inner.scan(kind, prefix, after, limit)
    }
    fn commit(&self, batch: Batch) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let (done, told) = self.lives();
            if done {
                self.inner.commit(batch).await?;
            }
            if told { Ok(()) } else { dead() }
        })
    }
    fn feed<'a>(&'a self, topic: &'a str, after: u64, limit: usize) -> StoreFuture<'a, Vec<FeedRow>> {
        self.inner.feed(topic, after, limit)
    }
    fn trim<'a>(&'a self, topic: &'a str, through: u64) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let (done, told) = self.lives();
            if done {
                self.inner.trim(topic, through).await?;
            }
            if told { Ok(()) } else { dead() }
        })
    }
    fn keep_ledger(&self, witness: Witness, begin: LedgerBegin, first: Batch) -> StoreFuture<'_, ()> {
        self.inner.keep_ledger(witness, begin, first)
    }
    fn watch(&self, watcher: Arc<dyn Watcher>) {
        self.inner.watch(watcher);
    }
}

struct House {
    store: Arc<Mortal>,
    keyring: Arc<Keyring>,
    random: Arc<SeededRandom>,
    clock: MockClock,
    /// What each target has taken: ids of events.
    taken: Mutex<BTreeMap<String, Vec<String>>>,
}

fn region() -> Region {
    Region::parse("us-east-1").unwrap()
}

impl House {
    fn new(seed: u64) -> Self {
        let random = Arc::new(SeededRandom::new(seed));
        let keyring = Arc::new(Keyring::new(&[aead::generate_key(random.as_ref()).unwrap()]).unwrap());
        let store = Arc::new(Mortal { inner: MemoryStore::new(), left: AtomicU64::new(u64::MAX) });
        Self { store, keyring, random, clock: MockClock::at(START), taken: Mutex::default() }
    }

    fn documents(&self) -> Arc<Documents> {
        let store = Arc::clone(&self.store) as _;
        Arc::new(Documents::new(store, Arc::clone(&self.keyring), Arc::clone(&self.random) as _, 1 << 20))
    }

    /// A process that begins now.
    fn start(&self) -> Events {
        self.store.left.store(u64::MAX, Ordering::SeqCst);
        let documents = self.documents();
        let identities = Arc::new(Identities::new(Arc::clone(&documents)));
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let host = Arc::new(NoHost::default());
        let functions = Functions::new(Arc::clone(&documents), identities, host, Arc::clone(&clock), region());
        Events::new(documents, Arc::new(functions), clock, region(), Arc::new(|_: &str| Ok(())))
    }

    async fn rule(&self, events: &Events, name: &str, pattern: &str, targets: &[&str]) {
        self.rule_of(ACCOUNT, events, name, pattern, targets).await;
    }

    async fn rule_of(&self, account: &str, events: &Events, name: &str, pattern: &str, targets: &[&str]) {
        let target = |id: &&str| Target { id: (*id).into(), arn: [LOG, id].concat(), ..Target::default() };
        let rule = Rule {
            account: account.into(),
            region: "us-east-1".into(),
            partition: "aws".into(),
            name: name.into(),
            pattern: pattern.into(),
            state: "ENABLED".into(),
            description: None,
            role_arn: None,
            tags: BTreeMap::new(),
            targets: targets.iter().map(target).collect(),
            created_by: ACCOUNT.into(),
            created_ms: 0,
        };
        let mut batch = Batch::named("test");
        events.documents.put(&mut batch, None, &Arc::new(rule)).unwrap();
        events.documents.commit(batch).await.unwrap();
    }

    /// Commits an event as a change does: its id, when that was acknowledged.
    async fn announce(&self, events: &Events, detail: &str) -> Option<String> {
        self.announce_in(ACCOUNT, events, detail).await
    }

    async fn announce_in(&self, account: &str, events: &Events, detail: &str) -> Option<String> {
        let announcement = Announcement {
            source: "app",
            detail_type: "t",
            account,
            region: &region(),
            time: self.clock.now(),
            resources: &[],
            detail,
        };
        let (id, event) = announcement.envelope(&events.documents).unwrap();
        let mut batch = Batch::named("test");
        batch.feed.push(announcing::seal(&events.documents, &id, &event).unwrap());
        events.documents.commit(batch).await.ok().map(|()| id)
    }

    /// One round of the worker: what is due is carried out as `carry` says, by target.
    async fn round(&self, events: &Events, carry: &dyn Fn(&str) -> Result<(), Failure>) -> Result<(), Error> {
        if !events.lead("here").await? {
            return Ok(());
        }
        events.sort().await?;
        for delivery in events.due(1000, &HashSet::new(), |_| Room::Yes).await? {
            let id = &delivery.value.target.id;
            let ended = carry(id);
            if ended.is_ok() {
                let mut taken = self.taken.lock().unwrap();
                taken.entry(id.clone()).or_default().push(delivery.value.event_id.clone());
            }
            events.settle(&delivery, ended).await?;
        }
        Ok(())
    }

    fn taken(&self, target: &str) -> Vec<String> {
        self.taken.lock().unwrap().get(target).cloned().unwrap_or_default()
    }

    async fn waiting(&self) -> (usize, usize) {
        let feed = self.store.feed(announcing::TOPIC, 0, usize::MAX).await.unwrap().len();
        (feed, self.store.scan(DELIVERY, "", None, usize::MAX).await.unwrap().len())
    }
}

#[tokio::test]
async fn events_go_to_the_targets_of_the_rules_that_they_match() {
    let house = House::new(1);
    let events = house.start();
    house.rule(&events, "all", r#"{"source":["app"]}"#, &["a", "b"]).await;
    house.rule(&events, "ones", r#"{"detail":{"n":[1]}}"#, &["c"]).await;
    let one = house.announce(&events, r#"{"n":1}"#).await.unwrap();
    let two = house.announce(&events, r#"{"n":2}"#).await.unwrap();
    house.round(&events, &|_| Ok(())).await.unwrap();
    assert_eq!(house.taken("c"), std::slice::from_ref(&one));
    for target in ["a", "b"] {
        assert_eq!(BTreeSet::from_iter(house.taken(target)), BTreeSet::from([one.clone(), two.clone()]));
    }
    assert_eq!(house.waiting().await, (0, 0));
}

#[tokio::test]
async fn without_a_rule_no_event_is_committed_once_that_is_known() {
    let house = House::new(2);
    let events = house.start();
    assert!(events.documents.announces(), "not known yet");
    house.round(&events, &|_| Ok(())).await.unwrap();
    assert!(!events.documents.announces());
    house.rule(&events, "all", r#"{"source":["app"]}"#, &["a"]).await;
    assert!(events.documents.announces(), "from the rule on");
    house.round(&events, &|_| Ok(())).await.unwrap();
    assert!(events.documents.announces());
}

#[tokio::test]
async fn a_dead_target_neither_holds_up_the_others_nor_is_forgotten() {
    let house = House::new(3);
    let events = house.start();
    house.rule(&events, "all", r#"{"source":["app"]}"#, &["dead", "live"]).await;
    let down = |id: &str| if id == "dead" { Err(Failure::passing("down")) } else { Ok(()) };
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(house.announce(&events, "{}").await.unwrap());
        house.round(&events, &down).await.unwrap();
        house.clock.advance_millis(1000);
    }
    assert_eq!(house.taken("live"), ids);
    // An hour later it is there again.
    house.clock.advance_millis(3_600_000);
    house.round(&events, &|_| Ok(())).await.unwrap();
    assert_eq!(BTreeSet::from_iter(house.taken("dead")), BTreeSet::from_iter(ids));
    assert_eq!(house.waiting().await, (0, 0));
}

#[tokio::test]
async fn after_a_day_of_failures_a_delivery_is_kept_and_can_be_begun_anew() {
    let house = House::new(4);
    let events = house.start();
    house.rule(&events, "all", r#"{"source":["app"]}"#, &["a"]).await;
    house.announce(&events, "{}").await.unwrap();
    let down = |_: &str| Err(Failure::passing("down"));
    let mut rounds = 0;
    while house.clock.now().millis_since(START) < 25 * 3_600_000 {
        house.round(&events, &down).await.unwrap();
        house.clock.advance_millis(30_000);
        rounds += 1;
    }
    let prefix = dead_prefix(ACCOUNT, "us-east-1");
    let range = Range { index: BY_DEAD, prefix, after: None, descending: false, limit: 10 };
    let entries = events.documents.range(&range).await.unwrap();
    let dead = events.documents.load_entries::<Delivery>(BY_DEAD, &entries).await.unwrap();
    assert_eq!(dead.len(), 1);
    let dead = &dead[0].value;
    assert!((100..rounds).contains(&dead.attempts), "{}", dead.attempts);
    assert_eq!((dead.failure.as_deref(), dead.due_ms), (Some("down"), None));
    // Kept for two weeks.
    assert_eq!(events.forget_dead(ACCOUNT).await.unwrap(), 0);
    house.clock.advance_days(15);
    assert_eq!(events.forget_dead(ACCOUNT).await.unwrap(), 1);
    assert_eq!(house.waiting().await, (0, 0));
}

/// Whatever the seed: processes die at any operation on the store, come again, and in the end each target has had every
/// event that was acknowledged.
#[tokio::test]
async fn nothing_is_lost_wherever_the_process_dies() {
    for seed in 0..300 {
        let house = House::new(seed);
        house.rule(&house.start(), "all", r#"{"source":["app"]}"#, &["a", "b"]).await;
        let mut acknowledged = BTreeSet::new();
        let draw = |most: u64| {
            let mut bytes = [0; 8];
            house.random.fill(&mut bytes).unwrap();
            u64::from_le_bytes(bytes) % most
        };
        for _ in 0..8 {
            let events = house.start();
            house.store.left.store(draw(12), Ordering::SeqCst);
            for _ in 0..draw(4) {
                acknowledged.extend(house.announce(&events, "{}").await);
                let failing = draw(3) == 0;
                let carry = |id: &str| if failing && id == "a" { Err(Failure::passing("down")) } else { Ok(()) };
                // Where it dies, it is done again by the next.
                let _ = house.round(&events, &carry).await;
                house.clock.advance_millis(500);
            }
        }
        let events = house.start();
        for _ in 0..20 {
            house.round(&events, &|_| Ok(())).await.unwrap();
            house.clock.advance_millis(60_000);
        }
        for target in ["a", "b"] {
            let taken = BTreeSet::from_iter(house.taken(target));
            assert!(acknowledged.is_subset(&taken), "seed {seed}: {target} misses some of {acknowledged:?}");
        }
        assert_eq!(house.waiting().await, (0, 0), "seed {seed}");
    }
}

#[tokio::test]
async fn one_server_has_the_work_and_another_takes_it_over() {
    let house = House::new(6);
    let events = house.start();
    assert!(events.lead("first").await.unwrap());
    assert!(!events.lead("second").await.unwrap());
    house.clock.advance_millis(LEASE_MS - 1);
    assert!(events.lead("first").await.unwrap(), "kept");
    house.clock.advance_millis(LEASE_MS - 1);
    assert!(!events.lead("second").await.unwrap());
    house.clock.advance_millis(2);
    assert!(events.lead("second").await.unwrap(), "it ended");
    assert!(!events.lead("first").await.unwrap());
    events.leave("second").await.unwrap();
    assert!(events.lead("first").await.unwrap(), "it was left");
    // A clock that was set back gives nobody a longer lease.
    house.clock.set(START);
    house.clock.advance_days(-1);
    assert!(events.lead("second").await.unwrap());
}

#[tokio::test]
async fn an_altered_event_is_left_out_and_the_others_go_on() {
    let house = House::new(7);
    let events = house.start();
    house.rule(&events, "all", r#"{"source":["app"]}"#, &["a"]).await;
    let mut moved = announcing::seal(&events.documents, "one", "{}").unwrap();
    moved.id = "other".into();
    let mut batch = Batch::named("test");
    batch.feed.push(moved);
    events.documents.commit(batch).await.unwrap();
    let id = house.announce(&events, "{}").await.unwrap();
    assert_eq!(announcing::faults(house.store.as_ref(), &house.keyring).await.unwrap().len(), 1);
    house.round(&events, &|_| Ok(())).await.unwrap();
    assert_eq!(house.taken("a"), [id]);
}

#[test]
fn a_deliverys_key_ends_with_its_target() {
    let key = super::delivery::document_key(ACCOUNT, "us-east-1", "e-1", "rule", "target:1");
    assert_eq!(target_in(&key), "111111111111:rule:target:1");
}

#[tokio::test]
async fn what_waits_for_one_account_keeps_none_of_the_others_back() {
    let house = House::new(8);
    let events = house.start();
    let accounts = [ACCOUNT, "222222222222", "333333333333"];
    for account in accounts {
        house.rule_of(account, &events, "all", r#"{"source":["app"]}"#, &["a"]).await;
    }
    let alone = house.announce(&events, "{}").await.unwrap();
    house.clock.advance_millis(-60_000);
    for _ in 0..700 {
        house.announce_in(accounts[1], &events, "{}").await.unwrap();
    }
    house.clock.advance_millis(120_000);
    let last = house.announce_in(accounts[2], &events, "{}").await.unwrap();
    assert!(events.lead("here").await.unwrap());
    events.sort().await.unwrap();
    let mut found = BTreeSet::new();
    for _ in 0..3 {
        let mut left = 4;
        let room = |key: &str| match (account_in(key) == accounts[1], left) {
            (true, 0) => Room::No,
            (true, _) => {
                left -= 1;
                Room::Yes
            }
            (false, _) => Room::Yes,
        };
        let due = events.due(6, &HashSet::new(), room).await.unwrap();
        assert_eq!(due.len(), 6);
        found.extend(due.iter().map(|due| due.value.event_id.clone()));
    }
    assert!(found.contains(&alone) && found.contains(&last));
    // One place at a time comes to each account in turn.
    let mut turns = Vec::new();
    for _ in 0..4 {
        let due = events.due(1, &HashSet::new(), |_| Room::Yes).await.unwrap();
        turns.extend(due.iter().map(|due| due.value.account.clone()));
    }
    assert_eq!(BTreeSet::from_iter(turns.iter().map(String::as_str)), BTreeSet::from(accounts), "{turns:?}");
}

#[tokio::test]
async fn a_destination_has_no_connection_of_another_account() {
    let house = House::new(9);
    let events = house.start();
    let connection = Connection {
        account: ACCOUNT.into(),
        region: "us-east-1".into(),
        partition: "aws".into(),
        name: "c".into(),
        id: "1".into(),
        description: None,
        kind: "API_KEY".into(),
        public: "x-key".into(),
        secret_name: "events!connection/c/1".into(),
        secret_arn: Some("arn".into()),
        kms_key_id: None,
        created_ms: 0,
        changed_ms: 0,
        authorized_ms: 0,
    };
    let of = |account: &str| Destination {
        account: account.into(),
        region: "us-east-1".into(),
        partition: "aws".into(),
        name: "d".into(),
        id: "2".into(),
        description: None,
        connection_arn: connection.arn(),
        url: "https://hooks.example.org/".into(),
        method: "POST".into(),
        rate_max: 1,
        created_ms: 0,
        changed_ms: 0,
    };
    let (own, others) = (of(ACCOUNT), of("222222222222"));
    let arns = [own.arn(), others.arn()];
    let mut batch = Batch::named("test");
    events.documents.put(&mut batch, None, &Arc::new(connection)).unwrap();
    for destination in [own, others] {
        events.documents.put(&mut batch, None, &Arc::new(destination)).unwrap();
    }
    events.documents.commit(batch).await.unwrap();
    assert!(events.destination_of(&arns[0]).await.unwrap().is_some());
    assert!(events.destination_of(&arns[1]).await.unwrap().is_none(), "the key of another account");
}

#[test]
fn a_short_template_makes_no_endless_text_of_a_large_event() {
    let event = format!(r#"{{"detail":"{}"}}"#, "x".repeat(500_000));
    let transformer = super::rule::Transformer {
        paths: BTreeMap::from([("a".to_owned(), "$".to_owned())]),
        template: "<a>".repeat(2000),
    };
    let rule = Rule {
        account: ACCOUNT.into(),
        region: "us-east-1".into(),
        partition: "aws".into(),
        name: "r".into(),
        pattern: "{}".into(),
        state: "ENABLED".into(),
        description: None,
        role_arn: None,
        tags: BTreeMap::new(),
        targets: Vec::new(),
        created_by: String::new(),
        created_ms: 0,
    };
    let target = Target { transformer: Some(transformer), ..Target::default() };
    let failure = Delivery::begin(&rule, &target, "e", &event, START).payload().unwrap_err();
    assert!(failure.lasting, "{failure:?}");
}
