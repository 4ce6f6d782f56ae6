"""Events: rules with targets that are endpoints of HTTP, functions and the log; each event is delivered, also after a kill."""

import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import queue
import subprocess
import sys
import threading
import time
import urllib.request

import botocore.exceptions
import pytest

import functions
import servers
from rotation import ROTATE_PY, client, new_function, policy, until
from streams import Stream, close_all

RUNTIMES = pathlib.Path(__file__).parents[3] / "target" / "runtimes"
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
ACCOUNT = "111111111111"
REGION = "us-east-1"
LOG = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/all"
SECRETS = {"source": ["aws.secretsmanager"]}
# The secret that a connection keeps its credentials in. It is made just before a test's rule, which may or may not be in
# time to be given what tells of it.
CONNECTIONS_OWN = b"events!connection/"
# A function that hands its event on to the receiver that its environment names.
HANDLER = """
import json
import os
import urllib.request

def handler(event, context):
    request = urllib.request.Request(os.environ["RECEIVER"], json.dumps(event).encode())
    urllib.request.urlopen(request).read()
"""


class Receiver:
    """An endpoint that keeps what it is sent, and answers with the statuses that it is given, then with 200."""

    def __init__(self):
        self.requests, self.statuses = queue.Queue(), []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                status = 200
                if CONNECTIONS_OWN not in body:
                    receiver.requests.put((self.path, dict(self.headers), body))
                    status = receiver.statuses.pop(0) if receiver.statuses else 200
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def event(self, seconds=60, wanted=lambda event: True):
        """The next event that is wanted."""
        end = time.monotonic() + seconds
        while True:
            _, _, body = self.requests.get(timeout=max(0.01, end - time.monotonic()))
            if wanted(event := json.loads(body)):
                return event

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def server(tmp_path, receiver):
    """A server that may send to the receiver."""
    settings = (
        f'[account]\nid = "{ACCOUNT}"\n[functions]\nruntimes = "{RUNTIMES}"\n'
        '[events]\nhosts = ["127.0.0.1"]\nallow_plain_http_on_loopback = true\n'
        '[metrics]\nenabled = true\n'
    )
    server = servers.Server(servers.binary(), tmp_path, settings)
    server.start()
    yield server
    server.process.kill()
    server.process.wait()


@pytest.fixture
def events(server):
    return client("events", server)


def new_destination(events, url, name="hook", kind="API_KEY", **more):
    """An API destination with a connection: its ARN."""
    parameters = {"ApiKeyAuthParameters": {"ApiKeyName": "x-api-key", "ApiKeyValue": "planted-api-key"}}
    if kind == "BASIC":
        parameters = {"BasicAuthParameters": {"Username": "ann", "Password": "planted-password"}}
    connection = events.create_connection(Name=name, AuthorizationType=kind, AuthParameters=parameters)
    assert connection["ConnectionState"] == "AUTHORIZED"
    made = events.create_api_destination(
        Name=name, ConnectionArn=connection["ConnectionArn"], InvocationEndpoint=url, HttpMethod="POST", **more
    )
    assert made["ApiDestinationState"] == "ACTIVE"
    return made["ApiDestinationArn"]


def put(events, arn, pattern=None, rule="all", **target):
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern or SECRETS))
    answer = events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": arn, **target}])
    assert answer["FailedEntryCount"] == 0


def refused(call, **arguments):
    return functions.refused(call, **arguments)[1:]


def test_a_changed_secret_arrives_at_an_endpoint(server, events, receiver):
    sm = client("secretsmanager", server)
    put(events, new_destination(events, receiver.url + "/hook"))
    arn = sm.create_secret(Name="app", SecretString="planted-value")["ARN"]
    found = {}
    until(lambda: found.setdefault((event := receiver.event())["detail-type"], event) and len(found) == 2)
    call, label = found["AWS API Call via CloudTrail"], found["Secret Label Updated"]
    assert call["detail"]["eventName"] == "CreateSecret" and call["detail"]["requestParameters"]["name"] == "app"
    assert "planted" not in json.dumps(found)
    current = sm.describe_secret(SecretId=arn)["VersionIdsToStages"]
    assert label["detail"] == {"name": "app", "labelUpdated": "AWSCURRENT", "versionId": next(iter(current))}
    assert label["resources"] == [arn]
    for event in found.values():
        assert event["version"] == "0" and event["source"] == "aws.secretsmanager"
        assert event["account"] == ACCOUNT and event["region"] == REGION and event["time"].endswith("Z")
    # Reads are no events; a change of metadata moves no label.
    sm.get_secret_value(SecretId=arn)
    sm.update_secret(SecretId=arn, Description="other")
    assert receiver.event()["detail"]["eventName"] == "UpdateSecret"
    sm.update_secret(SecretId=arn, SecretString="second")
    kinds = {receiver.event()["detail-type"] for _ in range(2)}
    assert kinds == set(found)
    sm.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    names = {receiver.event()["detail"]["eventName"] for _ in range(3)}
    assert names == {"DeleteSecret", "EndSecretVersionDelete"}


def test_what_is_sent_is_authorized_and_signed(server, events, receiver):
    sm = client("secretsmanager", server)
    target = {"HttpParameters": {
        "PathParameterValues": ["a/b"], "HeaderParameters": {"x-more": "m"}, "QueryStringParameters": {"q": "1 2"}}}
    put(events, new_destination(events, receiver.url + "/hook/*?fixed=1"), **target)
    sm.create_secret(Name="app", SecretString="v")
    path, headers, body = receiver.requests.get(timeout=60)
    assert path == "/hook/a%2Fb?fixed=1&q=1%202"
    headers = {name.lower(): value for name, value in headers.items()}
    assert headers["x-api-key"] == "planted-api-key" and headers["x-more"] == "m"
    described = events.describe_connection(Name="hook")
    assert "planted" not in json.dumps(described, default=str)
    secret = json.loads(sm.get_secret_value(SecretId=described["SecretArn"])["SecretString"])
    assert secret["api_key_name"] == "x-api-key" and secret["api_key_value"] == "planted-api-key"
    at, signature = (part.split("=", 1)[1] for part in headers["x-strongroom-signature"].split(","))
    wanted = hmac.new(secret["signing_key"].encode(), f"{at}.".encode() + body, hashlib.sha256)
    assert hmac.compare_digest(signature, wanted.hexdigest()) and abs(time.time() - int(at)) < 60
    assert headers["x-strongroom-event-id"] == json.loads(body)["id"]
    kept = [path.read_bytes() for path in server.directory.rglob("*") if path.is_file()]
    assert not [text for text in kept if b"planted" in text], "what authorizes stands in a file"
    # The secret is the service's, and goes with the connection.
    with pytest.raises(botocore.exceptions.ClientError):
        sm.put_secret_value(SecretId=described["SecretArn"], SecretString="{}")
    events.remove_targets(Rule="all", Ids=["1"])
    events.delete_api_destination(Name="hook")
    events.delete_connection(Name="hook")
    with pytest.raises(sm.exceptions.ResourceNotFoundException):
        sm.describe_secret(SecretId=described["SecretArn"])
    put(events, new_destination(events, receiver.url, "basic", "BASIC"), rule="basic")
    sm.create_secret(Name="other", SecretString="v")

    def basic():
        _, headers, _ = receiver.requests.get(timeout=60)
        return headers.get("authorization", headers.get("Authorization", ""))

    pair = base64.b64encode(b"ann:planted-password").decode()
    until(lambda: basic() == f"Basic {pair}")


def test_a_function_is_invoked_when_its_policy_lets_the_rule_in(server, events, receiver):
    sm, iam, awslambda = (client(service, server) for service in ("secretsmanager", "iam", "lambda"))
    role = functions.make_role(iam, "runs")
    made = awslambda.create_function(
        FunctionName="hook", Runtime=PYTHON, Handler="index.handler", Role=role, Timeout=30,
        Code={"ZipFile": functions.package({"index.py": HANDLER})},
        Environment={"Variables": {"RECEIVER": receiver.url}},
    )
    put(events, made["FunctionArn"], InputTransformer={
        "InputPathsMap": {"name": "$.detail.name", "label": "$.detail.labelUpdated"},
        "InputTemplate": '{"text": "<name> has a new <label>", "rule": <aws.events.rule-name>}',
    }, pattern={**SECRETS, "detail-type": ["Secret Label Updated"]})
    sm.create_secret(Name="app", SecretString="v")
    with pytest.raises(queue.Empty):
        receiver.event(seconds=2)
    rule = events.describe_rule(Name="all")["Arn"]
    awslambda.add_permission(
        FunctionName="hook", StatementId="rule", Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com", SourceArn=rule,
    )
    # What waited arrives now.
    assert receiver.event(seconds=120) == {"text": "app has a new AWSCURRENT", "rule": "all"}


def test_what_an_endpoint_refuses_is_sent_again(server, events, receiver):
    sm = client("secretsmanager", server)
    put(events, new_destination(events, receiver.url), pattern={**SECRETS, "detail-type": ["Secret Label Updated"]})
    receiver.statuses[:] = [500, 429]
    sm.create_secret(Name="app", SecretString="v")
    ids = {receiver.event()["id"] for _ in range(3)}
    assert len(ids) == 1 and not receiver.statuses


def test_nothing_is_lost_by_a_kill(server, events, receiver):
    sm = client("secretsmanager", server)
    put(events, new_destination(events, receiver.url), pattern={**SECRETS, "detail-type": ["Secret Label Updated"]})
    names = []
    for round in range(4):
        for number in range(10):
            names.append(f"{round}-{number}")
            sm.create_secret(Name=names[-1], SecretString="v")
        time.sleep(0.05 * round)
        server.process.kill()
        server.process.wait()
        server.start()
        sm = client("secretsmanager", server)
    arrived = set()
    until(lambda: arrived.add(receiver.event()["detail"]["name"]) or arrived == set(names))


def test_a_rotation_is_told_from_its_beginning_to_its_end(server, events, receiver):
    sm = client("secretsmanager", server)
    value = json.dumps({"username": "u", "password": "first"})
    arn = sm.create_secret(Name="app", SecretString=value)["ARN"]
    put(events, new_destination(events, receiver.url), pattern={
        **SECRETS, "$or": [{"resources": [arn]}, {"detail": {"additionalEventData": {"SecretId": [arn]}}}]})
    stream = Stream(server.url, server.key(), ["app"])
    assert stream.next()["event"] == "ready"
    function = new_function("rotate.handler", {"rotate.py": ROTATE_PY.read_text()}, PYTHON, server=server)
    version = sm.rotate_secret(SecretId="app", RotationLambdaARN=function, RotationRules={"AutomaticallyAfterDays": 30})
    told = [receiver.event(seconds=60) for _ in range(3)]
    assert {event["detail"].get("eventName") for event in told} == {"RotationStarted", "RotationSucceeded", None}
    label = next(event["detail"] for event in told if event["detail-type"] == "Secret Label Updated")
    assert label == {"name": "app", "labelUpdated": "AWSCURRENT", "versionId": version["VersionId"]}

    def is_current():
        stages = json.loads(stream.next(30)["data"]).get("VersionIdsToStages", {})
        return "AWSCURRENT" in stages.get(version["VersionId"], [])

    until(is_current)
    close_all()


def test_the_log_and_ones_own_events(server, events):
    put(events, LOG, pattern={"source": ["app"], "detail": {"n": [{"numeric": [">", 1]}]}})
    answer = events.put_events(Entries=[
        {"Source": "app", "DetailType": "t", "Detail": json.dumps({"n": 2, "text": "find-me"})},
        {"Source": "app", "DetailType": "t", "Detail": json.dumps({"n": 1, "text": "not-me"})},
        {"Source": "aws.app", "DetailType": "t", "Detail": "{}"},
        {"Source": "app", "DetailType": "t", "Detail": "no JSON"},
        {"Source": "app", "Detail": "{}"},
    ])
    assert answer["FailedEntryCount"] == 3
    codes = [entry.get("ErrorCode") for entry in answer["Entries"]]
    assert codes == [None, None, "NotAuthorizedForSourceException", "MalformedDetail", "InvalidArgument"]
    log = server.directory / "log"
    until(lambda: "find-me" in log.read_text())
    assert "not-me" not in log.read_text()


def test_rules_and_targets_are_kept_as_they_were_put(events):
    rule = events.put_rule(
        Name="one", EventPattern=json.dumps(SECRETS), Description="d", Tags=[{"Key": "k", "Value": "v"}])["RuleArn"]
    assert rule == f"arn:aws:events:{REGION}:{ACCOUNT}:rule/one"
    described = events.describe_rule(Name="one", EventBusName="default")
    assert described["State"] == "ENABLED" and described["Description"] == "d" and described["Arn"] == rule
    target = {
        "Id": "a", "Arn": LOG, "InputPath": "$.detail", "RetryPolicy": {"MaximumRetryAttempts": 3},
        "DeadLetterConfig": {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead"},
    }
    events.put_targets(Rule="one", Targets=[target, {"Id": "b", "Arn": LOG}])
    assert events.list_targets_by_rule(Rule="one")["Targets"] == [target, {"Id": "b", "Arn": LOG}]
    assert events.list_rule_names_by_target(TargetArn=LOG)["RuleNames"] == ["one"]
    events.disable_rule(Name="one")
    assert events.describe_rule(Name="one")["State"] == "DISABLED"
    events.enable_rule(Name="one")
    events.tag_resource(ResourceARN=rule, Tags=[{"Key": "l", "Value": "w"}])
    events.untag_resource(ResourceARN=rule, TagKeys=["k"])
    assert events.list_tags_for_resource(ResourceARN=rule)["Tags"] == [{"Key": "l", "Value": "w"}]
    for number in range(5):
        events.put_rule(Name=f"more-{number}", EventPattern=json.dumps(SECRETS))
    page = events.list_rules(Limit=4)
    assert len(page["Rules"]) == 4
    rest = events.list_rules(Limit=4, NextToken=page["NextToken"])
    assert len(rest["Rules"]) == 2 and "NextToken" not in rest
    assert [rule["Name"] for rule in events.list_rules(NamePrefix="o")["Rules"]] == ["one"]
    assert refused(events.delete_rule, Name="one")[0] == "ValidationException"
    events.remove_targets(Rule="one", Ids=["a", "b", "c"])
    events.delete_rule(Name="one")
    assert refused(events.describe_rule, Name="one") == (
        "ResourceNotFoundException", "Rule one does not exist on EventBus default.")
    assert events.describe_event_bus()["Name"] == "default"
    assert [bus["Name"] for bus in events.list_event_buses()["EventBuses"]] == ["default"]


def test_what_cannot_be_is_refused(events):
    pattern = json.dumps(SECRETS)
    code, text = refused(events.put_rule, Name="x", EventPattern='{"a": "b"}')
    assert code == "InvalidEventPatternException" and text.startswith("Event pattern is not valid. Reason: ")
    assert refused(events.put_rule, Name="x")[0] == "ValidationException"
    assert refused(events.put_rule, Name="x", ScheduleExpression="rate(1 day)")[0] == "ValidationException"
    assert refused(events.put_rule, Name="x", EventPattern=pattern, EventBusName="b") == (
        "ResourceNotFoundException", "Event bus b does not exist.")
    long = json.dumps({"a": ["x" * 2048]})
    assert refused(events.put_rule, Name="x", EventPattern=long)[0] == "ValidationException"
    events.put_rule(Name="x", EventPattern=pattern)
    for arn in (
        f"arn:aws:sqs:{REGION}:{ACCOUNT}:q",
        f"arn:aws:lambda:{REGION}:222222222222:function:f",
        f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/none/00000000-0000-4000-8000-000000000000",
        "no-arn",
    ):
        assert refused(events.put_targets, Rule="x", Targets=[{"Id": "1", "Arn": arn}])[0] == "ValidationException"
    for wrong in (
        {"Input": "{"}, {"InputPath": "x"}, {"Input": "1", "InputPath": "$.a"},
        {"InputTransformer": {"InputTemplate": "<x>"}},
        {"DeadLetterConfig": {"Arn": f"arn:aws:sqs:{REGION}:222222222222:q"}},
        {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r"}, {"SqsParameters": {"MessageGroupId": "g"}},
    ):
        targets = [{"Id": "1", "Arn": LOG, **wrong}]
        assert refused(events.put_targets, Rule="x", Targets=targets)[0] == "ValidationException", wrong
    six = [{"Id": str(number), "Arn": LOG} for number in range(6)]
    assert refused(events.put_targets, Rule="x", Targets=six)[0] == "LimitExceededException"
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}}
    connection = events.create_connection(Name="c", AuthorizationType="API_KEY", AuthParameters=key)["ConnectionArn"]
    assert refused(events.create_connection, Name="c", AuthorizationType="API_KEY", AuthParameters=key)[0] == (
        "ResourceAlreadyExistsException")
    assert refused(events.create_connection, Name="d", AuthorizationType="BASIC", AuthParameters=key)[0] == (
        "ValidationException")
    for url in ("https://169.254.169.254/", "https://example.org/", "http://localhost/", "https://127.0.0.1.example.org/"):
        assert refused(
            events.create_api_destination, Name="d", ConnectionArn=connection, InvocationEndpoint=url, HttpMethod="POST",
        )[0] == "ValidationException", url


def test_connections_and_destinations_change(server, events, receiver):
    sm = client("secretsmanager", server)
    arn = new_destination(events, receiver.url)
    secret = events.describe_connection(Name="hook")["SecretArn"]
    events.update_connection(Name="hook", AuthorizationType="BASIC", AuthParameters={
        "BasicAuthParameters": {"Username": "bob", "Password": "second"}})
    described = events.describe_connection(Name="hook")
    assert described["SecretArn"] == secret and described["AuthorizationType"] == "BASIC"
    assert described["AuthParameters"] == {"BasicAuthParameters": {"Username": "bob"}}
    assert json.loads(sm.get_secret_value(SecretId=secret)["SecretString"])["password"] == "second"
    events.update_api_destination(Name="hook", HttpMethod="PUT", InvocationRateLimitPerSecond=5, Description="d")
    described = events.describe_api_destination(Name="hook")
    assert (described["HttpMethod"], described["InvocationRateLimitPerSecond"]) == ("PUT", 5)
    assert described["ApiDestinationArn"] == arn
    assert events.deauthorize_connection(Name="hook")["ConnectionState"] == "DEAUTHORIZED"
    assert events.describe_api_destination(Name="hook")["ApiDestinationState"] == "INACTIVE"
    with pytest.raises(sm.exceptions.ResourceNotFoundException):
        sm.describe_secret(SecretId=secret)
    assert [found["Name"] for found in events.list_connections()["Connections"]] == ["hook"]
    assert [found["Name"] for found in events.list_api_destinations()["ApiDestinations"]] == ["hook"]


def test_a_connection_of_another_account_is_none(server, events, receiver):
    new_destination(events, receiver.url)
    connection = events.describe_connection(Name="hook")["ConnectionArn"]
    server.stop()
    server.run("account", "create", "--account", "444455556666")
    server.start()
    elsewhere = servers.Server(server.binary, server.directory, server.config.read_text())
    elsewhere.key = lambda: server.key("444455556666")
    other = client("events", elsewhere)
    asked = {"Name": "x", "InvocationEndpoint": receiver.url, "HttpMethod": "POST"}
    assert refused(other.create_api_destination, ConnectionArn=connection, **asked)[0] == "ResourceNotFoundException"
    new_destination(other, receiver.url)
    assert refused(other.update_api_destination, Name="hook", ConnectionArn=connection)[0] == "ResourceNotFoundException"


def test_headers_that_carry_a_request_are_not_set(events, receiver):
    arn = new_destination(events, receiver.url)
    events.put_rule(Name="all", EventPattern=json.dumps(SECRETS))
    for name in ["Host", "transfer-encoding", "Content-Length"]:
        target = {"Id": "1", "Arn": arn, "HttpParameters": {"HeaderParameters": {name: "1"}}}
        assert refused(events.put_targets, Rule="all", Targets=[target])[0] == "ValidationException"
        key = {"ApiKeyAuthParameters": {"ApiKeyName": name, "ApiKeyValue": "1"}}
        made = {"Name": "bad", "AuthorizationType": "API_KEY", "AuthParameters": key}
        assert refused(events.create_connection, **made)[0] == "ValidationException"


def test_a_role_is_passed(server, events, receiver):
    iam = client("iam", server)
    destination = new_destination(events, receiver.url)
    good = functions.make_role(iam, "sends", "events.amazonaws.com")
    bad = functions.make_role(iam, "runs", "lambda.amazonaws.com")
    put(events, destination, RoleArn=good)
    targets = [{"Id": "1", "Arn": destination, "RoleArn": bad}]
    assert refused(events.put_targets, Rule="all", Targets=targets)[0] == "ValidationException"
    iam.create_user(UserName="ann")
    leave = {"Effect": "Allow", "Action": "events:*", "Resource": "*"}
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy(leave))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    own = servers.Server(server.binary, server.directory, server.config.read_text())
    own.key = lambda: key
    ann = client("events", own)
    targets = [{"Id": "1", "Arn": destination, "RoleArn": good}]
    assert refused(ann.put_targets, Rule="all", Targets=targets)[0] == "AccessDeniedException"
    assert ann.put_targets(Rule="all", Targets=[{"Id": "1", "Arn": destination}])["FailedEntryCount"] == 0


def test_patterns_are_tried(events):
    event = {"id": "1", "account": ACCOUNT, "source": "app", "time": "2026-01-01T00:00:00Z", "region": REGION,
             "resources": [], "detail-type": "t", "detail": {"state": "on"}}
    for pattern, wanted in (({"detail": {"state": ["on"]}}, True), ({"detail": {"state": [{"anything-but": "on"}]}}, False)):
        answer = events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))
        assert answer["Result"] is wanted
    assert refused(events.test_event_pattern, EventPattern="{", Event=json.dumps(event))[0] == (
        "InvalidEventPatternException")
    del event["source"]
    assert refused(events.test_event_pattern, EventPattern='{"a": ["b"]}', Event=json.dumps(event))[0] == (
        "ValidationException")


def dead_letters(server, *words):
    command = [server.binary, "events", "dead-letters", *words, "--data", server.data]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_no_target_takes_is_kept_and_sent_again(server, events, receiver):
    sm = client("secretsmanager", server)
    label = {**SECRETS, "detail-type": ["Secret Label Updated"], "detail": {"name": ["one", "two"]}}
    put(events, new_destination(events, receiver.url), pattern=label, RetryPolicy={"MaximumRetryAttempts": 1})
    receiver.statuses[:] = [500, 500, 404]
    sm.create_secret(Name="one", SecretString="v")
    until(lambda: not receiver.statuses[:-1])
    # What is refused for good is not sent again.
    sm.create_secret(Name="two", SecretString="v")
    until(lambda: "after 1 attempt:" in dead_letters(server, "list"))
    kept = json.loads(dead_letters(server, "list", "--json"))
    names = {json.loads(dead["Event"])["detail"]["name"]: dead for dead in kept}
    assert set(names) == {"one", "two"}
    assert (names["one"]["Attempts"], names["two"]["Attempts"]) == (2, 1)
    assert "404" in names["two"]["Failure"] and "planted" not in json.dumps(kept)
    figures = urllib.request.urlopen(f"{server.url}/metrics").read().decode()
    for outcome, count in [("delivered", 0), ("failed", 1), ("given_up", 2)]:
        assert f'strongroom_event_deliveries_total{{outcome="{outcome}"}} {count}\n' in figures
    while not receiver.requests.empty():
        receiver.requests.get()
    dead_letters(server, "retry", names["one"]["DeadLetterId"])
    assert receiver.event()["detail"]["name"] == "one"
    dead_letters(server, "drop", "--all")
    until(lambda: "no dead letter" in dead_letters(server, "list"))
    # The store is as it should be.
    server.stop()
    server.run("verify")
    server.start()
