"""Rotation on several servers: whoever holds a job may be killed, cut off or frozen in the middle of a step. Another takes the
job over, and what the former holder does when it is back has no effect."""

import http.server
import json
import signal
import subprocess
import threading
import time

import pytest

from nodes import Cluster
from rotation import client, rotated, until

ACCOUNT = "111111111111"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:slow"
RULES = {"AutomaticallyAfterDays": 30}
STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"]
# A lease, and the time that a node takes to notice.
SECONDS_MAX = 90


class Slow(http.server.BaseHTTPRequestHandler):
    """A function that waits in one step until it is let go. Each node asks it under a path of its own."""

    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["content-length"])))
        world, node = self.server.world, int(self.path.strip("/").split("/")[0].removeprefix("node-"))
        with world.lock:
            world.asked.append((node, event["Step"], event["ClientRequestToken"]))
            waits = world.wait_in == event["Step"]
            if waits:
                world.wait_in, world.waiting = None, node
        if waits:
            world.arrived.set()
            world.let_go.wait(SECONDS_MAX)
        else:
            world.carry_out(event)
        try:
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"null")
        except OSError:
            # Who asked is dead.
            pass

    def log_message(self, *_):
        pass


class World:
    """What the function knows and does."""

    def __init__(self):
        self.lock, self.asked = threading.Lock(), []
        self.arrived, self.let_go = threading.Event(), threading.Event()
        self.wait_in = self.waiting = self.sm = None

    def carry_out(self, event):
        secret, token = event["SecretId"], event["ClientRequestToken"]
        if event["Step"] == "createSecret":
            made = {"SecretString": f"for {token}", "VersionStages": ["AWSPENDING"]}
            self.sm.put_secret_value(
                SecretId=secret, ClientRequestToken=token, RotationToken=event["RotationToken"], **made
            )
        if event["Step"] == "finishSecret":
            stages = self.sm.describe_secret(SecretId=secret)["VersionIdsToStages"]
            current = next(version for version, of in stages.items() if "AWSCURRENT" in of)
            if current != token:
                self.sm.update_secret_version_stage(
                    SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
                )

    def arm(self, step):
        self.arrived.clear()
        self.let_go.clear()
        self.asked.clear()
        self.wait_in = step


@pytest.fixture
def world():
    world = World()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.world, world.url = world, f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield world
    world.let_go.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cluster(tmp_path, world):
    def settings(number):
        place = f"{world.url}/node-{number}/2015-03-31/functions/slow/invocations"
        return f'[account]\nid = "{ACCOUNT}"\n[functions.http]\n"{FUNCTION}" = "{place}"\n'

    cluster = Cluster(tmp_path, settings=settings)
    yield cluster
    world.let_go.set()
    cluster.stop()


def lose(cluster, number, how):
    """Has a node fail, and tells how it comes back."""
    node = cluster.nodes[number]
    if how == "killed":
        node.process.kill()
        node.process.wait()
        return node.start
    if how == "frozen":
        node.process.send_signal(signal.SIGSTOP)
        return lambda: node.process.send_signal(signal.SIGCONT)
    cluster.links[number].cut()
    return cluster.links[number].mend


def history(node):
    """The history of the secret's rotations."""
    command = [node.binary, "rotation", "history", "app", "--json", "--config", node.config, "--data", node.data]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_another_node_takes_over_from_one_that_is_killed_cut_off_or_frozen(cluster, world):
    client("secretsmanager", cluster.nodes[0]).create_secret(Name="app", SecretString="first")
    versions = []
    cases = [("killed", "createSecret"), ("cut off", "setSecret"), ("frozen", "testSecret"), ("frozen", "finishSecret")]
    for number, (how, step) in enumerate(cases):
        world.sm = sm = client("secretsmanager", cluster.nodes[number % 3])
        world.arm(step)
        rotate = {"RotationLambdaARN": FUNCTION, "RotationRules": RULES} if number == 0 else {}
        version = sm.rotate_secret(SecretId="app", **rotate)["VersionId"]
        versions.append(version)
        assert world.arrived.wait(SECONDS_MAX)
        holder = world.waiting
        come_back = lose(cluster, holder, how)
        others = [node for at, node in enumerate(cluster.nodes) if at != holder]
        world.sm = sm = client("secretsmanager", others[0])
        end = time.monotonic() + SECONDS_MAX
        while not any(node != holder for node, *_ in world.asked):
            assert time.monotonic() < end, "nobody took over"
            time.sleep(0.1)
        # Both are at the same step now; then the former holder hears that its own was carried out.
        rotated(sm, "app", version)
        come_back()
        world.let_go.set()
        time.sleep(3)
        asked = [(node, of) for node, of, token in world.asked if token == version]
        taken_at = next(at for at, (node, _) in enumerate(asked) if node != holder)
        assert asked[taken_at - 1] == (holder, step) and asked[taken_at][1] == step, asked
        assert all(node != holder for node, _ in asked[taken_at:]), f"{how}: {asked}"
        assert [of for _, of in asked[taken_at:]] == STEPS[STEPS.index(step) :], asked
        stages = sm.describe_secret(SecretId="app")["VersionIdsToStages"]
        current = [of for of, held in stages.items() if "AWSCURRENT" in held]
        assert current == [version] and not any("AWSPENDING" in held for held in stages.values()), stages
        assert sm.get_secret_value(SecretId="app")["SecretString"] == f"for {version}"

    def succeeded():
        return sorted(entry["token"] for entry in history(cluster.nodes[0]) if entry["what"] == "succeeded")

    # The last one's end is written down behind its last step.
    until(lambda: len(succeeded()) >= len(versions))
    assert succeeded() == sorted(versions)
