"""Several servers on one database: what one changes all others know within a second, and none of them tells what it may not
know any more."""

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request

import boto3
import botocore.config
import botocore.exceptions
import pytest

from databases import ADMIN, ADMIN_PASSWORD
from nodes import Cluster, Watch
from rotation import client, policy, until

# Other servers' changes are known after that; as long as they may not be, nothing comes from memory.
BOUND_SECONDS = 1.0
ROUNDS = 3


# A revoked access key is asked with again and again: no bound to that.
SIGN_IN = "[limits]\nsign_in_failures_per_minute_max = 0\n"


@pytest.fixture
def cluster(tmp_path):
    cluster = Cluster(tmp_path, settings=lambda number: SIGN_IN)
    yield cluster
    cluster.stop()


def of(node, key, service="secretsmanager"):
    """A client of a node with an access key."""
    session = boto3.session.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")
    config = botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=60)
    return session.client(service, endpoint_url=node.url, config=config)


def outcome(sm, secret):
    """The value, or the error's code."""
    try:
        return sm.get_secret_value(SecretId=secret)["SecretString"]
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]


def ready(node):
    """Whether a node says that it is, and why not."""
    try:
        with urllib.request.urlopen(node.url + "/health/ready") as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def new_user(node, name):
    """A user who may read, and a key."""
    iam = client("iam", node)
    iam.create_user(UserName=name)
    leave = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    iam.put_user_policy(UserName=name, PolicyName="reads", PolicyDocument=policy(leave))
    return iam.create_access_key(UserName=name)["AccessKey"]


class Changes:
    """What is changed on the first node, back and forth, and who asks what to see it."""

    def __init__(self, node):
        self.node = node
        self.sm, self.iam, self.kms = (client(service, node) for service in ("secretsmanager", "iam", "kms"))
        self.root = node.key()
        self.key = self.kms.create_key()["KeyMetadata"]["KeyId"]
        for name in ("value", "identity", "resource", "access"):
            self.sm.create_secret(Name=name, SecretString="first")
        self.sm.create_secret(Name="kms", SecretString="first", KmsKeyId=self.key)
        self.users = {name: new_user(node, name) for name in ("identity", "resource", "access")}

    def value(self, round):
        self.sm.put_secret_value(SecretId="value", SecretString=f"round {round}")

    def identity(self, round):
        if round % 2:
            leave = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
            self.iam.put_user_policy(UserName="identity", PolicyName="reads", PolicyDocument=policy(leave))
        else:
            self.iam.delete_user_policy(UserName="identity", PolicyName="reads")

    def resource(self, round):
        if round % 2:
            self.sm.delete_resource_policy(SecretId="resource")
        else:
            user = self.iam.get_user(UserName="resource")["User"]["Arn"]
            refusal = {
                "Effect": "Deny",
                "Principal": {"AWS": user},
                "Action": "secretsmanager:GetSecretValue",
                "Resource": "*",
            }
            self.sm.put_resource_policy(SecretId="resource", ResourcePolicy=policy(refusal))

    def access(self, round):
        status = "Active" if round % 2 else "Inactive"
        key = self.users["access"]["AccessKeyId"]
        self.iam.update_access_key(UserName="access", AccessKeyId=key, Status=status)

    def kms_(self, round):
        (self.kms.enable_key if round % 2 else self.kms.disable_key)(KeyId=self.key)

    def all(self):
        return {
            "value": self.value,
            "identity": self.identity,
            "resource": self.resource,
            "access": self.access,
            "kms": self.kms_,
        }

    def asker(self, node, name):
        """What asks a node for what a change is seen by."""
        sm = of(node, self.users.get(name, self.root))
        return lambda: outcome(sm, name)


def test_what_one_node_changes_the_others_know_within_a_second(cluster):
    first, *others = cluster.nodes
    changes = Changes(first)
    busy = client("secretsmanager", first)
    busy.create_secret(Name="busy")
    load = [Watch(lambda: busy.update_secret(SecretId="busy", Description="x")) for _ in range(2)]
    watches = {(at, name): Watch(changes.asker(node, name)) for at, node in enumerate(others) for name in changes.all()}
    told, seen = {name: [] for name in changes.all()}, dict.fromkeys(watches, 0)
    for round in range(ROUNDS):
        for name, change in changes.all().items():
            begun = time.monotonic()
            change(round)
            # The node that was told knows at once.
            told[name].append((begun, time.monotonic(), changes.asker(first, name)()))
        time.sleep(2.5 * BOUND_SECONDS)
    end = time.monotonic()
    for watch in [*load, *watches.values()]:
        watch.stop()
    for name, steps in told.items():
        assert len({expected for _, _, expected in steps}) > 1, f"{name}: {steps}"
        for step, (_, known, expected) in enumerate(steps):
            until_next = steps[step + 1][0] if step + 1 < len(steps) else end
            for at in range(len(others)):
                found = watches[at, name].between(known + BOUND_SECONDS, until_next - BOUND_SECONDS / 2)
                assert set(found) <= {expected}, f"{name} on node {at + 1}, round {step}: {set(found)}, {expected}"
                seen[at, name] += len(found)
    assert all(seen.values()) and sum(seen.values()) > 100 and ready(others[0]) == (200, {"status": "ready"})
    # Nobody had to drop all that it knows.
    assert all("a server is gone" not in (node.directory / "log").read_text() for node in cluster.nodes)


def test_a_node_that_is_cut_off_tells_nothing_that_may_be_old(cluster):
    first, second, _ = cluster.nodes
    sm, cut = client("secretsmanager", first), client("secretsmanager", second)
    sm.create_secret(Name="s", SecretString="old")
    assert outcome(cut, "s") == "old"
    cluster.links[1].cut()
    watch = Watch(lambda: outcome(cut, "s"))
    sm.put_secret_value(SecretId="s", SecretString="new")
    known = time.monotonic()
    until(lambda: ready(second)[0] == 503)
    assert "has not been heard of" in ready(second)[1]["reasons"][0]
    until(lambda: time.monotonic() > known + 4 * BOUND_SECONDS)
    cluster.links[1].mend()
    until(lambda: outcome(cut, "s") == "new")
    until(lambda: ready(second)[0] == 200)
    watch.stop()
    later = watch.between(known + BOUND_SECONDS, time.monotonic())
    assert "old" not in later and set(later) <= {"new", "InternalServiceError", "ServiceUnavailableException"}, later


def test_a_node_that_was_frozen_tells_nothing_old_when_it_goes_on(cluster):
    first, second, _ = cluster.nodes
    sm, frozen = client("secretsmanager", first), client("secretsmanager", second)
    sm.create_secret(Name="s", SecretString="value 0")
    for round in range(1, 5):
        assert outcome(frozen, "s") == f"value {round - 1}"
        second.process.send_signal(signal.SIGSTOP)
        sm.put_secret_value(SecretId="s", SecretString=f"value {round}")
        time.sleep(BOUND_SECONDS + 0.2)
        second.process.send_signal(signal.SIGCONT)
        assert outcome(frozen, "s") == f"value {round}"


def test_reads_go_on_without_the_database_where_that_is_configured(tmp_path):
    cluster = Cluster(tmp_path, 2, lambda number: "[cache]\nlost_stale_seconds_max = 600\n")
    try:
        first, second = cluster.nodes
        sm, cut = client("secretsmanager", first), client("secretsmanager", second)
        sm.create_secret(Name="s", SecretString="old")
        assert outcome(cut, "s") == "old"
        cluster.links[1].cut()
        sm.put_secret_value(SecretId="s", SecretString="new")
        until(lambda: "reads are answered from memory" in json.dumps(ready(second)[1]))
        assert ready(second)[0] == 200 and outcome(cut, "s") == "old"
        with pytest.raises(botocore.exceptions.ClientError):
            cut.put_secret_value(SecretId="s", SecretString="lost")
        records = [json.loads(line) for file in trail_of(second) for line in file.read_text().splitlines()]
        reads = [record for record in records if record["eventName"] == "GetSecretValue"]
        assert "additionalEventData" not in reads[0]
        assert int(reads[-1]["additionalEventData"]["changesNotHeardForMs"]) >= 1000
        cluster.links[1].mend()
        until(lambda: outcome(cut, "s") == "new")
        assert outcome(sm, "s") == "new"
    finally:
        cluster.stop()


def trail_of(node):
    """The files of a node's trail, the oldest first."""
    return sorted(file for file in (node.data / "trail").glob("*/*/*/*") if file.suffix != ".digest")


def test_each_change_is_in_one_trail_also_when_nodes_are_killed(cluster):
    made = []
    for round in range(12):
        for at, node in enumerate(cluster.nodes):
            sm = client("secretsmanager", node)
            made.append(sm.create_secret(Name=f"{round}/{at}", SecretString="x")["ARN"])
        killed = cluster.nodes[round % 3]
        killed.process.kill()
        killed.process.wait()
        killed.start()
    for node in cluster.nodes:
        node.stop()
    found = []
    for node in cluster.nodes:
        records = [json.loads(line) for file in trail_of(node) for line in file.read_text().splitlines()]
        found += [record["resources"][0]["ARN"] for record in records if record["eventName"] == "CreateSecret"]
        assert "agree with their digests" in node.run("audit", "verify")
    assert sorted(found) == sorted(made)
    assert "verified: 36 secrets" in run(cluster.nodes[0], "verify")


def test_each_node_remembers_in_an_anchor_of_its_own_how_far_the_store_has_come(tmp_path):
    cluster = Cluster(tmp_path, 1, lambda number: f'[data]\nanchor = "{tmp_path}/anchor-{number}"\n')

    def sql(statement):
        assert cluster.database.login(ADMIN, ADMIN_PASSWORD, statement)

    try:
        first, second = cluster.nodes[0], cluster.add()
        with pytest.raises(AssertionError, match="anchor join"):
            second.start()
        assert "remembers" in second.run("anchor", "join")
        second.start()
        for node in cluster.nodes:
            client("secretsmanager", node).create_secret(Name=node.directory.name, SecretString="x")
        for node in cluster.nodes:
            node.stop()
        sql("create database old template strongroom")
        first.start()
        client("secretsmanager", first).create_secret(Name="later", SecretString="x")
        first.stop()
        # The second one has not seen the last commits, and takes them for what they are.
        second.start()
        second.stop()
        sql("alter database strongroom rename to new")
        sql("alter database old rename to strongroom")
        for node in cluster.nodes:
            with pytest.raises(AssertionError, match="older than it was"):
                node.start()
            node.process = None
    finally:
        cluster.stop()


def run(node, command):
    done = subprocess.run(
        [node.binary, command, "--config", node.config, "--data", node.data], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
