"""Rotation of users of a real PostgreSQL while an application reads the secret through the caching client and logs in:
twenty times for each strategy. Alternating users never have a login refused; a single user's is refused at most until the
application has read the secret anew."""

import json
import threading
import time

import pytest
from aws_secretsmanager_caching import SecretCache, SecretCacheConfig

from postgresql import Postgresql, value_of
from rotation import client, new_function, rotated

TIMES = 20
PAUSE_S = 0.6



@pytest.fixture(scope="module")
def server():
    server = Postgresql()
    yield server
    server.stop()


class Application(threading.Thread):
    """Logs in again and again with what the cache says; after a refusal it reads the secret anew."""

    def __init__(self, server, secret):
        super().__init__()
        self.server, self.secret = server, secret
        config = SecretCacheConfig(secret_refresh_interval=1)
        self.cache = SecretCache(config=config, client=client("secretsmanager"))
        self.logins, self.refused, self.lost, self.users, self.ending = 0, 0, 0, set(), threading.Event()

    def enter(self):
        value = json.loads(self.cache.get_secret_string(self.secret))
        self.users.add(value["username"])
        return self.server.login(value["username"], value["password"])

    def run(self):
        while not self.ending.is_set():
            self.logins += 1
            if self.enter():
                continue
            self.refused += 1
            end = time.monotonic() + 10
            while time.monotonic() < end:
                self.cache.refresh_secret_now(self.secret)
                if self.enter():
                    break
            else:
                self.lost += 1


def rotate_often(sm, server, secret, function):
    application = Application(server, secret)
    application.start()
    try:
        for _ in range(TIMES):
            # Longer than the cache keeps a value: what it has is then the present one or the one before.
            time.sleep(PAUSE_S)
            made = sm.rotate_secret(
                SecretId=secret, RotationLambdaARN=function, RotationRules={"AutomaticallyAfterDays": 30}
            )
            rotated(sm, secret, made["VersionId"])
            value = json.loads(sm.get_secret_value(SecretId=secret)["SecretString"])
            assert server.login(value["username"], value["password"])
    finally:
        application.ending.set()
        application.join()
    assert application.logins > TIMES and application.lost == 0
    return application


def test_a_single_user_is_rotated_while_an_application_logs_in(sm, server, name):
    assert server.login("admin", "admin-first", "create user app password 'app-first'")
    sm.create_secret(Name=name, SecretString=value_of(server, "app", "app-first"))
    function = new_function("strongroom/postgresql-single-user")
    application = rotate_often(sm, server, name, function)
    assert application.users == {"app"}
    assert not server.login("app", "app-first")


def test_alternating_users_never_have_a_login_refused(sm, server, name):
    assert server.login("admin", "admin-first", "create user two password 'two-first'")
    master = sm.create_secret(Name=name + "-master", SecretString=value_of(server, "admin", "admin-first"))
    sm.create_secret(Name=name, SecretString=value_of(server, "two", "two-first", masterarn=master["ARN"]))
    function = new_function("strongroom/postgresql-multi-user")
    application = rotate_often(sm, server, name, function)
    assert application.users == {"two", "two_clone"}
    assert application.refused == 0
