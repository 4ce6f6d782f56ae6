"""What the tests of KMS share: clients whose answers are held against the model, key policies, users with a key."""

import json

import boto3
import botocore.config

import conftest
import shapes
from roles import client, make_iam, policy

HMACS = {"HMAC_224": 28, "HMAC_256": 32, "HMAC_384": 48, "HMAC_512": 64}


def make_kms(key=None, url=None, **options):
    """A client of KMS that never retries and checks the form of every answer. `key` and `url` as for `roles.client`."""
    key, settings = key or {}, {"retries": {"total_max_attempts": 1}, **options}
    made = boto3.session.Session().client(
        "kms", region_name=conftest.REGION, config=botocore.config.Config(**settings), endpoint_url=url,
        aws_access_key_id=key.get("AccessKeyId"), aws_secret_access_key=key.get("SecretAccessKey"),
        aws_session_token=key.get("SessionToken"))
    made.meta.events.register("after-call.kms", shapes.check_answer)
    return made


def account_of(key=None, url=None):
    """The account that a key signs for."""
    return client("sts", key, url).get_caller_identity()["Account"]


def statement(principal, *actions, effect="Allow", **conditions):
    """A statement of a key policy for one principal or several."""
    made = {"Effect": effect, "Principal": {"AWS": principal}, "Action": list(actions), "Resource": "*"}
    if conditions:
        made["Condition"] = conditions
    return made


def key_policy(account, *statements, delegates=True):
    """A key policy: the statements, and one for the account unless `delegates` is false, when only its root may."""
    own = f"arn:aws:iam::{account}:root"
    first = statement(own, "kms:*")
    if not delegates:
        first["Condition"] = {"ArnEquals": {"aws:PrincipalArn": own}}
    return json.dumps({"Version": "2012-10-17", "Statement": [first, *statements]})


class User:
    """A user of the first account of a server, or of the one whose root key is given."""

    def __init__(self, name, root=None, url=None):
        self.name, self.url = name, url
        self.iam = client("iam", root, url) if url else make_iam()
        self.arn = self.iam.create_user(UserName=name)["User"]["Arn"]
        self.key = self.iam.create_access_key(UserName=name)["AccessKey"]
        self.kms = make_kms(self.key, url)

    def may(self, *actions, **conditions):
        """Replaces the user's policy by one that allows this and nothing else."""
        text = policy(*actions, **conditions)
        self.iam.put_user_policy(UserName=self.name, PolicyName="may", PolicyDocument=text)

    def may_nothing(self):
        """Takes the user's policy away."""
        self.iam.delete_user_policy(UserName=self.name, PolicyName="may")


class Account:
    """The root of an account, and what tests need of it."""

    def __init__(self, key, url):
        self.key, self.url = key, url
        self.number = account_of(key, url)
        self.root = f"arn:aws:iam::{self.number}:root"
        self.kms, self.sm = make_kms(key, url), client("secretsmanager", key, url)

    def user(self, name):
        """A new user."""
        return User(name, self.key, self.url)
