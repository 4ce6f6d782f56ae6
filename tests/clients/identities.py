#!/usr/bin/env python3
"""What the suites of SDKs sign in with beside the root's key: a user who may assume a role, and tokens of an identity
provider for the same role. Asks nothing of the machine but Python and OpenSSL.

    identities.py keys DIR    makes the provider's key and DIR/keys.json, before the server starts
    identities.py make DIR    makes user, role and provider, the profiles `assumed` and `web` in AWS_CONFIG_FILE, and the
                              tokens DIR/token-1 and DIR/token-2; the profile `web` reads DIR/token, at first token-1
"""

import configparser
import datetime
import hashlib
import hmac
import json
import os
import pathlib
import re
import sys
import time
import urllib.parse
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent / "python"))
from providers import Key, token_of  # noqa: E402

ISSUER = "https://idp.example.com/clients"
NAME = "clients"


class Iam:
    """IAM of the server under test, asked as the root."""

    def __init__(self):
        found = configparser.ConfigParser()
        found.read(os.environ["AWS_SHARED_CREDENTIALS_FILE"])
        self.key = found["default"]
        self.url = os.environ["AWS_ENDPOINT_URL"].rstrip("/") + "/"

    def call(self, action, **members):
        """The answer to a request, as text."""
        form = {"Action": action, "Version": "2010-05-08", **members}
        body = urllib.parse.urlencode(form, quote_via=urllib.parse.quote).encode()
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8",
                   "host": urllib.parse.urlsplit(self.url).netloc, "x-amz-date": now}
        headers["authorization"] = self.signature(headers, body)
        request = urllib.request.Request(self.url, body, headers, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    def signature(self, headers, body):
        """The header that signs a request (Signature Version 4)."""
        day = headers["x-amz-date"][:8]
        scope = f"{day}/us-east-1/iam/aws4_request"
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        names = ";".join(sorted(headers))
        request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
        text = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = ("AWS4" + self.key["aws_secret_access_key"]).encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        who = self.key["aws_access_key_id"]
        return f"AWS4-HMAC-SHA256 Credential={who}/{scope}, SignedHeaders={names}, Signature={signature}"


def member(answer, name):
    """The text of the first element of a name."""
    return re.search(f"<{name}>([^<]*)</{name}>", answer).group(1)


def statement(**members):
    return {"Effect": "Allow", **members}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def make_keys(directory):
    """The provider's key, and the file by which the server knows it."""
    directory.mkdir()
    (directory / "keys.json").write_text(json.dumps({"keys": [Key(directory, "key").shown]}))


def make(directory):
    """User, role, provider, profiles and tokens."""
    iam = Iam()
    user = member(iam.call("CreateUser", UserName=NAME), "Arn")
    key = iam.call("CreateAccessKey", UserName=NAME)
    listed = {"Url": ISSUER, "ClientIDList.member.1": NAME}
    provider = member(iam.call("CreateOpenIDConnectProvider", **listed), "OpenIDConnectProviderArn")
    audience = {"StringEquals": {f"{ISSUER.removeprefix('https://')}:aud": NAME}}
    trust = policy(
        statement(Principal={"AWS": user}, Action="sts:AssumeRole"),
        statement(Principal={"Federated": provider}, Action="sts:AssumeRoleWithWebIdentity", Condition=audience),
    )
    role = member(iam.call("CreateRole", RoleName=NAME, AssumeRolePolicyDocument=trust), "Arn")
    # The names that the suites make by default end so.
    reading = statement(Action="secretsmanager:GetSecretValue", Resource="arn:aws:secretsmanager:*:*:secret:*/one-??????")
    iam.call("PutRolePolicy", RoleName=NAME, PolicyName="may", PolicyDocument=policy(reading))
    pathlib.Path(os.environ["AWS_CONFIG_FILE"]).write_text(f"""
[profile user]
aws_access_key_id = {member(key, "AccessKeyId")}
aws_secret_access_key = {member(key, "SecretAccessKey")}

[profile assumed]
role_arn = {role}
source_profile = user
role_session_name = assumed

[profile web]
role_arn = {role}
web_identity_token_file = {directory}/token
role_session_name = web
""")
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": NAME, "iat": now, "exp": now + 6 * 3600}
    provider_key = Key(directory, "key")
    for name in ("token-1", "token-2"):
        (directory / name).write_text(token_of(provider_key, "key", {**claims, "sub": name}))
    (directory / "token").write_text((directory / "token-1").read_text())
    (directory / "role").write_text(role)


{"keys": make_keys, "make": make}[sys.argv[1]](pathlib.Path(sys.argv[2]))
