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


def test_denies_of_ones_own_tell_nothing_of_a_secret_elsewhere(abroad, name):
    own, other = abroad
    arn = own.sm.create_secret(Name=name, SecretString="x", Tags=[{"Key": "team", "Value": "prod"}])["ARN"]
    absent = arn.replace(name, name + "-absent")
    user = other.user("w" + uuid.uuid4().hex[:8])
    action = "secretsmanager:GetSecretValue"
    said = set()
    for statements in ([ALL, deny(action, team="prod")], [ALL, deny(action, team="dev")], [ALL]):
        user.iam.put_user_policy(UserName=user.name, PolicyName="may", PolicyDocument=document(*statements))
        for asked in (arn, arn[:-7], absent):
            with refused("AccessDeniedException") as refusal:
                client("secretsmanager", user.key, user.url).get_secret_value(SecretId=asked)
            assert refusal.text.count(asked + " because") == 1, refusal.text
            said.add(refusal.text.replace(asked, "SECRET"))
    assert len(said) == 1 and "no resource-based policy allows" in said.pop()


def test_who_is_let_in_hears_its_own_denies(abroad, name):
    own, other = abroad
    arn = own.sm.create_secret(Name=name, SecretString="x", Tags=[{"Key": "team", "Value": "prod"}])["ARN"]
    action = "secretsmanager:GetSecretValue"
    own.sm.put_resource_policy(SecretId=arn, ResourcePolicy=document(
        {"Effect": "Allow", "Principal": {"AWS": other.root}, "Action": action, "Resource": "*"}))
    user = other.user("w" + uuid.uuid4().hex[:8])
    user.iam.put_user_policy(
        UserName=user.name, PolicyName="may", PolicyDocument=document(ALL, deny(action, team="prod")))
    with refused("AccessDeniedException") as refusal:
        client("secretsmanager", user.key, user.url).get_secret_value(SecretId=arn)
    assert "with an explicit deny in an identity-based policy" in refusal.text


def test_aliases_of_another_account_are_not_told_from_none(abroad, name):
    own, other = abroad
    key = own.kms.create_key()["KeyMetadata"]["KeyId"]
    alias = "alias/" + name
    own.kms.create_alias(AliasName=alias, TargetKeyId=key)
    user = other.user("w" + uuid.uuid4().hex[:8])
    said = set()
    for policy in (document(ALL), document(ALL, deny("kms:*", team="*"))):
        user.iam.put_user_policy(UserName=user.name, PolicyName="may", PolicyDocument=policy)
        for end in ("", "-absent"):
            asked = f"arn:aws:kms:us-east-1:{own.number}:{alias}{end}"
            with refused("AccessDeniedException") as refusal:
                user.kms.describe_key(KeyId=asked)
            assert key not in refusal.text
            said.add(refusal.text)
    assert len(said) == 1, said


def test_a_secret_under_a_key_elsewhere_does_not_tell_aliases(abroad, name):
    own, other = abroad
    key = own.kms.create_key()["KeyMetadata"]["KeyId"]
    alias = "alias/" + name
    own.kms.create_alias(AliasName=alias, TargetKeyId=key)
    said = set()
    for end in ("", "-absent"):
        asked = f"arn:aws:kms:us-east-1:{own.number}:{alias}{end}"
        with refused("AccessDeniedException") as refusal:
            other.sm.create_secret(Name=name + end, SecretString="x", KmsKeyId=asked)
        said.add(refusal.text)
    assert len(said) == 1, said


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
