"""Several servers on one PostgreSQL, each by a link of its own that can be cut and mended."""

import shutil
import socket
import threading
import time

import servers
from databases import ADMIN, ADMIN_PASSWORD
from postgresql import Postgresql

PIECE = 64 * 1024
# Between two questions of a watch: without it a watch is a load of its own, the heavier the quicker the machine.
PAUSE_SECONDS = 0.01


class Link:
    """Carries connections to a port on loopback. While it is cut, nothing passes and nobody is told, as with a cable."""

    def __init__(self, port):
        self.port, self.whole, self.closed = port, threading.Event(), False
        self.whole.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0.2)
        self.address = self.listener.getsockname()[1]
        self.threads = []
        self._begin(self._accept)

    def cut(self):
        self.whole.clear()

    def mend(self):
        self.whole.set()

    def close(self):
        self.closed = True
        self.mend()
        for thread in self.threads:
            thread.join()

    def _begin(self, work, *about):
        thread = threading.Thread(target=work, args=about)
        self.threads.append(thread)
        thread.start()

    def _accept(self):
        with self.listener:
            while not self.closed:
                try:
                    inner, _ = self.listener.accept()
                except TimeoutError:
                    continue
                self._begin(self._serve, inner)

    def _serve(self, inner):
        self.whole.wait()
        with inner:
            try:
                outer = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                return
            with outer:
                back = threading.Thread(target=self._carry, args=(inner, outer))
                back.start()
                self._carry(outer, inner)
                back.join()

    def _carry(self, source, sink):
        source.settimeout(None)
        try:
            while piece := source.recv(PIECE):
                self.whole.wait()
                sink.sendall(piece)
        except OSError:
            pass
        self.whole.wait()
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Cluster:
    """Servers on one database; `settings` tells each one's own, by its number."""

    def __init__(self, folder, count=3, settings=lambda number: ""):
        self.database = Postgresql()
        assert self.database.login(ADMIN, ADMIN_PASSWORD, "create database strongroom")
        self.links, self.nodes = [], []
        password = folder / "db-password"
        password.write_text(ADMIN_PASSWORD)
        self.folder, self.password, self.settings = folder, password, settings
        for _ in range(count):
            self.add().start()

    def add(self):
        """One more server, which does not run yet."""
        number, link = len(self.nodes), Link(self.database.port)
        url = f"postgres://{ADMIN}@127.0.0.1:{link.address}/strongroom?sslmode=disable"
        directory = self.folder / f"node-{number}"
        directory.mkdir()
        store = f'[store]\nurl = "{url}"\npassword_file = "{self.password}"\n'
        node = servers.Server(servers.binary(), directory, store + self.settings(number))
        if number > 0:
            node.data.mkdir(mode=0o700)
            for file in ("root.key", "credentials"):
                shutil.copy(self.nodes[0].data / file, node.data / file)
        self.links.append(link)
        self.nodes.append(node)
        return node

    def stop(self):
        for link in self.links:
            link.mend()
        for node in self.nodes:
            if node.process is not None:
                node.process.kill()
                node.process.wait()
        # Then whatever is carried comes to its end.
        self.database.stop()
        for link in self.links:
            link.close()


class Watch(threading.Thread):
    """Asks the same thing again and again, and keeps when it began to ask and what came of it."""

    def __init__(self, ask):
        super().__init__(daemon=True)
        self.ask, self.seen, self.over = ask, [], threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(PAUSE_SECONDS):
            begun = time.monotonic()
            self.seen.append((begun, self.ask()))

    def stop(self):
        self.over.set()
        self.join()

    def between(self, since, until):
        """What came of what was begun in between."""
        return [what for begun, what in list(self.seen) if since <= begun < until]
