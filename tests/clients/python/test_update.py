"""UpdateSecret: metadata alone, values, and what it refuses."""

import pytest

from checks import MARKED, NOT_FOUND, TWO_VALUES, body, refused, stages, token


def test_metadata_makes_no_version(sm, secret, name):
    answer = sm.update_secret(SecretId=name, Description="new words")
    assert body(answer) == {"ARN": secret["ARN"], "Name": name}
    shown = sm.describe_secret(SecretId=name)
    assert shown["Description"] == "new words"
    assert shown["LastChangedDate"] >= shown["CreatedDate"]
    assert shown["VersionIdsToStages"] == {secret["VersionId"]: ["AWSCURRENT"]}
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "first"


def test_absent_members_stay(sm, name):
    tags = [{"Key": "k", "Value": "v"}]
    sm.create_secret(Name=name, SecretString="v", Description="stays", Tags=tags)
    sm.update_secret(SecretId=name, SecretString="w")
    shown = sm.describe_secret(SecretId=name)
    assert (shown["Description"], shown["Tags"]) == ("stays", tags)


def test_an_empty_description_clears_it(sm, name):
    sm.create_secret(Name=name, Description="goes")
    sm.update_secret(SecretId=name, Description="")
    assert not sm.describe_secret(SecretId=name).get("Description")


@pytest.mark.parametrize("value", [{"SecretString": "second"}, {"SecretBinary": b"\x80second"}], ids=["string", "binary"])
def test_a_value_is_the_new_current(sm, secret, name, value):
    wanted = token()
    answer = sm.update_secret(SecretId=name, ClientRequestToken=wanted, **value)
    assert body(answer) == {"ARN": secret["ARN"], "Name": name, "VersionId": wanted}
    assert stages(sm, name) == {wanted: {"AWSCURRENT"}, secret["VersionId"]: {"AWSPREVIOUS"}}
    got = sm.get_secret_value(SecretId=name)
    assert {key: got[key] for key in value} == value
    assert len({"SecretString", "SecretBinary"} & set(got)) == 1


def test_the_first_value(sm, empty):
    made = sm.update_secret(SecretId=empty["Name"], SecretString="v")
    assert stages(sm, empty["Name"]) == {made["VersionId"]: {"AWSCURRENT"}}


def test_value_and_description_together(sm, secret, name):
    sm.update_secret(SecretId=name, SecretString="second", Description="both")
    assert sm.describe_secret(SecretId=name)["Description"] == "both"
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "second"


def test_the_default_key(sm, secret, name):
    sm.update_secret(SecretId=name, KmsKeyId="alias/aws/secretsmanager")
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "first"
    sm.update_secret(SecretId=name, KmsKeyId="")
    assert "KmsKeyId" not in sm.describe_secret(SecretId=name)
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "first"


def test_both_values(sm, secret, name):
    with refused("InvalidParameterException", TWO_VALUES):
        sm.update_secret(SecretId=name, SecretString="a", SecretBinary=b"a", Description="not kept")
    assert "Description" not in sm.describe_secret(SecretId=name)


def test_a_token_in_use_with_another_value(sm, secret, name):
    text = (f"You can't use ClientRequestToken {secret['VersionId']} because that value is already in use for a version "
            f"of secret {secret['ARN']}.")
    with refused("ResourceExistsException", text):
        sm.update_secret(SecretId=name, SecretString="other", ClientRequestToken=secret["VersionId"])
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "first"


def test_a_retried_request(sm, secret, name):
    request = {"SecretId": name, "SecretString": "second", "ClientRequestToken": token()}
    first = sm.update_secret(**request)
    assert body(sm.update_secret(**request)) == body(first)
    assert stages(sm, name) == {first["VersionId"]: {"AWSCURRENT"}, secret["VersionId"]: {"AWSPREVIOUS"}}


def test_a_secret_gets_a_type_and_loses_it(sm, secret, name):
    sm.update_secret(SecretId=name, Type="SalesforceClientSecret")
    assert sm.describe_secret(SecretId=name)["Type"] == "SalesforceClientSecret"
    sm.update_secret(SecretId=name, Type="")
    assert "Type" not in sm.describe_secret(SecretId=name)
    with refused("InvalidParameterException"):
        sm.update_secret(SecretId=name, Type="NoSuchPartner")


def test_no_such_secret(sm, name):
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.update_secret(SecretId=name, Description="d")


def test_marked_for_deletion(sm, secret, name):
    sm.delete_secret(SecretId=name)
    for change in ({"Description": "d"}, {"SecretString": "v"}):
        with refused("InvalidRequestException", MARKED):
            sm.update_secret(SecretId=name, **change)


@pytest.mark.parametrize("operation", ["CreateSecret", "PutSecretValue", "UpdateSecret"])
def test_a_value_without_a_token(sm, endpoint, secret, prefix, operation):
    target = {"Name": prefix + "new"} if operation == "CreateSecret" else {"SecretId": secret["Name"]}
    answer = endpoint.call(operation, {**target, "SecretString": "v"})
    assert (answer.status, answer.code) == (400, "InvalidRequestException"), answer
    assert answer.text == "You must provide a ClientRequestToken value. We recommend a UUID-type value."
    assert sm.get_secret_value(SecretId=secret["Name"])["SecretString"] == "first"


def test_metadata_needs_no_token(endpoint, secret):
    assert endpoint.call("UpdateSecret", {"SecretId": secret["Name"], "Description": "d"}).status == 200
