"""Secrets under customer managed keys of KMS: which key a value is under, who may use it, and what the records tell."""

import json
import os
import pathlib
import time
import uuid

import pytest

from checks import refused, token
from keys import User, key_policy, statement
from roles import client, policy

VIA = "secretsmanager.us-east-1.amazonaws.com"
DEFAULT = "DefaultEncryptionKey"
DENIED = "Access to KMS is not allowed"
ENCRYPTION = ("EncryptionFailure", "Secrets Manager can't encrypt the protected secret text using the provided KMS key. "
              "Check that the KMS key is available, enabled, and not in an invalid state.")
DECRYPTION = ("DecryptionFailure",
              "Secrets Manager can't decrypt the protected secret text using the provided KMS key.")


@pytest.fixture
def arn(kms, key):
    return kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]


@pytest.fixture
def kept(sm, name, arn):
    """The name of a secret with the value `first` under the key."""
    sm.create_secret(Name=name, SecretString="first", KmsKeyId=arn)
    return name


def value(sm, name, **more):
    return sm.get_secret_value(SecretId=name, **more)["SecretString"]


def keys_of(sm, name):
    """The keys of each version, by version."""
    listed = sm.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"]
    return {version["VersionId"]: version.get("KmsKeyIds") for version in listed}



@pytest.mark.parametrize("form", ["id", "arn", "alias", "alias arn"])
def test_every_form_of_a_name(sm, kms, key, arn, name, mark, form):
    alias = f"alias/{mark}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    key_id = {"id": key, "arn": arn, "alias": alias, "alias arn": arn.replace(f"key/{key}", alias)}[form]
    made = sm.create_secret(Name=name, SecretString="first", KmsKeyId=key_id)
    assert value(sm, name) == "first"
    assert sm.describe_secret(SecretId=name)["KmsKeyId"] == key_id
    entry, = sm.list_secrets(Filters=[{"Key": "name", "Values": [name]}])["SecretList"]
    assert entry["KmsKeyId"] == key_id
    assert keys_of(sm, name) == {made["VersionId"]: [key_id]}
    kms.disable_key(KeyId=key)
    with refused(*DECRYPTION):
        value(sm, name)


def test_the_default_key_by_its_names(sm, kms, name, account):
    for number, key_id in enumerate(("alias/aws/secretsmanager", f"arn:aws:kms:us-east-1:{account}:alias/aws/secretsmanager")):
        made = sm.create_secret(Name=f"{name}{number}", SecretString="v", KmsKeyId=key_id)
        assert "KmsKeyId" not in sm.describe_secret(SecretId=made["ARN"])
        assert keys_of(sm, made["ARN"]) == {made["VersionId"]: [DEFAULT]}


def test_a_value_lives_and_dies_with_its_key(sm, kms, key, kept):
    for close, opened in ((kms.disable_key, lambda: kms.enable_key(KeyId=key)),
                          (kms.schedule_key_deletion,
                           lambda: (kms.cancel_key_deletion(KeyId=key), kms.enable_key(KeyId=key)))):
        assert value(sm, kept) == "first"
        close(KeyId=key)
        with refused(*DECRYPTION):
            value(sm, kept)
        batch = sm.batch_get_secret_value(SecretIdList=[kept])
        assert batch["SecretValues"] == []
        assert [(error["ErrorCode"], error["Message"]) for error in batch["Errors"]] == [DECRYPTION]
        for call in (lambda: sm.put_secret_value(SecretId=kept, SecretString="second"),
                     lambda: sm.update_secret(SecretId=kept, SecretString="second"),
                     lambda: sm.create_secret(Name=kept + "-b", SecretString="v", KmsKeyId=key),
                     lambda: sm.update_secret(SecretId=kept, KmsKeyId=key, Description="d")):
            with refused(*ENCRYPTION):
                call()
        # What needs no value needs no key.
        assert sm.describe_secret(SecretId=kept)["Name"] == kept
        assert len(sm.list_secret_version_ids(SecretId=kept)["Versions"]) == 1
        sm.update_secret(SecretId=kept, Description="other words")
        sm.tag_resource(SecretId=kept, Tags=[{"Key": "a", "Value": "b"}])
        opened()
    assert value(sm, kept) == "first" and len(keys_of(sm, kept)) == 1
    with refused("ResourceNotFoundException"):
        sm.describe_secret(SecretId=kept + "-b")


def test_rotation_of_the_key_changes_nothing_for_its_secrets(sm, kms, key, kept):
    kms.rotate_key_on_demand(KeyId=key)
    assert value(sm, kept) == "first"
    sm.put_secret_value(SecretId=kept, SecretString="second")
    kms.rotate_key_on_demand(KeyId=key)
    assert (value(sm, kept), value(sm, kept, VersionStage="AWSPREVIOUS")) == ("second", "first")


def test_batches_over_several_keys(sm, kms, key, kept, prefix):
    sm.create_secret(Name=prefix + "two", SecretString="second", KmsKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    sm.create_secret(Name=prefix + "three", SecretString="third")
    names = [kept, prefix + "two", prefix + "three"]
    batch = sm.batch_get_secret_value(SecretIdList=names)
    assert {one["Name"]: one["SecretString"] for one in batch["SecretValues"]} == dict(
        zip(names, ("first", "second", "third")))
    kms.disable_key(KeyId=key)
    batch = sm.batch_get_secret_value(SecretIdList=names)
    assert {one["Name"] for one in batch["SecretValues"]} == set(names[1:])
    assert [error["SecretId"] for error in batch["Errors"]] == [kept]


def test_a_new_key_re_encrypts_what_has_aws_labels_and_keeps_the_copies(sm, kms, key, arn, kept):
    first = sm.describe_secret(SecretId=kept)["VersionIdsToStages"].popitem()[0]
    versions = {"first": first}
    for number in ("second", "third"):
        versions[number] = sm.put_secret_value(SecretId=kept, SecretString=number)["VersionId"]
    versions["blue"] = sm.put_secret_value(SecretId=kept, SecretString="blue", VersionStages=["BLUE"])["VersionId"]
    pending = sm.put_secret_value(SecretId=kept, SecretString="next", VersionStages=["AWSPENDING"])["VersionId"]
    sm.update_secret_version_stage(SecretId=kept, VersionStage="OLD", MoveToVersionId=first)
    other = kms.create_key()["KeyMetadata"]["Arn"]
    sm.update_secret(SecretId=kept, KmsKeyId=other)
    assert sm.describe_secret(SecretId=kept)["KmsKeyId"] == other
    assert keys_of(sm, kept) == {
        versions["third"]: [arn, other], versions["second"]: [arn, other], pending: [arn, other],
        versions["blue"]: [arn], first: [arn]}
    fourth = sm.put_secret_value(SecretId=kept, SecretString="fourth", VersionStages=["GREEN"])["VersionId"]
    assert keys_of(sm, kept)[fourth] == [other]
    # The copies under the old key are kept: without the new one they open.
    kms.disable_key(KeyId=other)
    assert (value(sm, kept), value(sm, kept, VersionStage="AWSPREVIOUS")) == ("third", "second")
    assert value(sm, kept, VersionStage="BLUE") == "blue"
    with refused(*DECRYPTION):
        value(sm, kept, VersionStage="GREEN")
    kms.enable_key(KeyId=other)
    kms.disable_key(KeyId=key)
    assert (value(sm, kept), value(sm, kept, VersionStage="AWSPREVIOUS")) == ("third", "second")
    assert value(sm, kept, VersionStage="AWSPENDING") == "next"
    for stage in ("BLUE", "OLD"):
        with refused(*DECRYPTION):
            value(sm, kept, VersionStage=stage)


def test_to_the_default_key_and_back(sm, kms, key, arn, kept):
    version = sm.describe_secret(SecretId=kept)["VersionIdsToStages"].popitem()[0]
    sm.update_secret(SecretId=kept, KmsKeyId="alias/aws/secretsmanager")
    assert "KmsKeyId" not in sm.describe_secret(SecretId=kept)
    assert keys_of(sm, kept) == {version: [arn, DEFAULT]}
    kms.disable_key(KeyId=key)
    assert value(sm, kept) == "first"
    kms.enable_key(KeyId=key)
    sm.update_secret(SecretId=kept, KmsKeyId=arn)
    assert set(keys_of(sm, kept)[version]) == {arn, DEFAULT}
    assert value(sm, kept) == "first"


def test_a_new_key_and_a_new_value_at_once(sm, kms, key, arn, kept):
    other = kms.create_key()["KeyMetadata"]["Arn"]
    made = sm.update_secret(SecretId=kept, KmsKeyId=other, SecretString="second")["VersionId"]
    assert keys_of(sm, kept)[made] == [other]
    kms.disable_key(KeyId=key)
    assert value(sm, kept) == "second"
    assert value(sm, kept, VersionStage="AWSPREVIOUS") == "first", "the labelled version is under the new key as well"


def test_a_change_without_leave_for_the_old_key_re_encrypts_nothing(sm, kms, key, arn, kept):
    version = sm.describe_secret(SecretId=kept)["VersionIdsToStages"].popitem()[0]
    other = kms.create_key()["KeyMetadata"]["Arn"]
    kms.disable_key(KeyId=key)
    sm.update_secret(SecretId=kept, KmsKeyId=other)
    assert keys_of(sm, kept) == {version: [arn]}
    with refused(*DECRYPTION):
        value(sm, kept)
    kms.enable_key(KeyId=key)
    assert value(sm, kept) == "first"


def test_keys_that_cannot_be_a_secrets(sm, kms, name, account):
    absent = str(uuid.uuid4())
    mac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]
    invalid = "The operation failed because of an invalid KMS key: "
    for key_id, text in (
        (absent, invalid + f"Key 'arn:aws:kms:us-east-1:{account}:key/{absent}' does not exist"),
        ("alias/absent", invalid + f"Alias arn:aws:kms:us-east-1:{account}:alias/absent is not found."),
        ("nothing", invalid + "Invalid keyId 'nothing'"),
        (f"arn:aws:kms:eu-west-1:{account}:key/{absent}", invalid + "Invalid arn eu-west-1"),
        (mac, None),
    ):
        with refused("InvalidParameterException", text):
            sm.create_secret(Name=name, SecretString="v", KmsKeyId=key_id)
    for key_id in ("alias/aws/s3", f"arn:aws:kms:us-east-1:{account}:alias/aws/ssm"):
        with refused("AccessDeniedException", DENIED):
            sm.create_secret(Name=name, SecretString="v", KmsKeyId=key_id)
    with refused("ResourceNotFoundException"):
        sm.describe_secret(SecretId=name)


def test_callers_need_leave_for_the_key(sm, kms, account, kept, arn, mark):
    user = User(mark)
    theirs = client("secretsmanager", user.key)
    user.may("secretsmanager:*")
    for call in (lambda: theirs.get_secret_value(SecretId=kept),
                 lambda: theirs.put_secret_value(SecretId=kept, SecretString="v"),
                 lambda: theirs.update_secret(SecretId=kept, SecretString="v"),
                 lambda: theirs.create_secret(Name=kept + "-b", SecretString="v", KmsKeyId=arn),
                 lambda: theirs.update_secret(SecretId=kept, KmsKeyId=arn)):
        with refused("AccessDeniedException", DENIED):
            call()
    error, = theirs.batch_get_secret_value(SecretIdList=[kept])["Errors"]
    assert (error["ErrorCode"], error["Message"]) == ("AccessDeniedException", DENIED)
    assert theirs.describe_secret(SecretId=kept)["Name"] == kept
    user.may("secretsmanager:*", "kms:Decrypt")
    assert value(theirs, kept) == "first"
    with refused("AccessDeniedException", DENIED):
        theirs.put_secret_value(SecretId=kept, SecretString="v")
    user.may("secretsmanager:*", "kms:GenerateDataKey")
    theirs.put_secret_value(SecretId=kept, SecretString="second")
    with refused("AccessDeniedException", DENIED):
        theirs.get_secret_value(SecretId=kept)
    # The default key is for everybody of the account whom Secrets Manager lets.
    theirs.create_secret(Name=kept + "-c", SecretString="v")
    assert value(theirs, kept + "-c") == "v"


def test_a_closed_key_is_closed_for_secrets_too(sm, kms, account, name, mark):
    user = User(mark)
    theirs = client("secretsmanager", user.key)
    key = kms.create_key(Policy=key_policy(account, delegates=False))["KeyMetadata"]["Arn"]
    sm.create_secret(Name=name, SecretString="first", KmsKeyId=key)
    user.may("secretsmanager:*", "kms:*")
    with refused("AccessDeniedException", DENIED):
        theirs.get_secret_value(SecretId=name)
    grant = kms.create_grant(KeyId=key, GranteePrincipal=user.arn, Operations=["Decrypt"],
                             Constraints={"EncryptionContextSubset": {"SecretARN": sm.describe_secret(SecretId=name)["ARN"]}})
    assert value(theirs, name) == "first"
    kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
    with refused("AccessDeniedException", DENIED):
        theirs.get_secret_value(SecretId=name)


def test_conditions_of_keys_through_secrets_manager(sm, kms, account, name, mark):
    user = User(mark)
    theirs = client("secretsmanager", user.key)
    user.may("secretsmanager:*")
    first = sm.create_secret(Name=name, SecretString="first")
    one, other = first["ARN"], sm.create_secret(Name=name + "-b", SecretString="other")["ARN"]

    def reads(secret, **conditions):
        allowed = statement(user.arn, "kms:Decrypt", **conditions)
        kms.put_key_policy(KeyId=key, Policy=key_policy(account, allowed))
        try:
            theirs.get_secret_value(SecretId=secret)
        except theirs.exceptions.ClientError as error:
            assert error.response["Error"]["Message"] == DENIED, error
            return False
        return True

    key = kms.create_key()["KeyMetadata"]["Arn"]
    for secret in (one, other):
        sm.update_secret(SecretId=secret, KmsKeyId=key, SecretString="new")
    version = sm.get_secret_value(SecretId=one)["VersionId"]
    assert reads(one, StringEquals={"kms:ViaService": VIA})
    assert not reads(one, StringEquals={"kms:ViaService": "s3.us-east-1.amazonaws.com"})
    assert reads(one, StringEquals={"kms:EncryptionContext:SecretARN": one})
    assert not reads(other, StringEquals={"kms:EncryptionContext:SecretARN": one})
    assert reads(one, StringEquals={"kms:EncryptionContext:SecretVersionId": version})
    assert not reads(other, StringEquals={"kms:EncryptionContext:SecretVersionId": version})
    assert reads(one, **{"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["SecretARN", "SecretVersionId"]}})
    assert reads(one, StringEquals={"kms:CallerAccount": account})
    assert not reads(one, StringEquals={"kms:CallerAccount": "444455556666"})
    assert reads(one, Bool={"aws:ViaAWSService": "true"}) and not reads(one, Bool={"aws:ViaAWSService": "false"})
    called = {"aws:CalledVia": "secretsmanager.amazonaws.com"}
    assert reads(one, **{"ForAnyValue:StringEquals": called})
    with refused("AccessDeniedException"):
        user.kms.decrypt(CiphertextBlob=kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"])


def test_a_value_is_no_blob_of_the_caller(sm, kms, key, arn, kept):
    """Data keys of secrets are bound to their secret and version: with the same key and context nobody opens another's."""
    made = sm.describe_secret(SecretId=kept)
    context = {"SecretARN": made["ARN"], "SecretVersionId": next(iter(made["VersionIdsToStages"]))}
    blob = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == b"x"
    assert value(sm, kept) == "first"


def test_reading_across_accounts_takes_every_policy(abroad, mark):
    own, other = abroad
    user = other.user(mark)
    theirs = client("secretsmanager", user.key, user.url)
    key = own.kms.create_key()["KeyMetadata"]["Arn"]
    secret = own.sm.create_secret(Name=mark, SecretString="first", KmsKeyId=key)["ARN"]
    own.sm.put_resource_policy(SecretId=secret, ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": [
        statement(user.arn, "secretsmanager:GetSecretValue")]}))
    user.may("secretsmanager:GetSecretValue", resource=secret)
    with refused("AccessDeniedException", DENIED):
        theirs.get_secret_value(SecretId=secret)
    user.iam.put_user_policy(UserName=mark, PolicyName="key", PolicyDocument=policy("kms:Decrypt", resource=key))
    with refused("AccessDeniedException", DENIED):
        theirs.get_secret_value(SecretId=secret)
    allowed = statement(user.arn, "kms:Decrypt", StringEquals={"kms:ViaService": VIA})
    own.kms.put_key_policy(KeyId=key, Policy=key_policy(own.number, allowed))
    assert value(theirs, secret) == "first"
    user.iam.delete_user_policy(UserName=mark, PolicyName="key")
    with refused("AccessDeniedException", DENIED):
        theirs.get_secret_value(SecretId=secret)
    text = ("You can't access a secret from a different AWS account if you encrypt the secret with the default KMS "
            "service key.")
    own.sm.update_secret(SecretId=secret, KmsKeyId="alias/aws/secretsmanager")
    with refused("InvalidRequestException", text):
        theirs.get_secret_value(SecretId=secret)


def test_a_secret_under_a_key_of_another_account(abroad, mark):
    own, other = abroad
    key = other.kms.create_key()["KeyMetadata"]["Arn"]
    with refused("AccessDeniedException", DENIED):
        own.sm.create_secret(Name=mark, SecretString="v", KmsKeyId=key)
    allowed = statement(own.root, "kms:GenerateDataKey", "kms:Decrypt", "kms:Encrypt")
    other.kms.put_key_policy(KeyId=key, Policy=key_policy(other.number, allowed))
    own.sm.create_secret(Name=mark, SecretString="v", KmsKeyId=key)
    assert value(own.sm, mark) == "v"
    other.kms.put_key_policy(KeyId=key, Policy=key_policy(other.number))
    with refused("AccessDeniedException", DENIED):
        value(own.sm, mark)


def test_the_condition_on_a_secrets_key_is_about_the_key_of_its_owner(abroad, mark):
    own, other = abroad
    user = other.user(mark)
    theirs = client("secretsmanager", user.key, user.url)
    alias = f"alias/{mark}"
    found, decoy = (account.kms.create_key()["KeyMetadata"]["Arn"] for account in (own, other))
    own.kms.create_alias(AliasName=alias, TargetKeyId=found)
    other.kms.create_alias(AliasName=alias, TargetKeyId=decoy)
    uses = statement(user.arn, "kms:GenerateDataKey", "kms:Decrypt", "kms:Encrypt")
    own.kms.put_key_policy(KeyId=found, Policy=key_policy(own.number, uses))
    secret = own.sm.create_secret(Name=mark, SecretString="first", KmsKeyId=found)["ARN"]
    user.may("secretsmanager:*", "kms:*")

    def let(key):
        allowed = statement(user.arn, "secretsmanager:UpdateSecret", StringEquals={"secretsmanager:KmsKeyArn": key})
        text = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        own.sm.put_resource_policy(SecretId=secret, ResourcePolicy=text)

    let(decoy)
    with refused("AccessDeniedException"):
        theirs.update_secret(SecretId=secret, KmsKeyId=alias)
    let(found)
    theirs.update_secret(SecretId=secret, KmsKeyId=alias)
    assert own.sm.describe_secret(SecretId=secret)["KmsKeyId"] == alias


def records(word, count):
    """The records of KMS that hold a word, oldest first, once there are so many."""
    trail = pathlib.Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).parent / "trail"
    found = []
    for _ in range(100):
        lines = [line for file in sorted(trail.rglob("*.jsonl")) for line in file.read_text().splitlines() if word in line]
        found = [record for record in map(json.loads, lines) if record["eventSource"] == "kms.amazonaws.com"]
        if len(found) >= count:
            break
        time.sleep(0.1)
    return sorted(found, key=lambda record: record["eventTime"])


def test_what_secrets_manager_asks_of_kms_is_recorded(sm, kms, account, arn, name):
    made = sm.create_secret(Name=name, SecretString="first", KmsKeyId=arn)
    sm.get_secret_value(SecretId=name)
    found = records(made["ARN"], 4)
    assert sorted(record["eventName"] for record in found) == ["Decrypt", "Decrypt", "GenerateDataKey", "GenerateDataKey"]
    versions = [record["requestParameters"]["encryptionContext"]["SecretVersionId"] for record in found]
    assert sorted(versions) == sorted(["RequestToValidateKeyAccess"] * 2 + [made["VersionId"]] * 2)
    for record in found:
        assert record["userIdentity"]["invokedBy"] == record["sourceIPAddress"] == record["userAgent"] == (
            "secretsmanager.amazonaws.com")
        assert record["userIdentity"]["accountId"] == account and record["readOnly"] is True
        assert record["resources"] == [{"ARN": arn, "accountId": account, "type": "AWS::KMS::Key"}]
        assert record["requestParameters"]["encryptionContext"]["SecretARN"] == made["ARN"]
        assert "responseElements" not in record or record["responseElements"] is None
    assert len({record["eventID"] for record in found}) == 4
    kms.disable_key(KeyId=arn)
    with refused(*DECRYPTION):
        sm.get_secret_value(SecretId=name)
    last = records(made["ARN"], 5)[-1]
    assert (last["eventName"], last["errorCode"], last["errorMessage"]) == (
        "Decrypt", "DisabledException", f"{arn} is disabled.")


def test_calls_of_kms_are_recorded_without_their_secrets(kms, arn):
    plain = b"plain-of-this-test"
    context = {"of": uuid.uuid4().hex}
    blob = kms.encrypt(KeyId=arn, Plaintext=plain, EncryptionContext=context)["CiphertextBlob"]
    kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)
    kms.generate_data_key(KeyId=arn, KeySpec="AES_256", EncryptionContext=context)
    found = records(context["of"], 3)
    assert [record["eventName"] for record in found] == ["Encrypt", "Decrypt", "GenerateDataKey"]
    for record in found:
        assert record["requestParameters"]["encryptionContext"] == context
        assert record["resources"][0]["ARN"] == arn and record.get("responseElements") is None
        assert "invokedBy" not in record["userIdentity"]
        text = json.dumps(record)
        assert "laintext" not in text.replace("WithoutPlaintext", "") or "HIDDEN" in text or "***" in text, text
        assert "cGxhaW4tb2YtdGhpcy10ZXN0" not in text and "plain-of-this-test" not in text


def test_the_record_of_a_re_encryption_names_both_keys(kms, key, arn, account):
    other = kms.create_key()["KeyMetadata"]["Arn"]
    context = {"of": uuid.uuid4().hex}
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other, DestinationEncryptionContext=context)
    kms.re_encrypt(CiphertextBlob=blob, SourceKeyId=key, DestinationKeyId=other, DestinationEncryptionContext=context)
    found = records(context["of"], 2)
    for record in found:
        assert record["eventName"] == "ReEncrypt"
        assert record["resources"] == [
            {"ARN": named, "accountId": account, "type": "AWS::KMS::Key"} for named in (arn, other)]
        assert record["requestParameters"]["destinationKeyId"] == other
    # A key that only the ciphertext names stands among the resources alone.
    assert sorted(record["requestParameters"].get("sourceKeyId", "") for record in found) == ["", key]
