"""Several servers, each with a trail of its own: a lookup has the events of all, or tells that it has not."""

import socket
import urllib.error
import urllib.request

import botocore.exceptions
import pytest

from nodes import Cluster
from roles import client
from test_cloudtrail import cloudtrail, found


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def cluster(tmp_path):
    ports = {}

    def settings(number):
        ports[number] = free_port()
        return f'node_address = "http://127.0.0.1:{ports[number]}"\n'

    cluster = Cluster(tmp_path, 0, settings)
    for number in range(3):
        node = cluster.add()
        node.listen = f"127.0.0.1:{ports[number]}"
        node.start()
    yield cluster
    cluster.stop()


def code(trail):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        trail.lookup_events()
    return refused.value.response["Error"]


def test_a_lookup_has_the_events_of_all_servers_or_is_refused(cluster):
    key = cluster.nodes[0].key()
    for number, node in enumerate(cluster.nodes):
        sm = client("secretsmanager", key, node.url)
        sm.create_secret(Name=f"from-{number}", SecretString="v")
        for _ in range(4):
            sm.get_secret_value(SecretId=f"from-{number}")
    trails = [cloudtrail(node, key) for node in cluster.nodes]
    lists = [[event["EventId"] for event in found(trail, "EventName", "GetSecretValue")] for trail in trails]
    assert len(lists[0]) == len(set(lists[0])) == 12 and lists[0] == lists[1] == lists[2]
    paged = found(trails[1], "EventName", "GetSecretValue", PaginationConfig={"PageSize": 5})
    assert [event["EventId"] for event in paged] == lists[0]
    times = [event["EventTime"] for event in paged]
    assert times == sorted(times, reverse=True)
    # One that cannot be reached: no part is answered as if it were all.
    name = (cluster.nodes[2].data / "trail" / "node").read_text().strip()
    cluster.nodes[2].stop()
    told = code(trails[0])
    assert told["Code"] == "ServiceUnavailableException" and name in told["Message"]
    # What was done nowhere else is not found when the operator says that the server is gone for good.
    config = cluster.nodes[0].config.read_text()
    cluster.nodes[0].config.write_text(config + f'[audit]\ngone_servers = ["{name}"]\n')
    cluster.nodes[0].stop()
    cluster.nodes[0].start()
    left = [event["EventId"] for event in found(cloudtrail(cluster.nodes[0], key), "EventName", "GetSecretValue")]
    assert len(left) == 8 and set(left) < set(lists[0])
    # And it is back.
    cluster.nodes[2].start()
    assert len(found(trails[1], "EventName", "GetSecretValue")) == 12


def test_nobody_else_is_answered_where_servers_ask_one_another(cluster):
    node = cluster.nodes[0]
    for body in (b"", b"{}", b"x" * 200):
        request = urllib.request.Request(node.url + "/_strongroom/trail", body, method="POST")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=10)
        with refused.value as answer:
            assert answer.code in (400, 403), answer.code
