"""Calls of Strongroom's own service, which no SDK has a client for: signed by botocore, sent as they are."""

import json
import urllib.error
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials


class Refused(Exception):
    """An answer that is no success: its code and text."""

    def __init__(self, told):
        super().__init__(told)
        self.code, self.message = told["__type"].rsplit("#")[-1], told.get("Message") or told.get("message")


def call(server, operation, key=None, **members):
    """What an operation answers."""
    key = key or server.key()
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"Strongroom.{operation}"}
    body = json.dumps(members).encode()
    request = botocore.awsrequest.AWSRequest("POST", server.url + "/", headers=headers, data=body)
    credentials = botocore.credentials.Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    botocore.auth.SigV4Auth(credentials, "strongroom", "us-east-1").add_auth(request)
    prepared = request.prepare()
    sent = urllib.request.Request(prepared.url, body, dict(prepared.headers.items()), method="POST")
    try:
        with urllib.request.urlopen(sent, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        raise Refused(json.load(refused)) from None
