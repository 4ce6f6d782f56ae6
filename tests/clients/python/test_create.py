"""CreateSecret: what it makes, what it answers, its idempotency, and what it refuses."""

import re
import uuid

import pytest

from checks import NOT_FOUND, TWO_VALUES, body, refused, stages, token

LATER = ("InvalidParameterException", "InvalidRequestException", "ValidationException", "NotImplementedException",
         "UnsupportedOperationException", "UnknownOperationException", "AccessDeniedException")


def arn_of(name, region="us-east-1"):
    return re.compile(rf"arn:aws:secretsmanager:{region}:\d{{12}}:secret:{re.escape(name)}-[A-Za-z0-9]{{6}}")


def test_without_a_value_there_is_no_version(sm, name):
    made = sm.create_secret(Name=name)
    assert set(body(made)) == {"ARN", "Name"}
    assert made["Name"] == name
    assert arn_of(name, sm.meta.region_name).fullmatch(made["ARN"])
    shown = body(sm.describe_secret(SecretId=name))
    assert set(shown) == {"ARN", "Name", "CreatedDate", "LastChangedDate"}
    assert sm.list_secret_version_ids(SecretId=name)["Versions"] == []


def test_an_empty_string_is_no_value(loose, name):
    made = loose.create_secret(Name=name, SecretString="")
    assert set(body(made)) == {"ARN", "Name"}
    assert stages(loose, name) == {}


def test_the_token_becomes_the_version(sm, name):
    wanted = token()
    made = sm.create_secret(Name=name, SecretString="v", ClientRequestToken=wanted)
    assert set(body(made)) == {"ARN", "Name", "VersionId"}
    assert made["VersionId"] == wanted
    assert stages(sm, name) == {wanted: {"AWSCURRENT"}}
    got = sm.get_secret_value(SecretId=name)
    assert (got["SecretString"], got["VersionId"], got["ARN"]) == ("v", wanted, made["ARN"])
    assert "SecretBinary" not in got


def test_the_sdk_makes_a_token(sm, name):
    made = sm.create_secret(Name=name, SecretString="v")
    assert str(uuid.UUID(made["VersionId"])) == made["VersionId"].lower()


@pytest.mark.parametrize("length", [32, 64])
def test_a_token_need_not_be_a_uuid(sm, name, length):
    wanted = "t" * length
    assert sm.create_secret(Name=name, SecretString="v", ClientRequestToken=wanted)["VersionId"] == wanted


@pytest.mark.parametrize("value", [b"\x00", bytes(range(256)) * 8, b"plain"])
def test_binary(sm, name, value):
    sm.create_secret(Name=name, SecretBinary=value)
    got = sm.get_secret_value(SecretId=name)
    assert got["SecretBinary"] == value
    assert "SecretString" not in got


@pytest.mark.parametrize(
    "value",
    [" ", "null", '{"user":"a","password":"p\\"\\\\"}', "tab\tnew\nline\r\n", "Grüße 秘密 🔑\u200d", "\u007f\u0001", "</script>",
     "x" * 65536],
)
def test_a_string_comes_back_unchanged(sm, name, value):
    sm.create_secret(Name=name, SecretString=value)
    assert sm.get_secret_value(SecretId=name)["SecretString"] == value


def test_every_member(sm, name):
    tags = [{"Key": "team", "Value": "a"}, {"Key": "empty", "Value": ""}]
    made = sm.create_secret(
        Name=name, ClientRequestToken=token(), Description="what it is", KmsKeyId="alias/aws/secretsmanager",
        SecretString="v", Tags=tags, ForceOverwriteReplicaSecret=False,
    )
    shown = sm.describe_secret(SecretId=made["ARN"])
    assert shown["Description"] == "what it is"
    assert sorted(shown["Tags"], key=lambda tag: tag["Key"]) == sorted(tags, key=lambda tag: tag["Key"])
    assert shown["CreatedDate"] == shown["LastChangedDate"]
    assert "ReplicationStatus" not in made


def test_both_values(sm, name):
    with refused("InvalidParameterException", TWO_VALUES):
        sm.create_secret(Name=name, SecretString="a", SecretBinary=b"a")
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.describe_secret(SecretId=name)


def test_the_same_request_again_changes_nothing(sm, name):
    request = {"Name": name, "SecretString": "v", "ClientRequestToken": token()}
    first = sm.create_secret(**request)
    before = body(sm.describe_secret(SecretId=name))
    assert body(sm.create_secret(**request)) == body(first)
    assert body(sm.describe_secret(SecretId=name)) == before


def test_the_same_binary_request_again(sm, name):
    request = {"Name": name, "SecretBinary": b"\x00v", "ClientRequestToken": token()}
    assert body(sm.create_secret(**request)) == body(sm.create_secret(**request))


def test_the_same_token_with_another_value(sm, name):
    wanted = token()
    made = sm.create_secret(Name=name, SecretString="v", ClientRequestToken=wanted)
    text = (f"You can't use ClientRequestToken {wanted} because that value is already in use for a version of secret "
            f"{made['ARN']}.")
    with refused("ResourceExistsException", text):
        sm.create_secret(Name=name, SecretString="other", ClientRequestToken=wanted)
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "v"


def test_the_same_name_with_another_token(sm, secret, name):
    text = f"The operation failed because the secret {name} already exists."
    with refused("ResourceExistsException", text):
        sm.create_secret(Name=name, SecretString="first", ClientRequestToken=token())
    with refused("ResourceExistsException", text):
        sm.create_secret(Name=name)
    assert stages(sm, name) == {secret["VersionId"]: {"AWSCURRENT"}}


def test_a_name_in_the_recovery_window(sm, secret, name):
    sm.delete_secret(SecretId=name)
    text = "You can't create this secret because a secret with this name is already scheduled for deletion."
    with refused("InvalidRequestException", text):
        sm.create_secret(Name=name, SecretString="v")


def test_a_name_again_after_deletion_gets_another_arn(sm, secret, name):
    sm.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    again = sm.create_secret(Name=name, SecretString="second life")
    assert again["ARN"] != secret["ARN"]
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "second life"
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.get_secret_value(SecretId=secret["ARN"])
    assert set(stages(sm, name)) == {again["VersionId"]}


def test_names_tell_case_apart(sm, prefix):
    lower = sm.create_secret(Name=prefix + "case", SecretString="lower")
    upper = sm.create_secret(Name=prefix + "CASE", SecretString="upper")
    assert lower["ARN"] != upper["ARN"]
    assert sm.get_secret_value(SecretId=prefix + "case")["SecretString"] == "lower"
    assert sm.get_secret_value(SecretId=prefix + "CASE")["SecretString"] == "upper"


def test_every_character_of_a_name(sm, prefix):
    name = prefix + "aZ09/_+=.@-"
    made = sm.create_secret(Name=name, SecretString="v")
    assert sm.get_secret_value(SecretId=made["ARN"])["Name"] == name


def test_a_long_name(sm, prefix):
    name = (prefix + "n" * 512)[:512]
    made = sm.create_secret(Name=name, SecretString="v")
    assert made["Name"] == name
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "v"


@pytest.mark.parametrize("bad", ["sp ace", "dollar$", "colon:", "hash#", "ümlaut", "back\\slash", "tab\t", "semi;", "a*"])
def test_other_characters(sm, prefix, bad):
    text = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
    with refused("ValidationException", text):
        sm.create_secret(Name=prefix + bad, SecretString="v")


def test_tags_twice(sm, name):
    with refused(("InvalidParameterException", "InvalidRequestException", "ValidationException")):
        sm.create_secret(Name=name, Tags=[{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}])
    with refused("ResourceNotFoundException"):
        sm.describe_secret(SecretId=name)


def test_tags_of_aws(sm, name):
    with refused(("InvalidParameterException", "InvalidRequestException", "ValidationException")):
        sm.create_secret(Name=name, Tags=[{"Key": "aws:mine", "Value": "1"}])


def test_fifty_tags_and_no_more(sm, prefix):
    tags = [{"Key": f"k{number}", "Value": "v"} for number in range(51)]
    sm.create_secret(Name=prefix + "fifty", Tags=tags[:50])
    assert len(sm.describe_secret(SecretId=prefix + "fifty")["Tags"]) == 50
    with refused(("InvalidParameterException", "InvalidRequestException", "LimitExceededException")):
        sm.create_secret(Name=prefix + "more", Tags=tags)


def test_a_key_that_is_not_there(sm, name):
    with refused(("InvalidParameterException", "InvalidRequestException", "EncryptionFailure", "ResourceNotFoundException",
                  "AccessDeniedException")):
        sm.create_secret(Name=name, SecretString="v", KmsKeyId=str(uuid.uuid4()))
    with refused("ResourceNotFoundException"):
        sm.describe_secret(SecretId=name)


def test_description_as_long_as_may_be(sm, name):
    sm.create_secret(Name=name, Description="d" * 2048)
    assert sm.describe_secret(SecretId=name)["Description"] == "d" * 2048


@pytest.mark.parametrize(
    "member",
    [{"AddReplicaRegions": [{"Region": "eu-west-1"}]},
     {"CrossAccountPrimaryARN": "arn:aws:secretsmanager:us-east-1:210987654321:secret:a-AbCdEf"}],
    ids=lambda member: next(iter(member)),
)
def test_members_of_later_releases_are_refused_not_ignored(sm, name, member):
    with refused(LATER) as refusal:
        sm.create_secret(Name=name, **member)
    assert refusal.text
    with refused("ResourceNotFoundException"):
        sm.describe_secret(SecretId=name)
