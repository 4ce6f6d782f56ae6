"""Requests by hand: botocore's own signer under requests that botocore would never send."""

import datetime
import http.client
import json
import urllib.parse

import botocore.auth
import botocore.awsrequest

CONTENT_TYPE = "application/x-amz-json-1.1"


class Answer:
    """Status, headers in lower case, and body."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {key.lower(): value for key, value in response.getheaders()}
        self.raw = response.read()

    @property
    def json(self):
        """The body as JSON, `{}` when empty."""
        return json.loads(self.raw) if self.raw else {}

    @property
    def code(self):
        """The error's code without a namespace."""
        return self.json.get("__type", "").split("#")[-1]

    @property
    def text(self):
        """The error's text."""
        return self.json.get("Message", self.json.get("message", ""))

    def __repr__(self):
        return f"{self.status} {self.raw[:300]!r}"


class Signer(botocore.auth.SigV4Auth):
    """botocore's signer, at a time of choice."""

    def __init__(self, credentials, service, region, at=None):
        super().__init__(credentials, service, region)
        self.at = at

    def add_auth(self, request):
        """Signs. The same as botocore's, save that the time is handed in."""
        if self.at is None:
            super().add_auth(request)
            return
        request.context["timestamp"] = self.at.strftime("%Y%m%dT%H%M%SZ")
        self._modify_request_before_signing(request)
        canonical = self.canonical_request(request)
        signature = self.signature(self.string_to_sign(request, canonical), request)
        self._inject_signature_to_request(request, signature)


class Endpoint:
    """The server under test, with the account's credentials."""

    def __init__(self, client, region):
        self.url = client.meta.endpoint_url.rstrip("/") + "/"
        parts = urllib.parse.urlsplit(self.url)
        self.host, self.port = parts.hostname, parts.port or 80
        self.netloc = parts.netloc
        self.region = region
        self.credentials = client._request_signer._credentials.get_frozen_credentials()

    def connect(self):
        """A connection of its own."""
        return http.client.HTTPConnection(self.host, self.port, timeout=60)

    def headers(self, operation):
        """The headers that an SDK would send for an operation."""
        headers = {"Content-Type": CONTENT_TYPE, "Host": self.netloc}
        if operation is not None:
            headers["X-Amz-Target"] = operation if "." in operation else f"secretsmanager.{operation}"
        return headers

    def sign(self, operation, body, *, service="secretsmanager", region=None, at=None, credentials=None, extra=None,
             method="POST", path=""):
        """A signed request: botocore's own kind."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers = {**self.headers(operation), **(extra or {})}
        request = botocore.awsrequest.AWSRequest(method=method, url=self.url + path, data=body, headers=headers)
        Signer(credentials or self.credentials, service, region or self.region, at).add_auth(request)
        return request.prepare()

    def send(self, prepared, connection=None):
        """Sends a request as it is and reads the whole answer."""
        own = connection or self.connect()
        try:
            path = prepared.url[prepared.url.index("/", 8):]
            own.putrequest(prepared.method, path, skip_host=True, skip_accept_encoding=True)
            data = prepared.body or b""
            for key, value in prepared.headers.items():
                if key.lower() != "content-length":
                    own.putheader(key, value.decode() if isinstance(value, bytes) else value)
            own.putheader("Content-Length", str(len(data)))
            own.endheaders(data)
            return Answer(own.getresponse())
        finally:
            if connection is None:
                own.close()

    def call(self, operation, body, connection=None, **options):
        """Signs and sends."""
        return self.send(self.sign(operation, body, **options), connection)


def ago(**delta):
    """A time before now, or after it with negative parts."""
    return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(**delta)
