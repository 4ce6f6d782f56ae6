"""What a client does that keeps keys as they are declared, such as Terraform's: make, read all, compare, change, wait,
remove; each reading must give back what was written, or it would see a change that nobody made. And what a program does
that encrypts files by itself under data keys."""

import hashlib
import json

import pytest

from keys import User, key_policy, statement


def read(kms, key):
    """All that such a client reads of a key."""
    meta = kms.describe_key(KeyId=key)["KeyMetadata"]
    names = kms.list_key_policies(KeyId=key)["PolicyNames"]
    rotation = kms.get_key_rotation_status(KeyId=key)
    tags, marker = {}, {}
    while True:
        page = kms.list_resource_tags(KeyId=key, Limit=1, **marker)
        tags.update({tag["TagKey"]: tag["TagValue"] for tag in page["Tags"]})
        if not page["Truncated"]:
            break
        marker = {"Marker": page["NextMarker"]}
    aliases = kms.get_paginator("list_aliases").paginate(KeyId=key)
    return {
        "description": meta["Description"],
        "enabled": meta["Enabled"],
        "state": meta["KeyState"],
        "spec": (meta["KeySpec"], meta["KeyUsage"], meta["Origin"], meta["MultiRegion"]),
        "policy": {name: json.loads(kms.get_key_policy(KeyId=key, PolicyName=name)["Policy"]) for name in names},
        "rotation": rotation["KeyRotationEnabled"] and rotation["RotationPeriodInDays"],
        "tags": tags,
        "aliases": [entry["AliasName"] for page in aliases for entry in page["Aliases"]],
    }


@pytest.fixture
def declared(account):
    policy = json.loads(key_policy(account))
    return {
        "description": "declared", "enabled": True, "state": "Enabled",
        "spec": ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "AWS_KMS", False),
        "policy": {"default": policy}, "rotation": False, "tags": {"team": "blue", "stage": "prod"}, "aliases": [],
    }


def test_a_key_is_read_as_it_was_declared_through_all_changes(kms, mark, declared):
    tags = [{"TagKey": name, "TagValue": value} for name, value in declared["tags"].items()]
    made = kms.create_key(Description="declared", KeyUsage="ENCRYPT_DECRYPT", CustomerMasterKeySpec="SYMMETRIC_DEFAULT",
                          MultiRegion=False, Tags=tags, Policy=json.dumps(declared["policy"]["default"]))
    key = made["KeyMetadata"]["KeyId"]
    assert read(kms, key) == declared
    assert read(kms, made["KeyMetadata"]["Arn"]) == declared

    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=180)
    declared["rotation"] = 180
    assert read(kms, key) == declared

    alias = f"alias/{mark}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    declared["aliases"] = [alias]
    assert read(kms, key) == declared
    assert kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"] == key

    kms.update_key_description(KeyId=key, Description="")
    kms.untag_resource(KeyId=key, TagKeys=["stage"])
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "team", "TagValue": "red"}])
    declared.update(description="", tags={"team": "red"})
    assert read(kms, key) == declared

    user = User(f"{mark}-user")
    policy = declared["policy"]["default"]
    policy["Statement"].append({**statement(user.arn, "kms:Decrypt", "kms:DescribeKey"), "Sid": "use"})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    assert read(kms, key) == declared
    assert user.kms.describe_key(KeyId=key)["KeyMetadata"]["Enabled"]

    kms.disable_key(KeyId=key)
    declared.update(enabled=False, state="Disabled")
    assert read(kms, key) == declared
    kms.enable_key(KeyId=key)
    kms.disable_key_rotation(KeyId=key)
    declared.update(enabled=True, state="Enabled", rotation=False)
    assert read(kms, key) == declared

    grant = kms.create_grant(KeyId=key, GranteePrincipal=user.arn, Operations=["Encrypt"], Name="declared",
                             Constraints={"EncryptionContextSubset": {"stage": "prod"}})
    found, = [entry for page in kms.get_paginator("list_grants").paginate(KeyId=key, PaginationConfig={"PageSize": 1})
              for entry in page["Grants"] if entry["GrantId"] == grant["GrantId"]]
    assert (found["Name"], found["GranteePrincipal"], found["Operations"]) == ("declared", user.arn, ["Encrypt"])
    assert found["Constraints"] == {"EncryptionContextSubset": {"stage": "prod"}}
    kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
    assert kms.list_grants(KeyId=key)["Grants"] == []

    kms.delete_alias(AliasName=alias)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    meta = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert meta["KeyState"] == "PendingDeletion" and "DeletionDate" in meta


def test_a_secret_is_declared_with_its_key(kms, sm, key, name):
    arn = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    made = sm.create_secret(Name=name, KmsKeyId=arn, Description="declared", Tags=[{"Key": "team", "Value": "blue"}])
    version = sm.put_secret_value(SecretId=made["ARN"], SecretString="v")["VersionId"]
    found = sm.describe_secret(SecretId=made["ARN"])
    assert (found["KmsKeyId"], found["Description"], found["Tags"]) == (arn, "declared", [{"Key": "team", "Value": "blue"}])
    assert found["VersionIdsToStages"] == {version: ["AWSCURRENT"]}
    assert "ResourcePolicy" not in sm.get_resource_policy(SecretId=made["ARN"])
    assert sm.get_secret_value(SecretId=made["ARN"], VersionId=version)["SecretString"] == "v"


def test_a_file_under_a_data_key_is_read_by_whoever_may_decrypt(kms, key, mark):
    context = {"file": "notes.txt"}

    def xored(text, plain):
        stream = b"".join(hashlib.sha256(plain + bytes([at])).digest() for at in range(len(text) // 32 + 1))
        return bytes(left ^ right for left, right in zip(text, stream))

    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context)
    file = made["CiphertextBlob"], xored(b"a note that is longer than one block of the key stream", made["Plaintext"])
    user = User(f"{mark}-reader")
    user.may("kms:Decrypt")
    wrapped, text = file
    plain = user.kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=context)["Plaintext"]
    assert xored(text, plain) == b"a note that is longer than one block of the key stream"
    with pytest.raises(user.kms.exceptions.InvalidCiphertextException):
        user.kms.decrypt(CiphertextBlob=wrapped, EncryptionContext={"file": "other.txt"})
