"""Servers of their own for tests that need more than the one under test has: further accounts, an organization."""

import configparser
import os
import pathlib
import subprocess
import time

START_SECONDS_MAX = 30


class Server:
    """A data directory, and the server on it while it runs."""

    def __init__(self, binary, directory, settings="", throttle=False):
        self.binary, self.directory = binary, pathlib.Path(directory)
        self.data, self.config = self.directory / "data", self.directory / "strongroom.toml"
        self.config.write_text(settings)
        self.flags = [] if throttle else ["--no-throttle"]
        self.process, self.listen = None, "127.0.0.1:0"

    def start(self):
        """Starts it, on a free port unless `listen` says where."""
        (self.data / "endpoint").unlink(missing_ok=True)
        places = ["--config", self.config, "--data", self.data, "--listen", self.listen]
        command = [self.binary, "serve", *self.flags, *places]
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(START_SECONDS_MAX * 10):
            if (self.data / "endpoint").is_file() and (self.data / "endpoint").read_text().strip():
                return
            assert self.process.poll() is None, (self.directory / "log").read_text()
            time.sleep(0.1)
        raise AssertionError("the server wrote no endpoint")

    def stop(self):
        """Ends it in order."""
        if self.process is not None:
            self.process.terminate()
            assert self.process.wait(30) == 0, (self.directory / "log").read_text()
            self.process = None

    def run(self, *words):
        """What an offline command prints. No server may run meanwhile."""
        command = [self.binary, *words[:2], "--config", self.config, "--data", self.data, *words[2:]]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def url(self):
        """Where it answers."""
        return (self.data / "endpoint").read_text().strip()

    def key(self, profile="default"):
        """The root's key of the first account, or of another one by its number."""
        found = configparser.ConfigParser()
        found.read(self.data / "credentials")
        named = found[profile]
        return {"AccessKeyId": named["aws_access_key_id"], "SecretAccessKey": named["aws_secret_access_key"]}


def binary():
    """The server's binary: the one under test, or the workspace's own."""
    own = pathlib.Path(__file__).parents[3] / "target" / "debug" / "strongroom"
    return os.environ.get("STRONGROOM_BIN", str(own))
