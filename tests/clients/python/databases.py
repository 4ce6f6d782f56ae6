"""Databases that tests have for themselves: what they share, MariaDB and Redis."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

START_SECONDS_MAX = 60
ADMIN, ADMIN_PASSWORD = "admin", "admin-first"


class Database:
    """A folder and a port on loopback; `user` is the system's user that a server runs as in place of root."""

    ending = signal.SIGTERM

    def __init__(self, kind, user):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"strongroom-{kind}-"))
        self.as_other = []
        if os.geteuid() == 0:
            self.as_other = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]
            shutil.chown(self.folder, user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = None

    def run(self, *command):
        """A command in the folder, as the server's user."""
        done = subprocess.run([*self.as_other, *command], cwd=self.folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, *command):
        """The server; returns when the administrator can log in."""
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [*self.as_other, *command], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        end = time.monotonic() + START_SECONDS_MAX
        while not self.login(ADMIN, ADMIN_PASSWORD):
            said = (self.folder / "log").read_text()
            assert self.process.poll() is None and time.monotonic() < end, said
            time.sleep(0.1)

    def stop(self):
        """Ends it."""
        if self.process is not None:
            self.process.send_signal(self.ending)
            self.process.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def value(self, user, password, **more):
        """A secret's value."""
        told = {"host": "127.0.0.1", "port": self.port, "username": user, "password": password}
        return json.dumps({**told, **more})


def succeeds(command, said=None, **environment):
    """Whether a client's command does, and says something."""
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    return done.returncode == 0 and (said is None or done.stdout.strip() == said)


class Mariadb(Database):
    """A MariaDB of its own."""

    package = "mariadb"

    def __init__(self):
        super().__init__("mariadb", "mysql")
        data = f"--datadir={self.folder / 'data'}"
        self.run("mariadb-install-db", "--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal", data)
        first = self.folder / "first.sql"
        first.write_text(
            f"create user {ADMIN} identified by '{ADMIN_PASSWORD}';\ngrant all on *.* to {ADMIN} with grant option;\n"
        )
        first.chmod(0o644)
        files = [data, f"--socket={self.folder / 'socket'}", f"--pid-file={self.folder / 'pid'}", f"--init-file={first}"]
        quick = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M", "--skip-name-resolve"]
        self.start("/usr/sbin/mariadbd", "--no-defaults", "--bind-address=127.0.0.1", f"--port={self.port}", *files, *quick)

    def login(self, user, password, sql="select 1"):
        """Whether a login succeeds and the statement with it."""
        command = ["mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", str(self.port), "-u", user, "-e", sql]
        return succeeds(command, MYSQL_PWD=password, PATH=os.environ["PATH"])

    def add_user(self, user, password):
        """Makes a user."""
        return self.login(ADMIN, ADMIN_PASSWORD, f"create user {user} identified by '{password}'")

    def value(self, user, password, **more):
        return super().value(user, password, engine="mariadb", **more)


class Redis(Database):
    """A Redis of its own, whose users are in a file."""

    package = "redis"

    def __init__(self):
        super().__init__("redis", "redis")
        users = self.folder / "users.acl"
        users.write_text(f"user default off\nuser {ADMIN} on >{ADMIN_PASSWORD} ~* &* +@all\n")
        if self.as_other:
            shutil.chown(users, "redis")
        where = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder), "--save", ""]
        self.start("redis-server", *where, "--aclfile", str(users))

    def login(self, user, password, *command):
        """Whether a login succeeds and the command with it."""
        words = command or ("ping",)
        client = ["redis-cli", "-h", "127.0.0.1", "-p", str(self.port), "--no-auth-warning", "--user", user, *words]
        said = "OK" if command else "PONG"
        return succeeds(client, said, REDISCLI_AUTH=password, PATH=os.environ["PATH"])

    def add_user(self, user, password):
        """Makes a user."""
        return self.login(ADMIN, ADMIN_PASSWORD, "acl", "setuser", user, "on", f">{password}", "~app:*", "+get", "+ping")

    def value(self, user, password, **more):
        return super().value(user, password, ssl=False, **more)
