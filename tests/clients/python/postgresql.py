#!/usr/bin/env python3
"""A PostgreSQL that tests have for themselves. As a program, it runs a command with one, which PGHOST and PGPORT name."""

import glob
import os
import pathlib
import signal
import subprocess
import sys

from databases import ADMIN, ADMIN_PASSWORD, Database, succeeds

BIN = pathlib.Path(sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1])


class Postgresql(Database):
    """A PostgreSQL of its own."""

    package = "postgresql"
    # Without waiting for clients to leave.
    ending = signal.SIGINT

    def __init__(self):
        super().__init__("postgresql", "postgres")
        secret = self.folder / "first"
        secret.write_text(ADMIN_PASSWORD)
        secret.chmod(0o644)
        data = self.folder / "data"
        self.run(BIN / "initdb", "-D", data, "-U", ADMIN, "-A", "scram-sha-256", f"--pwfile={secret}")
        settings = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
        self.start(BIN / "postgres", "-D", data, "-p", str(self.port), *settings)

    def login(self, user, password, sql="select 1"):
        """Whether a login succeeds and the statement with it."""
        command = [BIN / "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", user, "-d", "postgres", "-qtAc", sql]
        return succeeds(command, PGPASSWORD=password, PGCONNECT_TIMEOUT="10")

    def add_user(self, user, password):
        """Makes a user."""
        return self.login(ADMIN, ADMIN_PASSWORD, f"create user {user} password '{password}'")

    def value(self, user, password, **more):
        return super().value(user, password, engine="postgres", **more)


def main(command):
    server = Postgresql()
    try:
        return subprocess.run(command, env={**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(server.port)}).returncode
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
