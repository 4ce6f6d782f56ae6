"""A server that is killed again and again while it rotates a user of a real PostgreSQL: whenever it comes back, the rotation
goes on, there is one AWSCURRENT, and its credentials work."""

import json
import random
import time

import botocore.exceptions
import pytest

import servers
from postgresql import Postgresql
from rotation import client, new_function

KILLS = 12
# Longer than a killed server's lease on a job.
SECONDS_MAX = 40


@pytest.fixture
def database():
    database = Postgresql()
    yield database
    database.stop()


@pytest.fixture
def server(tmp_path):
    server = servers.Server(servers.binary(), tmp_path)
    server.start()
    yield server
    server.process.kill()
    server.process.wait()


def kill(server):
    server.process.kill()
    server.process.wait()


def completed(server, secret, version):
    """Whether the rotation of a version is complete."""
    described = client("secretsmanager", server).describe_secret(SecretId=secret)
    current = [of for of, stages in described["VersionIdsToStages"].items() if "AWSCURRENT" in stages]
    assert len(current) == 1
    pending = [of for of, stages in described["VersionIdsToStages"].items() if "AWSPENDING" in stages]
    return current == [version] and pending in ([], [version])


def test_a_rotation_survives_kills_at_any_step(server, database, name):
    dice = random.Random(name)
    assert database.add_user("app", "app-first")
    sm = client("secretsmanager", server)
    secret = sm.create_secret(Name="app", SecretString=database.value("app", "app-first"))["ARN"]
    function = new_function("strongroom/postgresql-single-user", server=server)
    rules = {"AutomaticallyAfterDays": 30}
    version = sm.rotate_secret(SecretId=secret, RotationLambdaARN=function, RotationRules=rules)["VersionId"]
    for _ in range(KILLS):
        # The first look for jobs comes after a second, and a rotation takes some tenths of one.
        time.sleep(dice.choice([0.0, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.5]))
        kill(server)
        server.start()
        if completed(server, secret, version):
            value = json.loads(client("secretsmanager", server).get_secret_value(SecretId=secret)["SecretString"])
            assert database.login(value["username"], value["password"])
            try:
                sm = client("secretsmanager", server)
                version = sm.rotate_secret(SecretId=secret)["VersionId"]
            except botocore.exceptions.ClientError as error:
                # What was completed in the store may be still to be written down.
                assert error.response["Error"]["Code"] == "InvalidRequestException"
    end = time.monotonic() + SECONDS_MAX
    while not completed(server, secret, version):
        assert time.monotonic() < end
        time.sleep(0.2)
    value = json.loads(client("secretsmanager", server).get_secret_value(SecretId=secret)["SecretString"])
    assert database.login(value["username"], value["password"])
    assert not database.login("app", "app-first")
