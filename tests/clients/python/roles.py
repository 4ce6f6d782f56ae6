"""What the tests of roles share: a client of IAM, trust policies, and roles that are cleared away."""

import json

import boto3
import botocore.config

import conftest


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
