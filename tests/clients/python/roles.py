"""What the tests of identities share: clients that sign with a key of choice, policies, and trust policies."""

import json
import os
import pathlib
import time

import boto3
import botocore.config

import conftest


CONFIG = botocore.config.Config(retries={"total_max_attempts": 1})


def client(service, key=None, url=None):
    """A client that signs with a user's key, with a session's credentials, or as the root. `url` is another server's
    than the one that the environment names."""
    key = key or {}
    return boto3.session.Session().client(
        service, region_name=conftest.REGION, config=CONFIG, endpoint_url=url,
        aws_access_key_id=key.get("AccessKeyId"), aws_secret_access_key=key.get("SecretAccessKey"),
        aws_session_token=key.get("SessionToken"))


def make_iam(**options):
    """A client of IAM that never retries."""
    settings = {"retries": {"total_max_attempts": 1}, **options}
    return boto3.session.Session().client(
        "iam", region_name=conftest.REGION, config=botocore.config.Config(**settings)
    )


def trust(**principal):
    """A trust policy for one principal; without one, for machines."""
    statement = {
        "Effect": "Allow",
        "Principal": principal or {"Service": "ec2.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def pairs(**wanted):
    """Tags as the API takes them."""
    return [{"Key": key, "Value": value} for key, value in wanted.items()]


def policy(*actions, effect="Allow", resource="*", **conditions):
    """A policy of one statement, with conditions by operator."""
    statement = {"Effect": effect, "Action": list(actions), "Resource": resource}
    if conditions:
        statement["Condition"] = conditions
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trusting(arn, *further, **conditions):
    """A trust policy that lets `arn` assume the role, and do what is named further."""
    statement = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": ["sts:AssumeRole", *further]}
    if conditions:
        statement["Condition"] = conditions
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def assume(key, role, session="session", **options):
    """The answer to AssumeRole."""
    return client("sts", key).assume_role(RoleArn=role["Arn"], RoleSessionName=session, **options)


def record_of(word):
    """The trail's record that holds a word, such as the id of a request."""
    trail = pathlib.Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).parent / "trail"
    for _ in range(100):
        for file in trail.rglob("*.jsonl"):
            for line in file.read_text().splitlines():
                if word in line:
                    return json.loads(line)
        time.sleep(0.1)
    raise AssertionError(f"no record of {word}")
