"""Rotation of users of a real PostgreSQL while an application reads the secret through the caching client and logs in:
twenty times for each strategy. Alternating users never have a login refused; a single user's is refused at most until the
application has read the secret anew."""

import glob
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import pytest
from aws_secretsmanager_caching import SecretCache, SecretCacheConfig

from rotation import client, new_function, rotated

TIMES = 20
PAUSE_S = 0.6
BIN = pathlib.Path(sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1])
# The server refuses to run as root.
AS_OTHER = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []


class Server:
    """A PostgreSQL of its own on loopback."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="strongroom-postgresql-"))
        if AS_OTHER:
            shutil.chown(self.folder, "postgres")
        secret = self.folder / "first"
        secret.write_text("admin-first")
        secret.chmod(0o644)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        data = self.folder / "data"
        self._run("initdb", "-D", data, "-U", "admin", "-A", "scram-sha-256", f"--pwfile={secret}")
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -c unix_socket_directories= -c fsync=off"
        self._run("pg_ctl", "-D", data, "-o", options, "-l", self.folder / "log", "-w", "start")

    def _run(self, tool, *arguments):
        subprocess.run(
            [*AS_OTHER, BIN / tool, *arguments], check=True, cwd=self.folder, stdout=subprocess.DEVNULL, timeout=60
        )

    def login(self, user, password, sql="select 1"):
        """Whether a login succeeds and the statement with it."""
        return subprocess.run(
            [BIN / "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", user, "-d", "postgres", "-qtAc", sql],
            env={"PGPASSWORD": password, "PGCONNECT_TIMEOUT": "10"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
        ).returncode == 0

    def stop(self):
        self._run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def server():
    server = Server()
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


def value_of(server, user, password, **more):
    return json.dumps(
        {"engine": "postgres", "host": "127.0.0.1", "port": server.port, "username": user, "password": password, **more}
    )


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
