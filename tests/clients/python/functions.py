"""Functions for the tests of Lambda: clients, packages, execution roles."""

import io
import json
import zipfile

import boto3
import botocore.config
import botocore.exceptions

SERVICE = "lambda.amazonaws.com"


def make(service):
    """A client that never retries."""
    config = botocore.config.Config(retries={"total_max_attempts": 1})
    return boto3.session.Session().client(service, config=config)


def package(files=None):
    """A zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (files or {"index.py": "def handler(event, context):\n    return event\n"}).items():
            archive.writestr(name, text)
    return buffer.getvalue()


def make_role(iam, name, service=SERVICE):
    """A role that a service may assume: its ARN."""
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}
    return iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]


def refused(call, **arguments):
    """The status, code and text with which a call is refused."""
    try:
        answer = call(**arguments)
    except botocore.exceptions.ClientError as error:
        answer = error.response
        return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]
    raise AssertionError(f"not refused: {answer}")
