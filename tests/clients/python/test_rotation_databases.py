"""Rotation of users of real databases while an application reads the secret through the caching client and logs in: twenty
times for each database and strategy, all side by side. Alternating users never have a login refused; a single user's is
refused at most until the application has read the secret anew."""

import concurrent.futures
import json
import threading
import time

import pytest
from aws_secretsmanager_caching import SecretCache, SecretCacheConfig

from databases import ADMIN, ADMIN_PASSWORD, Mariadb, Redis
from postgresql import Postgresql
from rotation import client, new_function, rotated

TIMES = 20
# Longer than the cache keeps a value: what it has is then the present one or the one before.
PAUSE_S = 1.2
PAUSE_BETWEEN_LOGINS_S = 0.02
DATABASES = {"postgresql": Postgresql, "mariadb": Mariadb, "redis": Redis}
STRATEGIES = ["single-user", "multi-user"]


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
        while not self.ending.wait(PAUSE_BETWEEN_LOGINS_S):
            if self.enter():
                self.logins += 1
                continue
            self.refused += 1
            # A step that fails is tried again after a minute.
            end = time.monotonic() + 90
            while time.monotonic() < end:
                self.cache.refresh_secret_now(self.secret)
                if self.enter():
                    break
            else:
                self.lost += 1


def rotate_often(sm, server, secret, strategy):
    """What an application saw that worked beside."""
    user = strategy.partition("-")[0]
    assert server.add_user(user, "first")
    more = {}
    if strategy == "multi-user" or server.package == "redis":
        master = sm.create_secret(Name=secret + "-master", SecretString=server.value(ADMIN, ADMIN_PASSWORD))
        more["masterarn"] = master["ARN"]
    sm.create_secret(Name=secret, SecretString=server.value(user, "first", **more))
    function = new_function(f"strongroom/{server.package}-{strategy}")
    application = Application(server, secret)
    application.start()
    try:
        for _ in range(TIMES):
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
    assert not server.login(user, "first")
    return application


@pytest.fixture(scope="module")
def applications(sm):
    """What is to come of each database and strategy."""
    servers = {}
    try:
        for name, kind in DATABASES.items():
            servers[name] = kind()
        cases = [(name, strategy) for name in DATABASES for strategy in STRATEGIES]
        with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
            stem = f"rotates-{time.time_ns():x}"
            yield {
                case: pool.submit(rotate_often, sm, servers[case[0]], f"{stem}/{'/'.join(case)}", case[1])
                for case in cases
            }
    finally:
        for server in servers.values():
            server.stop()


@pytest.mark.parametrize("database", DATABASES)
def test_a_single_user_is_rotated_while_an_application_logs_in(applications, database):
    application = applications[database, "single-user"].result()
    assert application.users == {"single"}
    assert application.logins > TIMES and application.lost == 0


@pytest.mark.parametrize("database", DATABASES)
def test_alternating_users_never_have_a_login_refused(applications, database):
    application = applications[database, "multi-user"].result()
    assert application.users == {"multi", "multi_clone"}
    assert application.logins > TIMES and application.refused == 0
