"""The official caching client over boto3, unmodified: strings, binaries, labels, refresh, failures and decorators."""

import json

import pytest
from aws_secretsmanager_caching import InjectKeywordedSecretString, InjectSecretString, SecretCache, SecretCacheConfig
from botocore.exceptions import ClientError

from checks import refused


@pytest.fixture
def counted(sm):
    """Counts the requests of a client: operation to number."""
    counts = {}

    def count(model, **_):
        counts[model.name] = counts.get(model.name, 0) + 1

    sm.meta.events.register("before-call.secrets-manager", count, unique_id="counted")
    yield counts
    sm.meta.events.unregister("before-call.secrets-manager", unique_id="counted")


@pytest.fixture
def eager(sm):
    """A cache that asks for the versions each time."""
    return SecretCache(config=SecretCacheConfig(secret_refresh_interval=0), client=sm)


@pytest.fixture
def lazy(sm):
    """A cache with the settings it comes with."""
    return SecretCache(client=sm)


def test_a_string_is_fetched_once(lazy, secret, name, counted):
    for _ in range(20):
        assert lazy.get_secret_string(name) == "first"
    assert counted == {"DescribeSecret": 1, "GetSecretValue": 1}


def test_a_binary(sm, lazy, name):
    sm.create_secret(Name=name, SecretBinary=bytes(range(256)))
    for _ in range(3):
        assert lazy.get_secret_binary(name) == bytes(range(256))
    assert lazy.get_secret_string(name) is None


def test_a_string_has_no_binary(lazy, secret, name):
    assert lazy.get_secret_binary(name) is None


def test_by_arn(lazy, secret):
    assert lazy.get_secret_string(secret["ARN"]) == "first"


def test_a_new_version_shows_after_a_refresh(sm, eager, lazy, secret, name):
    assert eager.get_secret_string(name) == lazy.get_secret_string(name) == "first"
    sm.put_secret_value(SecretId=name, SecretString="second")
    assert eager.get_secret_string(name) == "second"
    assert lazy.get_secret_string(name) == "first"
    assert lazy.refresh_secret_now(name)
    assert lazy.get_secret_string(name) == "second"


def test_labels(sm, eager, secret, name):
    sm.put_secret_value(SecretId=name, SecretString="second")
    sm.put_secret_value(SecretId=name, SecretBinary=b"blue", VersionStages=["BLUE"])
    assert eager.get_secret_string(name, "AWSCURRENT") == "second"
    assert eager.get_secret_string(name, "AWSPREVIOUS") == "first"
    assert eager.get_secret_binary(name, "BLUE") == b"blue"
    assert eager.get_secret_string(name, "NO-SUCH") is None


def test_a_moved_label_needs_no_new_value(sm, eager, secret, name, counted):
    second = sm.put_secret_value(SecretId=name, SecretString="second")["VersionId"]
    assert eager.get_secret_string(name) == "second"
    assert eager.get_secret_string(name, "AWSPREVIOUS") == "first"
    before = counted["GetSecretValue"]
    sm.update_secret_version_stage(
        SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=secret["VersionId"], RemoveFromVersionId=second)
    assert eager.get_secret_string(name) == "first"
    assert counted["GetSecretValue"] == before


def test_another_default_label(sm, secret, name):
    sm.put_secret_value(SecretId=name, SecretString="second")
    cache = SecretCache(config=SecretCacheConfig(default_version_stage="AWSPREVIOUS"), client=sm)
    assert cache.get_secret_string(name) == "first"


def test_a_stale_value_is_better_than_none(sm, eager, secret, name):
    assert eager.get_secret_string(name) == "first"
    sm.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    assert eager.get_secret_string(name) == "first"


def test_no_such_secret(lazy, name):
    with refused("ResourceNotFoundException"):
        lazy.get_secret_string(name)


def test_a_secret_that_comes_to_be(sm, name):
    cache = SecretCache(config=SecretCacheConfig(exception_retry_delay_base=0), client=sm)
    with pytest.raises(ClientError):
        cache.get_secret_string(name)
    sm.create_secret(Name=name, SecretString="now")
    assert cache.get_secret_string(name) == "now"


def test_decorators(sm, lazy, name):
    sm.create_secret(Name=name, SecretString=json.dumps({"username": "u", "password": "p"}))

    @InjectSecretString(name, lazy)
    def whole(secret, other):
        return json.loads(secret)["password"] + other

    @InjectKeywordedSecretString(secret_id=name, cache=lazy, who="username", word="password")
    def parts(who, word):
        return who + word

    assert whole("!") == "p!"
    assert parts() == "up"


def test_a_cache_of_one(sm, prefix):
    cache = SecretCache(config=SecretCacheConfig(max_cache_size=1), client=sm)
    for number in range(3):
        sm.create_secret(Name=f"{prefix}{number}", SecretString=f"v{number}")
    for _ in range(2):
        assert [cache.get_secret_string(f"{prefix}{number}") for number in range(3)] == ["v0", "v1", "v2"]


def test_its_own_client(monkeypatch, sm, secret, name):
    monkeypatch.setenv("AWS_DEFAULT_REGION", sm.meta.region_name)
    assert SecretCache().get_secret_string(name) == "first"
