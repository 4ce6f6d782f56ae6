"""Events of several servers on one database: one delivers what all of them commit, and another goes on when it is gone."""

import json

import pytest

from nodes import Cluster
from rotation import client, until
from test_events import Receiver, new_destination

SETTINGS = '[events]\nhosts = ["127.0.0.1"]\nallow_plain_http_on_loopback = true\n'


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def cluster(tmp_path):
    cluster = Cluster(tmp_path, count=2, settings=lambda number: SETTINGS)
    yield cluster
    cluster.stop()


def test_events_of_all_servers_arrive_whichever_dies(cluster, receiver):
    nodes = cluster.nodes
    events, names = client("events", nodes[0]), []
    arn = new_destination(events, receiver.url)
    pattern = {"source": ["aws.secretsmanager"], "detail-type": ["Secret Label Updated"]}
    events.put_rule(Name="all", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="all", Targets=[{"Id": "1", "Arn": arn}])
    arrived = set()

    def create(node, count):
        for _ in range(count):
            names.append(f"s{len(names)}")
            client("secretsmanager", node).create_secret(Name=names[-1], SecretString="v")

    def all_arrived():
        # The connection's own secret has a label too.
        name = receiver.event(seconds=60)["detail"]["name"]
        arrived.add(name)
        return arrived >= set(names)

    for node in nodes:
        create(node, 3)
    until(all_arrived)
    for dies, lives in ((0, 1), (1, 0)):
        create(nodes[dies], 5)
        nodes[dies].process.kill()
        nodes[dies].process.wait()
        create(nodes[lives], 3)
        until(all_arrived)
        nodes[dies].start()
