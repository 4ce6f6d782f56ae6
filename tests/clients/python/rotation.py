"""What tests of rotation share: clients, functions with role and permission, and waiting for what happens by itself."""

import io
import json
import pathlib
import time
import uuid
import zipfile

import boto3
import botocore.config

from conftest import REGION

ROTATE_PY = pathlib.Path(__file__).parents[2] / "rotation-function" / "rotate.py"


def client(service, server=None):
    """A client that never retries: of the server under test, or of one that a test has for itself."""
    config = botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=120)
    if server is None:
        return boto3.session.Session().client(service, region_name=REGION, config=config)
    key = server.key()
    session = boto3.session.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")
    return session.client(service, endpoint_url=server.url, config=config)


def zipped(files):
    """A package of a function."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            # A `bootstrap` has to be executable.
            entry.external_attr, entry.compress_type = 0o100755 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
    return packed.getvalue()


def new_role(server=None):
    """A role that functions may take, with leave for all of Secrets Manager."""
    iam, name = client("iam", server), f"rotates-{uuid.uuid4().hex[:12]}"
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    leave = {"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="rotates", PolicyDocument=policy(leave))
    return role["Arn"]


def new_partner_role(kind, source=None, leave=True):
    """A role with which Secrets Manager itself rotates secrets of a type, as the User Guide has it."""
    iam, name = client("iam"), f"partner-{uuid.uuid4().hex[:12]}"
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "secretsmanager.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": source or account()}},
    }
    secrets = {
        "Effect": "Allow",
        "Action": [
            "secretsmanager:DescribeSecret",
            "secretsmanager:GetSecretValue",
            "secretsmanager:PutSecretValue",
            "secretsmanager:UpdateSecretVersionStage",
        ],
        "Resource": "*",
        "Condition": {"StringEquals": {"secretsmanager:resource/Type": kind}},
    }
    passwords = {"Effect": "Allow", "Action": "secretsmanager:GetRandomPassword", "Resource": "*"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]
    if leave:
        iam.put_role_policy(RoleName=name, PolicyName="rotates", PolicyDocument=policy(secrets, passwords))
    return role["Arn"]


def account():
    """The account of the clients."""
    return client("sts").get_caller_identity()["Account"]


def policy(*statements):
    """A policy's text."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def new_function(handler, files=None, runtime="provided.al2023", permitted=True, server=None):
    """The ARN of a new function that Secrets Manager may invoke."""
    functions, name = client("lambda", server), f"rotates-{uuid.uuid4().hex[:12]}"
    made = functions.create_function(
        FunctionName=name,
        Runtime=runtime,
        Role=new_role(server),
        Handler=handler,
        Code={"ZipFile": zipped(files or {"built-in": ""})},
        Timeout=30,
    )
    if permitted:
        functions.add_permission(
            FunctionName=name,
            StatementId="secrets-manager",
            Action="lambda:InvokeFunction",
            Principal="secretsmanager.amazonaws.com",
        )
    return made["FunctionArn"]


def until(said, seconds=60):
    """What `said` says as soon as it says something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := said():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


def rotated(sm, secret, version):
    """Waits until a rotation's version is AWSCURRENT and the rotation complete."""

    def is_done():
        described = sm.describe_secret(SecretId=secret)
        stages = described["VersionIdsToStages"].get(version, [])
        return described if stages == ["AWSCURRENT"] and described.get("LastRotatedDate") else None

    return until(is_done)
