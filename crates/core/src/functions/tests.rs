//! Functions over an in-memory store, with a host that answers what it was given.

use std::io::{Cursor, Write as _};
use std::sync::{Arc, Mutex};

use strongroom_crypto::random::SeededRandom;
use strongroom_crypto::{Keyring, aead};
use strongroom_store::{Batch, MemoryStore};
use strongroom_types::{AccountId, Clock as _, MockClock, Region, SecretBytes, SecretText, Timestamp};
use strongroom_wire::lambda::{
    AddPermissionRequest, CreateFunctionRequest, Environment, FunctionCode, InvocationRequest, InvocationType, LogType,
    Operation, PublishVersionRequest, Runtime,
};

use super::sites::{Named, Site, Told};
use super::*;
use crate::caller::{Caller, Principal};
use crate::ctx::Way;
use crate::identities::account::Account;
use crate::identities::entity::Policies;
use crate::identities::policy_text::PolicyText;
use crate::identities::signers::Found;
use crate::trail::record::{EventKind, IdentityKind, Record, Source, UserIdentity};

const ACCOUNT: &str = "111111111111";
const ROLE: &str = "arn:aws:iam::111111111111:role/runs";
const ARN: &str = "arn:aws:lambda:us-east-1:111111111111:function:f";
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:111111111111:secret:db-AbCdEf";

/// Answers the event and remembers what it was asked; waits while it is told to.
#[derive(Default)]
struct Echo {
    seen: Mutex<Vec<Invocation>>,
    retired: Mutex<Vec<String>>,
    gate: tokio::sync::Mutex<()>,
}

impl Host for Echo {
    fn invoke(&self, invocation: Invocation) -> Hosting<'_, Result<Invoked, HostFailure>> {
        Box::pin(async move {
            let payload = SecretBytes::new(invocation.payload.expose().to_vec());
            self.seen.lock().unwrap().push(invocation);
            drop(self.gate.lock().await);
            Ok(Invoked { payload, function_error: None, log_tail: Some(SecretBytes::new(b"log".to_vec())) })
        })
    }

    fn retire<'a>(&'a self, function_arn: &'a str) -> Hosting<'a, ()> {
        Box::pin(async { self.retired.lock().unwrap().push(function_arn.to_owned()) })
    }

    fn knows_native(&self, name: &str) -> bool {
        name == "known"
    }
}

struct House {
    documents: Arc<Documents>,
    identities: Arc<Identities>,
    functions: Functions,
    host: Arc<Echo>,
    clock: MockClock,
    random: Arc<SeededRandom>,
}

fn region() -> Region {
    Region::parse("us-east-1").unwrap()
}

fn account() -> AccountId {
    AccountId::parse(ACCOUNT).unwrap()
}

impl House {
    async fn new() -> Self {
        let random = Arc::new(SeededRandom::new(7));
        let ring = Arc::new(Keyring::new(&[aead::generate_key(random.as_ref()).unwrap()]).unwrap());
        let store = Arc::new(MemoryStore::new());
        let documents = Arc::new(Documents::new(store as _, ring, Arc::clone(&random) as _, 1 << 20));
        let identities = Arc::new(Identities::new(Arc::clone(&documents)));
        let (host, clock) = (Arc::new(Echo::default()), MockClock::at(Timestamp::from_seconds(1_700_000_000)));
        let functions = Functions::new(
            Arc::clone(&documents),
            Arc::clone(&identities),
            Arc::clone(&host) as _,
            Arc::new(clock.clone()),
            region(),
        );
        let house = Self { documents, identities, functions, host, clock, random };
        let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
        let mut batch = Batch::named("test");
        house.documents.put(&mut batch, None, &Arc::new(Account::new(ACCOUNT, 0))).unwrap();
        let role = crate::identities::role::Role {
            account: ACCOUNT.to_owned(),
            partition: "aws".to_owned(),
            name: "runs".to_owned(),
            path: "/".to_owned(),
            id: "AROAEXAMPLEEXAMPLE123".to_owned(),
            created_ms: 0,
            description: None,
            trust: PolicyText::new(trust),
            session_seconds_max: 3600,
            signin_seconds_max: None,
            tags: Vec::new(),
            policies: Policies::default(),
        };
        house.documents.put(&mut batch, None, &Arc::new(role)).unwrap();
        house.documents.commit(batch).await.unwrap();
        house
    }

    /// A request of the root.
    fn cx(&self) -> Ctx {
        let record = Record {
            kind: EventKind::ApiCall,
            event_id: random_uuid(self.random.as_ref()).unwrap(),
            event_time: self.clock.now(),
            event_source: LAMBDA,
            event_name: "Test".into(),
            aws_region: region(),
            source_ip: Source::Address("127.0.0.1".parse().unwrap()),
            user_agent: "test".into(),
            request_id: "test".into(),
            account: Some(account()),
            identity: Arc::new(UserIdentity::of(IdentityKind::Root)),
            invoked_by: None,
            read_only: false,
            request_parameters: None,
            additional_event_data: Vec::new(),
            endpoint_id: None,
            tls: None,
        };
        Ctx::new(Arc::new(Caller::root(account(), "aws")), region(), self.clock.now(), Way::default(), record)
    }

    async fn permit(&self, cx: &Ctx, operation: Operation, asked: &str) -> Permit {
        let function = self.functions.resolve(cx, asked, None).await.unwrap();
        self.functions.permitted(cx, operation.action(), &function, &()).unwrap()
    }

    async fn create(&self, handler: &str, zip: Option<SecretBytes>) -> Result<String, String> {
        self.create_as("f", handler, zip).await
    }

    async fn create_as(&self, asked: &str, handler: &str, zip: Option<SecretBytes>) -> Result<String, String> {
        let cx = self.cx();
        let variables = [("KEY".to_owned(), SecretText::new("hunter2".to_owned()))].into();
        let input = CreateFunctionRequest {
            function_name: asked.to_owned(),
            runtime: Some(Runtime::ProvidedAl2023),
            role: ROLE.to_owned(),
            handler: Some(handler.to_owned()),
            code: FunctionCode { zip_file: zip, ..FunctionCode::default() },
            environment: Some(Environment { variables: Some(variables) }),
            ..CreateFunctionRequest::default()
        };
        let permit = self.permit(&cx, Operation::CreateFunction, asked).await;
        let made = self.functions.create_function(&cx, &permit, input).await;
        made.map(|made| made.code_sha256.unwrap()).map_err(told)
    }

    /// Lets Secrets Manager of an account in.
    async fn let_in(&self, asked: &str, of: &str) {
        let cx = self.cx();
        let permit = self.permit(&cx, Operation::AddPermission, asked).await;
        let input = AddPermissionRequest {
            function_name: asked.to_owned(),
            statement_id: "s".to_owned(),
            action: "lambda:InvokeFunction".to_owned(),
            principal: "secretsmanager.amazonaws.com".to_owned(),
            source_account: Some(of.to_owned()),
            ..AddPermissionRequest::default()
        };
        self.functions.add_permission(&cx, &permit, input).await.unwrap();
    }

    async fn check(&self, arn: &str) -> Result<(), String> {
        self.functions.check_for_rotation(&self.cx(), arn, SECRET, ACCOUNT).await.map_err(told)
    }

    async fn rotate(&self, arn: &str) -> Result<Invoked, String> {
        let payload = SecretBytes::new(b"{\"Step\":1}".to_vec());
        self.functions.invoke_as_service(arn, SECRET, payload, self.clock.now()).await.map_err(told)
    }
}

fn told(error: Error) -> String {
    match error {
        Error::Refused(refusal) => refusal.to_string(),
        other => format!("{other:?}"),
    }
}

fn package(bytes: usize) -> SecretBytes {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    writer.start_file("bootstrap", options).unwrap();
    writer.write_all(&vec![7; bytes]).unwrap();
    SecretBytes::new(writer.finish().unwrap().into_inner())
}

#[tokio::test]
async fn rotation_asks_for_the_function_and_for_its_policy() {
    let house = House::new().await;
    let invalid = house.check("arn:aws:lambda:eu-west-1:111111111111:function:f").await.unwrap_err();
    assert!(invalid.starts_with("InvalidParameterException: Invalid rotation Lambda ARN."), "{invalid}");
    assert!(house.check("f").await.unwrap_err().starts_with("InvalidParameterException"));
    let absent = "ResourceNotFoundException: Lambda does not exist or could not be accessed";
    assert_eq!(house.check(ARN).await.unwrap_err(), absent);
    let anothers = house.check("arn:aws:lambda:us-east-1:222222222222:function:f").await.unwrap_err();
    assert!(anothers.contains("is not authorized to perform: lambda:InvokeFunction"), "{anothers}");
    house.create("strongroom/known", None).await.unwrap();
    let closed = house.check(ARN).await.unwrap_err();
    assert!(closed.starts_with("AccessDeniedException: Secrets Manager cannot invoke"), "{closed}");
    house.let_in("f", "222222222222").await;
    assert_eq!(house.check(ARN).await.unwrap_err(), closed, "for another account's secrets");
    assert_eq!(house.rotate(ARN).await.unwrap_err(), closed);
    assert_eq!(house.check(&format!("{ARN}:7")).await.unwrap_err(), absent);
}

#[tokio::test]
async fn a_function_is_made_under_the_arn_that_leave_was_asked_for() {
    let house = House::new().await;
    let elsewhere = "arn:aws:lambda:eu-west-1:111111111111:function:us-east-1-f";
    assert!(house.create_as(elsewhere, "strongroom/known", None).await.is_err());
    house.create_as("arn:aws:lambda:us-east-1:111111111111:function:g", "strongroom/known", None).await.unwrap();
}

#[tokio::test]
async fn a_service_runs_a_function_with_credentials_of_its_role() {
    let house = House::new().await;
    house.create("strongroom/known", None).await.unwrap();
    house.let_in("f", ACCOUNT).await;
    house.check(ARN).await.unwrap();
    assert_eq!(house.rotate(ARN).await.unwrap().payload.expose(), b"{\"Step\":1}");
    let seen = house.host.seen.lock().unwrap().pop().unwrap();
    assert_eq!((seen.function_arn.as_str(), seen.version.as_str()), (ARN, "$LATEST"));
    assert_eq!(seen.deadline.millis() - house.clock.now().millis(), 3000);
    assert_eq!(seen.configuration.environment[0].value.expose(), "hunter2");
    assert!(!format!("{seen:?}").contains("hunter2"));
    let credentials = seen.credentials;
    let (key, token) = (credentials.access_key_id.as_str(), credentials.session_token.expose());
    let found = house.identities.signer(key, Some(token), &region(), house.clock.now()).await.unwrap();
    let Found::Signer(signer) = found else { panic!("{found:?}") };
    assert_eq!(&*signer.caller.arn, "arn:aws:sts::111111111111:assumed-role/runs/f");
    assert!(matches!(signer.caller.principal, Principal::RoleSession { .. }));
}

#[tokio::test]
async fn versions_run_as_they_were_published_under_their_own_policy() {
    let house = House::new().await;
    house.create("strongroom/known", None).await.unwrap();
    let cx = house.cx();
    let permit = house.permit(&cx, Operation::PublishVersion, "f").await;
    house.functions.publish_version(&cx, &permit, PublishVersionRequest::default()).await.unwrap();
    house.let_in("f", ACCOUNT).await;
    let one = format!("{ARN}:1");
    assert!(house.check(&one).await.unwrap_err().starts_with("AccessDeniedException"));
    house.let_in("f:1", ACCOUNT).await;
    house.check(&one).await.unwrap();
    house.rotate(&one).await.unwrap();
    let seen = house.host.seen.lock().unwrap().pop().unwrap();
    assert_eq!((seen.version.as_str(), seen.invoked_arn.as_str()), ("1", one.as_str()));
}

#[tokio::test]
async fn as_many_run_as_are_reserved() {
    let house = Arc::new(House::new().await);
    house.create("strongroom/known", None).await.unwrap();
    house.let_in("f", ACCOUNT).await;
    let cx = house.cx();
    let permit = house.permit(&cx, Operation::PutFunctionConcurrency, "f").await;
    let input = strongroom_wire::lambda::PutFunctionConcurrencyRequest {
        function_name: "f".to_owned(),
        reserved_concurrent_executions: 1,
    };
    house.functions.put_function_concurrency(&cx, &permit, input).await.unwrap();
    let closed = house.host.gate.lock().await;
    let first = tokio::spawn({
        let house = Arc::clone(&house);
        async move { house.rotate(ARN).await.map(drop) }
    });
    while house.host.seen.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(house.rotate(ARN).await.unwrap_err(), "TooManyRequestsException: Rate Exceeded.");
    drop(closed);
    first.await.unwrap().unwrap();
    house.rotate(ARN).await.unwrap();
}

#[tokio::test]
async fn code_is_checked_kept_in_pieces_and_removed_with_its_function() {
    let house = House::new().await;
    let not_a_zip = house.create("bootstrap", Some(SecretBytes::new(vec![1, 2, 3]))).await.unwrap_err();
    assert!(not_a_zip.starts_with("InvalidParameterValueException: Could not unzip"), "{not_a_zip}");
    assert!(house.create("strongroom/unknown", None).await.is_err());
    let zip = package(2_500_000);
    let sha256 = house.create("bootstrap", Some(zip.clone())).await.unwrap();
    let pieces = || house.documents.scan::<code::CodeChunk>("", None, 10);
    assert_eq!(pieces().await.unwrap().len(), 3);
    let cx = house.cx();
    let permit = house.permit(&cx, Operation::Invoke, "f").await;
    let input = InvocationRequest { log_type: Some(LogType::Tail), ..InvocationRequest::default() };
    let Begun::Done(answer) = house.functions.invoke(&cx, &permit, input, "id").await.unwrap() else { panic!() };
    assert_eq!((answer.status_code, answer.log_result.as_deref()), (Some(200), Some("bG9n")));
    assert_eq!(answer.payload.unwrap().expose(), b"{}");
    let seen = house.host.seen.lock().unwrap().pop().unwrap();
    assert_eq!(seen.code.sha256(), sha256);
    assert_eq!(seen.code.load().await.unwrap().expose(), zip.expose());
    let later = InvocationRequest { invocation_type: Some(InvocationType::Event), ..InvocationRequest::default() };
    let begun = house.functions.invoke(&cx, &permit, later, "id").await.unwrap();
    let Begun::Later(prepared, answer) = begun else { panic!() };
    assert_eq!(answer.status_code, Some(202));
    house.functions.run_later(prepared).await;
    assert_eq!(house.host.seen.lock().unwrap().len(), 1);
    let cx = house.cx();
    let permit = house.permit(&cx, Operation::DeleteFunction, "f").await;
    house.functions.delete_function(&cx, &permit, Default::default()).await.unwrap();
    assert!(pieces().await.unwrap().is_empty());
    assert_eq!(*house.host.retired.lock().unwrap(), [ARN]);
    assert!(seen.code.load().await.is_err());
}

/// A place that tells what it is given, and echoes events.
struct Outside(Told);

impl Site for Outside {
    fn look_up<'a>(&'a self, _function: Named<'a>) -> Hosting<'a, Result<Told, String>> {
        Box::pin(async { Ok(self.0.clone()) })
    }

    fn invoke<'a>(&'a self, function: Named<'a>, payload: SecretBytes) -> Hosting<'a, Result<Invoked, String>> {
        Box::pin(async move {
            if function.name == "gone" {
                return Err("nobody answers".to_owned());
            }
            Ok(Invoked { payload, function_error: Some("Outside".to_owned()), log_tail: None })
        })
    }
}

fn outside(told: Told) -> Arc<dyn Site> {
    Arc::new(Outside(told))
}

fn lets_in(account: &str) -> Option<String> {
    Some(format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"secretsmanager.amazonaws.com"}},"Action":"lambda:InvokeFunction","Resource":"*","Condition":{{"StringEquals":{{"aws:SourceAccount":"{account}"}}}}}}]}}"#
    ))
}

impl House {
    async fn with_sites(sites: Sites) -> Self {
        let mut house = Self::new().await;
        house.functions = house.functions.with_sites(sites);
        house
    }
}

#[tokio::test]
async fn a_function_is_where_configuration_says_then_here_then_at_the_outside_lambda() {
    let named = [(ARN.to_owned(), outside(Told::Found { policy: lets_in(ACCOUNT) }))].into();
    let others = Some(outside(Told::Found { policy: lets_in(ACCOUNT) }));
    let house = House::with_sites(Sites { named, others }).await;
    let error_of = async |arn: &str| house.rotate(arn).await.unwrap().function_error;
    house.create("strongroom/known", None).await.unwrap();
    house.check(ARN).await.unwrap();
    assert_eq!(error_of(ARN).await.as_deref(), Some("Outside"), "the one that is named comes first");
    let other = ARN.replace("function:f", "function:g");
    assert_eq!(error_of(&other).await.as_deref(), Some("Outside"), "none of that name is here");
    assert!(house.host.seen.lock().unwrap().is_empty());
    let gone = ARN.replace("function:f", "function:gone");
    assert_eq!(house.rotate(&gone).await.unwrap_err(), r#"Internal("nobody answers")"#);
    let cx = house.cx();
    let shown = house.functions.resolve(&cx, &other, None).await.unwrap();
    assert!(told(shown.version().unwrap_err()).starts_with("ResourceNotFoundException"), "not there for callers");
}

#[tokio::test]
async fn what_is_hosted_here_is_not_asked_for_elsewhere() {
    let others = Some(outside(Told::Found { policy: lets_in(ACCOUNT) }));
    let house = House::with_sites(Sites { others, ..Sites::default() }).await;
    house.create("strongroom/known", None).await.unwrap();
    assert!(house.check(ARN).await.unwrap_err().starts_with("AccessDeniedException"), "its own policy counts");
    house.let_in("f", ACCOUNT).await;
    assert_eq!(house.rotate(ARN).await.unwrap().function_error, None);
    let absent = house.check(&format!("{ARN}:7")).await.unwrap_err();
    assert!(absent.starts_with("ResourceNotFoundException"), "no version of it is elsewhere: {absent}");
}

#[tokio::test]
async fn the_policy_of_a_function_elsewhere_is_decided_on_here() {
    let absent = "ResourceNotFoundException: Lambda does not exist or could not be accessed";
    let closed = "AccessDeniedException: Secrets Manager cannot invoke the specified Lambda function.";
    for (told, checked, rotated) in [
        (Told::Absent, absent, absent),
        (Told::Closed("AccessDenied: no".to_owned()), absent, "could not be accessed: AccessDenied: no"),
        (Told::Found { policy: None }, closed, closed),
        (Told::Found { policy: lets_in("222222222222") }, closed, closed),
        (Told::Found { policy: Some("{}".to_owned()) }, "does not read", "does not read"),
    ] {
        let house = House::with_sites(Sites { others: Some(outside(told)), ..Sites::default() }).await;
        let refused = house.check(ARN).await.unwrap_err();
        assert!(refused.contains(checked) && !refused.contains("AccessDenied: no"), "{refused}");
        let refused = house.rotate(ARN).await.unwrap_err();
        assert!(refused.contains(rotated), "{refused}");
    }
}
