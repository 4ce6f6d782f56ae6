"""A stream of server-sent events, asked for with a signature as every request is."""

import http.client
import queue
import socket
import threading
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials


class Stream:
    """An open stream; its events come in a queue, and None at its end."""

    opened = []

    def __init__(self, url, key, secrets, last=None, region="us-east-1"):
        query = urllib.parse.urlencode([("secretId", secret) for secret in secrets], quote_via=urllib.parse.quote)
        request = botocore.awsrequest.AWSRequest("GET", f"{url}/events?{query}", {"last-event-id": last} if last else {})
        credentials = botocore.credentials.Credentials(
            key["AccessKeyId"], key["SecretAccessKey"], key.get("SessionToken"))
        botocore.auth.SigV4Auth(credentials, "secretsmanager", region).add_auth(request)
        where = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
        self.connection.request("GET", f"/events?{query}", headers=dict(request.headers.items()))
        self.socket, self.thread = self.connection.sock, None
        self.answer = self.connection.getresponse()
        self.status, self.events, self.beats = self.answer.status, queue.Queue(), 0
        Stream.opened.append(self)
        if self.status != 200:
            self.text = self.answer.read().decode()
            self.close()
            return
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        event = {}
        try:
            while line := self.answer.readline():
                line = line.decode().rstrip("\n")
                if line.startswith(":"):
                    self.beats += 1
                elif line:
                    name, value = line.split(": ", 1)
                    event[name] = value
                elif event:
                    self.events.put(event)
                    event = {}
        except (OSError, http.client.HTTPException):
            pass
        self.events.put(None)

    def next(self, seconds=60):
        """The next event."""
        return self.events.get(timeout=seconds)

    def close(self):
        """Goes away."""
        if self in Stream.opened:
            Stream.opened.remove(self)
            try:
                self.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            if self.thread:
                self.thread.join()
            self.answer.close()
            self.connection.close()
            self.socket.close()


def close_all():
    """Closes what a test has left open."""
    for stream in list(Stream.opened):
        stream.close()
