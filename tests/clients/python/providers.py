"""An identity provider of OpenID Connect on loopback: its documents over HTTP, its keys and tokens by `openssl`."""

import base64
import http.server
import json
import subprocess
import threading
import time


def encoded(data):
    """Base64 as tokens have it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*words, given=b""):
    """What a command of OpenSSL writes."""
    return subprocess.run(["openssl", *words], input=given, capture_output=True, check=True).stdout


def token_of(key, key_name, claims):
    """A signed token."""
    header = {"alg": "RS256", "typ": "JWT", "kid": key_name}
    signed = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    return signed + "." + encoded(key.sign(signed))


class Key:
    """An RSA key, kept in a file of its name."""

    def __init__(self, directory, name):
        self.name, self.file = name, directory / f"{name}.pem"
        if not self.file.exists():
            openssl("genrsa", "-out", str(self.file), "2048")
        told = openssl("rsa", "-in", str(self.file), "-noout", "-modulus").decode()
        self.modulus = bytes.fromhex(told.strip().removeprefix("Modulus="))

    @property
    def shown(self):
        """As it stands in a set of keys."""
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.name, "n": encoded(self.modulus), "e": "AQAB"}

    def sign(self, text):
        """The signature of RS256."""
        return openssl("dgst", "-sha256", "-sign", str(self.file), given=text.encode())


# Ports of all providers so far.
PORTS = set()


class Provider:
    """A provider that shows `keys`; the first one signs."""

    def __init__(self, *keys):
        self.keys, self.asked = list(keys), []
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                provider.asked.append(self.path)
                document = provider.documents().get(self.path)
                body = json.dumps(document or {}).encode()
                self.send_response(200 if document else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words):
                pass

        # A server keeps the keys of a provider by its address, so that none may have that of one before.
        while True:
            self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            if self.server.server_port not in PORTS:
                break
            self.server.server_close()
        PORTS.add(self.server.server_port)
        self.name = f"127.0.0.1:{self.server.server_port}"
        self.issuer = self.claimed_issuer = f"http://{self.name}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def documents(self):
        """What it shows, by path."""
        return {
            "/.well-known/openid-configuration": {
                "issuer": self.claimed_issuer, "jwks_uri": f"http://{self.name}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
            },
            "/keys": {"keys": [key.shown for key in self.keys]},
        }

    def close(self):
        """Nobody answers any more."""
        self.server.shutdown()
        self.server.server_close()

    def token(self, key=None, key_name=None, **claims):
        """A token for the client `app`, unless `claims` say otherwise; what is None is left out."""
        key, now = key or self.keys[0], int(time.time())
        claims = {"iss": self.issuer, "sub": "someone", "aud": "app", "iat": now, "exp": now + 600, **claims}
        claims = {name: value for name, value in claims.items() if value is not None}
        return token_of(key, key_name or key.name, claims)
