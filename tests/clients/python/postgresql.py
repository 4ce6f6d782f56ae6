#!/usr/bin/env python3
"""A PostgreSQL that tests have for themselves. As a program, it runs a command with one, which PGHOST and PGPORT name."""

import glob
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

BIN = pathlib.Path(sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1])
# The server refuses to run as root.
AS_OTHER = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []


class Postgresql:
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


def value_of(server, user, password, **more):
    return json.dumps(
        {"engine": "postgres", "host": "127.0.0.1", "port": server.port, "username": user, "password": password, **more}
    )


def main(command):
    server = Postgresql()
    try:
        return subprocess.run(command, env={**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(server.port)}).returncode
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
