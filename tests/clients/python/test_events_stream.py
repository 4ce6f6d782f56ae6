"""The stream of events for caches: what changed is told within a second, to whoever may describe the secret."""

import json
import subprocess

import pytest

import servers
from nodes import Cluster
from rotation import client, policy, until
from streams import Stream, close_all

SETTINGS = "[events]\nheartbeat_ms = 300\nstreams_max = 3\n"


@pytest.fixture
def server(tmp_path):
    server = servers.Server(servers.binary(), tmp_path, SETTINGS)
    server.start()
    yield server
    close_all()
    if server.process is not None:
        server.process.kill()
        server.process.wait()


def test_changes_are_told(server):
    sm = client("secretsmanager", server)
    one, two = (sm.create_secret(Name=name, SecretString="v")["ARN"] for name in ("one", "two"))
    stream = Stream(server.url, server.key(), ["one", two])
    assert stream.answer.headers["content-type"] == "text/event-stream"
    ready = stream.next()
    assert ready["event"] == "ready" and json.loads(ready["data"]) == {"secrets": [one, two]}
    version = sm.put_secret_value(SecretId="two", SecretString="w")["VersionId"]
    event = stream.next()
    told = json.loads(event["data"])
    assert event["event"] == "secret-changed" and told["ARN"] == two
    assert told["VersionIdsToStages"][version] == ["AWSCURRENT"]
    sm.get_secret_value(SecretId="one")
    sm.create_secret(Name="three", SecretString="v")
    sm.tag_resource(SecretId="one", Tags=[{"Key": "k", "Value": "v"}])
    event = stream.next()
    assert json.loads(event["data"])["Tags"] == [{"Key": "k", "Value": "v"}]
    sm.delete_secret(SecretId="one", RecoveryWindowInDays=7)
    assert "DeletedDate" in json.loads(stream.next()["data"])
    sm.delete_secret(SecretId="two", ForceDeleteWithoutRecovery=True)
    event = stream.next()
    assert event["event"] == "secret-deleted" and json.loads(event["data"]) == {"ARN": two}
    until(lambda: stream.beats >= 3)
    stream.close()
    # The record of the opening, and none for each look.
    log = "".join(path.read_text() for path in (server.data / "trail").rglob("*.jsonl"))
    records = [json.loads(line) for line in log.splitlines() if "WatchSecrets" in line]
    assert [record["eventName"] for record in records] == ["WatchSecrets"]
    assert [resource["ARN"] for resource in records[0]["resources"]] == [one, two]


def test_a_client_goes_on_where_it_was(server):
    sm = client("secretsmanager", server)
    for name in ("one", "two"):
        sm.create_secret(Name=name, SecretString="v")
    stream = Stream(server.url, server.key(), ["one", "two"])
    seen = stream.next()["id"]
    stream.close()
    sm.update_secret(SecretId="two", Description="new")
    server.stop()
    server.start()
    stream = Stream(server.url, server.key(), ["one", "two"], last=seen)
    assert stream.next()["event"] == "ready"
    event = stream.next()
    assert event["event"] == "secret-changed" and json.loads(event["data"])["Description"] == "new"
    stream.close()
    # Nothing has changed since; and what is no id of this stream.
    stream = Stream(server.url, server.key(), ["one", "two"], last=event["id"])
    assert stream.next()["event"] == "ready" and stream.events.empty()
    stream.close()
    stream = Stream(server.url, server.key(), ["one"], last=event["id"])
    assert stream.next()["event"] == "resync"
    # A server that stops ends its streams in order.
    server.stop()
    assert stream.next() is None


def test_only_who_may_describe_watches(server):
    sm, iam = client("secretsmanager", server), client("iam", server)
    one = sm.create_secret(Name="one", SecretString="v")["ARN"]
    sm.create_secret(Name="two", SecretString="v")
    iam.create_user(UserName="ann")
    leave = {"Effect": "Allow", "Action": "secretsmanager:DescribeSecret", "Resource": one}
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy(leave))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    denied = Stream(server.url, key, ["one", "two"])
    assert denied.status == 400 and "AccessDeniedException" in denied.text
    absent = Stream(server.url, server.key(), ["none"])
    assert absent.status == 400 and "ResourceNotFoundException" in absent.text
    for secrets in ([], ["one"] * 101):
        assert "ValidationException" in Stream(server.url, server.key(), secrets).text
    wrong = Stream(server.url, {**key, "SecretAccessKey": "x" * 40}, ["one"])
    assert wrong.status in (400, 403) and "Signature" in wrong.text
    stream = Stream(server.url, key, ["one"])
    assert stream.next()["event"] == "ready"
    iam.delete_user_policy(UserName="ann", PolicyName="p")
    closed = stream.next()
    assert closed["event"] == "closed" and json.loads(closed["data"])["code"] == "AccessDeniedException"
    assert stream.next() is None
    # A key that is switched off.
    stream = Stream(server.url, server.key(), ["one"])
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy(leave))
    other = Stream(server.url, key, ["one"])
    assert other.next()["event"] == "ready"
    iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    closed = other.next()
    assert closed["event"] == "closed" and "Token" in closed["data"] or "Client" in closed["data"]
    assert stream.next()["event"] == "ready" and stream.events.empty()


def test_streams_are_bounded(server):
    client("secretsmanager", server).create_secret(Name="one", SecretString="v")
    streams = [Stream(server.url, server.key(), ["one"]) for _ in range(3)]
    assert [stream.next()["event"] for stream in streams] == ["ready"] * 3
    refused = Stream(server.url, server.key(), ["one"])
    assert refused.status == 503 and "Too many streams" in refused.text
    streams.pop().close()
    until(lambda: Stream(server.url, server.key(), ["one"]).status == 200)


def test_curl_signs_for_a_stream(server):
    sm = client("secretsmanager", server)
    sm.create_secret(Name="one", SecretString="v")
    key = server.key()
    command = [
        "curl", "--silent", "--no-buffer", "--max-time", "20", "--aws-sigv4", "aws:amz:us-east-1:secretsmanager",
        "--user", f"{key['AccessKeyId']}:{key['SecretAccessKey']}", f"{server.url}/events?secretId=one",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert any("event: ready" in line for line in running.stdout)
        sm.update_secret(SecretId="one", SecretString="w")
        assert any("event: secret-changed" in line for line in running.stdout)
        running.terminate()


def test_changes_by_other_servers_are_told(tmp_path):
    cluster = Cluster(tmp_path, count=2)
    try:
        first, second = cluster.nodes[:2]
        sm = client("secretsmanager", first)
        sm.create_secret(Name="one", SecretString="v")
        stream = Stream(second.url, second.key(), ["one"])
        assert stream.next()["event"] == "ready"
        for number in range(5):
            version = sm.put_secret_value(SecretId="one", SecretString=str(number))["VersionId"]
            event = stream.next()
            assert version in json.loads(event["data"])["VersionIdsToStages"]
        stream.close()
    finally:
        close_all()
        cluster.stop()
