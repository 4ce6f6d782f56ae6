"""Keys of KMS: created, described, listed, disabled, deleted, tagged; their policies."""

import datetime
import json
import uuid

import pytest

from checks import body, refused
from keys import HMACS, User, key_policy, make_kms, statement

SYMMETRIC = "SYMMETRIC_DEFAULT"
MALFORMED = "MalformedPolicyDocumentException"
LOCKED_OUT = "The new key policy will not allow you to update the key policy in the future."
NO_PRINCIPAL = "Policy contains a statement with one or more invalid principals."


@pytest.fixture(scope="module")
def loose_kms():
    """The client without botocore's own checks."""
    return make_kms(parameter_validation=False)


def tags(**wanted):
    return [{"TagKey": key, "TagValue": value} for key, value in wanted.items()]


def state(kms, key):
    return kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]


def test_a_key_as_it_is_made_and_described(kms, account):
    before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=2)
    made = kms.create_key(Description="for tests", Tags=tags(team="red"))["KeyMetadata"]
    key = made["KeyId"]
    assert str(uuid.UUID(key)) == key and made["CreationDate"] > before
    material = made.pop("CurrentKeyMaterialId")
    assert len(material) == 64 and int(material, 16)
    del made["CreationDate"]
    assert made == {
        "AWSAccountId": account, "KeyId": key, "Arn": f"arn:aws:kms:us-east-1:{account}:key/{key}", "Enabled": True,
        "Description": "for tests", "KeyUsage": "ENCRYPT_DECRYPT", "KeyState": "Enabled", "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER", "CustomerMasterKeySpec": SYMMETRIC, "KeySpec": SYMMETRIC,
        "EncryptionAlgorithms": [SYMMETRIC], "MultiRegion": False,
    }
    for name in (key, made["Arn"]):
        shown = kms.describe_key(KeyId=name)["KeyMetadata"]
        assert (shown["Arn"], shown["CurrentKeyMaterialId"]) == (made["Arn"], material)


@pytest.mark.parametrize("spec", HMACS)
def test_hmac_keys(kms, spec):
    made = kms.create_key(KeySpec=spec, KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
    assert (made["KeySpec"], made["KeyUsage"]) == (spec, "GENERATE_VERIFY_MAC")
    assert made["MacAlgorithms"] == [spec.replace("HMAC", "HMAC_SHA")]
    assert "EncryptionAlgorithms" not in made and "CurrentKeyMaterialId" not in made


def test_a_multi_region_key(kms):
    made = kms.create_key(MultiRegion=True)["KeyMetadata"]
    assert made["KeyId"].startswith("mrk-") and len(made["KeyId"]) == 36 and made["MultiRegion"]
    assert made["MultiRegionConfiguration"] == {
        "MultiRegionKeyType": "PRIMARY", "PrimaryKey": {"Arn": made["Arn"], "Region": "us-east-1"}, "ReplicaKeys": []}


def test_specs_and_usages_that_do_not_go_together(kms):
    with refused("ValidationException", "KeyUsage GENERATE_VERIFY_MAC is not compatible with KeySpec SYMMETRIC_DEFAULT"):
        kms.create_key(KeyUsage="GENERATE_VERIFY_MAC")
    with refused("ValidationException", "KeyUsage SIGN_VERIFY is not compatible with KeySpec HMAC_256"):
        kms.create_key(KeySpec="HMAC_256", KeyUsage="SIGN_VERIFY")
    text = "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."
    with refused("ValidationException", text):
        kms.create_key(KeySpec="HMAC_256")
    text = ("You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is "
            "deprecated.")
    with refused("ValidationException", text):
        kms.create_key(KeySpec=SYMMETRIC, CustomerMasterKeySpec=SYMMETRIC)
    assert kms.create_key(CustomerMasterKeySpec=SYMMETRIC)["KeyMetadata"]["KeySpec"] == SYMMETRIC


def test_key_stores_are_not_here(kms):
    for wanted in ({"CustomKeyStoreId": "cks-1234567890abcdef0", "Origin": "AWS_CLOUDHSM"},
                   {"Origin": "EXTERNAL_KEY_STORE", "XksKeyId": "1"}, {"CustomKeyStoreId": "cks-1234567890abcdef0"}):
        with refused("UnsupportedOperationException"):
            kms.create_key(**wanted)


def test_names_of_no_key(kms, account):
    absent = str(uuid.uuid4())
    arn = f"arn:aws:kms:us-east-1:{account}:key/{absent}"
    for name in (absent, arn):
        with refused("NotFoundException", f"Key '{arn}' does not exist"):
            kms.describe_key(KeyId=name)
    with refused("NotFoundException", "Invalid keyId 'nothing'"):
        kms.describe_key(KeyId="nothing")
    with refused("NotFoundException", "Invalid arn eu-west-1"):
        kms.describe_key(KeyId=arn.replace("us-east-1", "eu-west-1"))
    with refused("NotFoundException", f"Alias arn:aws:kms:us-east-1:{account}:alias/nothing is not found."):
        kms.describe_key(KeyId="alias/nothing")
    for name in (arn.replace(":kms:", ":s3:"), arn.replace(":key/", ":door/"), "arn:aws:kms:us-east-1"):
        with refused("InvalidArnException"):
            kms.describe_key(KeyId=name)


def test_keys_of_another_region_are_others(kms, key):
    arn = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    with refused("NotFoundException", "Invalid arn eu-west-1"):
        kms.describe_key(KeyId=arn.replace("us-east-1", "eu-west-1"))


def test_lists_of_keys_by_pages(kms, abroad):
    own, other = abroad
    made = {other.kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(7)}
    pages = list(other.kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["Keys"]) for page in pages[:2]] == [3, 3]
    assert [page["Truncated"] for page in pages] == [True] * (len(pages) - 1) + [False]
    listed = {entry["KeyId"]: entry["KeyArn"] for page in pages for entry in page["Keys"]}
    assert made <= set(listed)
    assert all(arn == f"arn:aws:kms:us-east-1:{other.number}:key/{key}" for key, arn in listed.items())
    assert not made & {entry["KeyId"] for entry in own.kms.list_keys(Limit=1000)["Keys"]}
    assert other.kms.list_keys(ResourceOwners=["SELF", "OTHER_ACCOUNTS_VIA_RAM"])["Keys"] == other.kms.list_keys()["Keys"]
    assert other.kms.list_keys(ResourceOwners=["OTHER_ACCOUNTS_VIA_RAM"])["Keys"] == []
    with refused("InvalidMarkerException"):
        other.kms.list_keys(Marker="nonsense")
    marker = pages[0]["NextMarker"]
    with refused("InvalidMarkerException"):
        own.kms.list_keys(Marker=marker)
    with refused("InvalidMarkerException"):
        other.kms.list_aliases(Marker=marker)


def test_descriptions(kms, key):
    kms.update_key_description(KeyId=key, Description="other words")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] == "other words"
    kms.update_key_description(KeyId=key, Description="")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] == ""


def test_a_disabled_key_and_back(kms, key):
    for _ in range(2):
        kms.disable_key(KeyId=key)
        shown = kms.describe_key(KeyId=key)["KeyMetadata"]
        assert (shown["KeyState"], shown["Enabled"]) == ("Disabled", False)
    for _ in range(2):
        kms.enable_key(KeyId=key)
        shown = kms.describe_key(KeyId=key)["KeyMetadata"]
        assert (shown["KeyState"], shown["Enabled"]) == ("Enabled", True)


@pytest.mark.parametrize("days, wanted", [(None, 30), (7, 7), (12, 12), (30, 30)])
def test_deletion_waits_and_is_cancelled(kms, key, days, wanted):
    now = datetime.datetime.now(datetime.timezone.utc)
    answer = kms.schedule_key_deletion(KeyId=key, **({} if days is None else {"PendingWindowInDays": days}))
    shown = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert answer["KeyId"] == shown["Arn"]
    assert (answer["KeyState"], answer["PendingWindowInDays"]) == ("PendingDeletion", wanted)
    assert abs((answer["DeletionDate"] - now).total_seconds() - wanted * 86400) < 60
    assert (shown["KeyState"], shown["Enabled"], shown["DeletionDate"]) == (
        "PendingDeletion", False, answer["DeletionDate"])
    arn = shown["Arn"]
    with refused("KMSInvalidStateException", f"{arn} is pending deletion."):
        kms.schedule_key_deletion(KeyId=key)
    assert kms.cancel_key_deletion(KeyId=key)["KeyId"] == arn
    shown = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert shown["KeyState"] == "Disabled" and "DeletionDate" not in shown
    with refused("KMSInvalidStateException", f"{arn} is not pending deletion."):
        kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)


def test_windows_that_are_too_short_or_long(kms, key, loose_kms):
    for days in (1, 6, 31, 365):
        with refused("ValidationException"):
            kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=days)
    for days in (0, -1, 366):
        with refused("ValidationException"):
            loose_kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=days)
    assert state(kms, key) == "Enabled"


def test_what_a_key_pending_deletion_refuses_and_allows(kms, key, mark):
    alias = f"alias/{mark}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    arn = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    kms.schedule_key_deletion(KeyId=key)
    refusals = {
        "enable_key": {}, "disable_key": {}, "update_key_description": {"Description": "d"},
        "tag_resource": {"Tags": tags(a="b")}, "untag_resource": {"TagKeys": ["a"]}, "enable_key_rotation": {},
        "disable_key_rotation": {}, "rotate_key_on_demand": {},
    }
    for operation, members in refusals.items():
        with refused("KMSInvalidStateException", f"{arn} is pending deletion."):
            getattr(kms, operation)(KeyId=key, **members)
    with refused("KMSInvalidStateException", f"{arn} is pending deletion."):
        kms.create_alias(AliasName=alias + "-b", TargetKeyId=key)
    text = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=text)
    assert kms.list_resource_tags(KeyId=key)["Tags"] == []
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
    assert kms.list_grants(KeyId=key)["Grants"] == []
    assert kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    kms.delete_alias(AliasName=alias)


def test_administration_takes_no_alias(kms, key, mark):
    alias = f"alias/{mark}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    members = {"update_key_description": {"Description": "d"}, "get_key_policy": {"PolicyName": "default"},
               "tag_resource": {"Tags": tags(a="b")}}
    for operation in ("disable_key", "enable_key", "schedule_key_deletion", "list_resource_tags", "list_grants",
                      "get_key_rotation_status", *members):
        with refused("NotFoundException", f"Invalid keyId '{alias}'"):
            getattr(kms, operation)(KeyId=alias, **members.get(operation, {}))
    assert state(kms, alias) == "Enabled"


def test_tags(kms, key):
    kms.tag_resource(KeyId=key, Tags=tags(b="1", a="2"))
    kms.tag_resource(KeyId=key, Tags=tags(a="3", empty=""))
    listed = kms.list_resource_tags(KeyId=key)
    assert {tag["TagKey"]: tag["TagValue"] for tag in listed["Tags"]} == {"a": "3", "b": "1", "empty": ""}
    assert listed["Truncated"] is False
    pages = list(kms.get_paginator("list_resource_tags").paginate(KeyId=key, PaginationConfig={"PageSize": 2}))
    assert [len(page["Tags"]) for page in pages] == [2, 1]
    kms.untag_resource(KeyId=key, TagKeys=["a", "absent"])
    assert {tag["TagKey"] for tag in kms.list_resource_tags(KeyId=key)["Tags"]} == {"b", "empty"}


def test_limits_of_tags(kms, key, loose_kms):
    fifty = tags(**{f"k{number}": "v" for number in range(50)})
    kms.tag_resource(KeyId=key, Tags=fifty)
    kms.tag_resource(KeyId=key, Tags=fifty[:3])
    with refused("TagException", "Too many tags"):
        kms.tag_resource(KeyId=key, Tags=tags(more="v"))
    with refused("TagException", "Too many tags"):
        kms.create_key(Tags=fifty + tags(more="v"))
    with refused("TagException", "Duplicate tag keys"):
        kms.create_key(Tags=tags(a="1") + tags(a="2"))
    for name in ("aws:a", "AWS:a"):
        with refused("TagException", "Tags beginning with aws: are reserved"):
            kms.create_key(Tags=[{"TagKey": name, "TagValue": "v"}])
    for wrong in ({"TagKey": "", "TagValue": "v"}, {"TagKey": "k" * 129, "TagValue": "v"},
                  {"TagKey": "k", "TagValue": "v" * 257}):
        with refused("ValidationException"):
            loose_kms.create_key(Tags=[wrong])
    longest = {"TagKey": "k" * 128, "TagValue": "v" * 256}
    made = kms.create_key(Tags=[longest])["KeyMetadata"]["KeyId"]
    assert kms.list_resource_tags(KeyId=made)["Tags"] == [longest]


def test_the_policy_of_a_key(kms, account):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    shown = body(kms.get_key_policy(KeyId=key))
    assert shown["PolicyName"] == "default"
    assert json.loads(shown["Policy"]) == {
        "Version": "2012-10-17", "Id": "key-default-1",
        "Statement": [{"Sid": "Enable IAM User Permissions", "Effect": "Allow",
                       "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "kms:*", "Resource": "*"}]}
    text = key_policy(account, statement("*", "kms:Encrypt", effect="Deny"))
    kms.put_key_policy(KeyId=key, Policy=text)
    assert kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"] == text
    with refused("AccessDeniedException"):
        kms.encrypt(KeyId=key, Plaintext=b"x")
    made = kms.create_key(Policy=text)["KeyMetadata"]["KeyId"]
    assert kms.get_key_policy(KeyId=made)["Policy"] == text
    listed = body(kms.list_key_policies(KeyId=key))
    assert listed == {"PolicyNames": ["default"], "Truncated": False}
    with refused("NotFoundException", "No such policy exists"):
        kms.get_key_policy(KeyId=key, PolicyName="AWS_RAM")
    with refused("ValidationException", "The AWS_RAM policy can only be managed by the RAM service."):
        kms.put_key_policy(KeyId=key, PolicyName="AWS_RAM", Policy=text)
    with refused(("NotFoundException", "ValidationException", "UnsupportedOperationException")):
        kms.put_key_policy(KeyId=key, PolicyName="other", Policy=text)


def test_nobody_locks_themselves_out_by_accident(kms, account, mark):
    user = User(mark)
    text = key_policy(account, statement(user.arn, "kms:*"), delegates=False)
    only_user = json.dumps({"Version": "2012-10-17", "Statement": [statement(user.arn, "kms:*")]})
    for request in (lambda **more: kms.create_key(Policy=only_user, **more),
                    lambda **more: kms.put_key_policy(KeyId=kms.create_key()["KeyMetadata"]["KeyId"],
                                                      Policy=only_user, **more)):
        with refused(MALFORMED, LOCKED_OUT):
            request()
        request(BypassPolicyLockoutSafetyCheck=True)
    key = kms.create_key(Policy=text)["KeyMetadata"]["KeyId"]
    user.kms.put_key_policy(KeyId=key, Policy=only_user)
    with refused("AccessDeniedException"):
        kms.describe_key(KeyId=key)
    with refused(MALFORMED, LOCKED_OUT):
        user.kms.put_key_policy(KeyId=key, Policy=key_policy(account, delegates=False))
    user.kms.schedule_key_deletion(KeyId=key)


def test_policies_that_are_none(kms, account, key, mark):
    absent = f"arn:aws:iam::{account}:user/{mark}-absent"
    own = kms.get_key_policy(KeyId=key)["Policy"]
    for text in (key_policy(account, statement(absent, "kms:*")), key_policy(account, statement("nobody", "kms:*"))):
        with refused(MALFORMED, NO_PRINCIPAL):
            kms.put_key_policy(KeyId=key, Policy=text)
        with refused(MALFORMED, NO_PRINCIPAL):
            kms.create_key(Policy=text)
    without = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    for text in ("{", "[]", "null", "words", '{"Statement":[]}', without):
        with refused(MALFORMED):
            kms.put_key_policy(KeyId=key, Policy=text)
    with refused("LimitExceededException"):
        kms.put_key_policy(KeyId=key, Policy=own + " " * 32768)
    assert kms.get_key_policy(KeyId=key)["Policy"] == own


def test_a_new_user_of_an_old_name_is_somebody_else(kms, account, mark):
    user = User(mark)
    key = kms.create_key(Policy=key_policy(account, statement(user.arn, "kms:DescribeKey")))["KeyMetadata"]["KeyId"]
    assert state(user.kms, key) == "Enabled"
    user.iam.delete_access_key(UserName=mark, AccessKeyId=user.key["AccessKeyId"])
    user.iam.delete_user(UserName=mark)
    again = User(mark)
    with refused("AccessDeniedException"):
        again.kms.describe_key(KeyId=key)


def test_the_key_of_secrets_manager(kms, sm, account, secret):
    shown = kms.describe_key(KeyId="alias/aws/secretsmanager")["KeyMetadata"]
    assert (shown["KeyManager"], shown["KeyState"]) == ("AWS", "Enabled")
    key = shown["KeyId"]
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is True
    policy = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    assert policy["Statement"][0]["Condition"]["StringEquals"] == {
        "kms:CallerAccount": account, "kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}
    for call in (lambda: kms.encrypt(KeyId=key, Plaintext=b"x"), lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
                 lambda: kms.disable_key(KeyId=key), lambda: kms.schedule_key_deletion(KeyId=key),
                 lambda: kms.put_key_policy(KeyId=key, Policy=key_policy(account)),
                 lambda: kms.update_key_description(KeyId=key, Description="d"),
                 lambda: kms.tag_resource(KeyId=key, Tags=tags(a="b")), lambda: kms.rotate_key_on_demand(KeyId=key),
                 lambda: kms.disable_key_rotation(KeyId=key)):
        with refused("AccessDeniedException"):
            call()
    with refused("AccessDeniedException", "Access to KMS is not allowed"):
        sm.create_secret(Name=secret["Name"] + "-b", SecretString="v", KmsKeyId="alias/aws/s3")


def test_what_an_hmac_key_does_not_do(kms):
    key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    for operation in ("enable_key_rotation", "rotate_key_on_demand", "list_key_rotations"):
        with refused("UnsupportedOperationException"):
            getattr(kms, operation)(KeyId=key)
