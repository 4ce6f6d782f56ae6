"""What a caller is told about what belongs to another account that does not let it in: nothing, whatever its own policies
say; and tags whose keys differ in case alone."""

import json
import uuid

from checks import refused
from keys import key_policy, statement
from roles import client


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def deny(action, **tags):
    wanted = {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
    return {"Effect": "Deny", "Action": action, "Resource": "*", "Condition": {"StringLike": wanted}}


ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def test_a_second_tag_in_another_case_does_not_fool_conditions(sm, name, mark):
    iam = client("iam")
    sm.create_secret(Name=name, SecretString="x", Tags=[{"Key": "Team", "Value": "dev"}])
    iam.create_user(UserName=mark)
    iam.put_user_policy(UserName=mark, PolicyName="p", PolicyDocument=document({
        "Effect": "Allow", "Action": "secretsmanager:TagResource", "Resource": "*",
        "Condition": {"StringEquals": {"aws:RequestTag/team": "dev"}}}))
    asked = client("secretsmanager", iam.create_access_key(UserName=mark)["AccessKey"])
    for first, second in (("dev", "prod"), ("prod", "dev")):
        with refused("AccessDeniedException"):
            asked.tag_resource(SecretId=name, Tags=[{"Key": "team", "Value": first}, {"Key": "Team", "Value": second}])
    asked.tag_resource(SecretId=name, Tags=[{"Key": "Team", "Value": "dev"}])
    with refused("InvalidParameterException"):
        asked.tag_resource(SecretId=name, Tags=[{"Key": "team", "Value": "dev"}])


def test_tag_keys_of_keys_differ_in_more_than_case(kms, key, account):
    both = [{"TagKey": "team", "TagValue": "a"}, {"TagKey": "Team", "TagValue": "b"}]
    with refused("TagException"):
        kms.tag_resource(KeyId=key, Tags=both)
    with refused("TagException"):
        kms.create_key(Tags=both)
    kms.tag_resource(KeyId=key, Tags=both[:1])
    with refused("TagException"):
        kms.tag_resource(KeyId=key, Tags=both[1:])


def test_keys_of_an_encryption_context_in_two_cases_are_asked_both(kms, account, key):
    policy = key_policy(account, statement(
        "*", "kms:Encrypt", effect="Deny", StringEquals={"kms:EncryptionContext:app": "closed"}))
    kms.put_key_policy(KeyId=key, Policy=policy)
    kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"App": "open"})
    for context in ({"App": "open", "app": "closed"}, {"App": "closed", "app": "open"}):
        with refused("AccessDeniedException"):
            kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)
