"""Fixtures: a client whose every answer is held against botocore's own model, and secrets that are cleared away."""

import itertools
import os
import uuid

import boto3
import botocore.config
import pytest

import keys
import servers
import shapes
import wire

REGION = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def make_client(**options):
    """A client that never retries, so that each call is one request, and that checks the form of every answer."""
    settings = {"retries": {"total_max_attempts": 1}, "max_pool_connections": 40, **options}
    client = boto3.session.Session().client(
        "secretsmanager", region_name=REGION, config=botocore.config.Config(**settings)
    )
    client.meta.events.register("after-call.secrets-manager", shapes.check_answer)
    return client


@pytest.fixture(scope="session")
def sm():
    """The client, with botocore's own checks of what is sent."""
    return make_client()


@pytest.fixture(scope="session")
def loose():
    """The client without botocore's own checks, so that the server's are what answers."""
    return make_client(parameter_validation=False)


@pytest.fixture(scope="session")
def endpoint(sm):
    """Sends requests that no SDK would make."""
    return wire.Endpoint(sm, REGION)


_names = itertools.count(1)
_run = uuid.uuid4().hex[:12]


@pytest.fixture
def prefix():
    """A start of names that belongs to one test of one run."""
    return f"py{_run}x{next(_names)}/"


@pytest.fixture
def name(prefix):
    """The name of one secret, not created yet."""
    return prefix + "one"


@pytest.fixture
def secret(sm, name):
    """A secret with the value `first`: its CreateSecret answer."""
    return sm.create_secret(Name=name, SecretString="first")


@pytest.fixture
def empty(sm, prefix):
    """A secret without a value: its CreateSecret answer."""
    return sm.create_secret(Name=prefix + "empty")


@pytest.fixture(scope="session")
def kms():
    """A client of KMS, with botocore's own checks of what is sent."""
    return keys.make_kms()


@pytest.fixture(scope="session")
def account():
    """The number of the account under test."""
    return keys.account_of()


@pytest.fixture
def mark(prefix):
    """A word that belongs to one test."""
    return prefix.rstrip("/")


@pytest.fixture
def key(kms):
    """The id of a new symmetric key."""
    return kms.create_key()["KeyMetadata"]["KeyId"]


@pytest.fixture(scope="session")
def abroad(tmp_path_factory):
    """Two accounts of a server of its own."""
    server = servers.Server(servers.binary(), tmp_path_factory.mktemp("abroad"))
    server.start()
    server.stop()
    server.run("account", "create", "--account", "444455556666")
    server.start()
    yield keys.Account(server.key(), server.url), keys.Account(server.key("444455556666"), server.url)
    server.stop()


def pytest_unconfigure(config):
    """The plain closing line, after all that pytest itself prints."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    passed, failed, errors = (len(reporter.stats.get(kind, [])) for kind in ("passed", "failed", "error"))
    print(f"{passed} passed, {failed + errors} failed")
