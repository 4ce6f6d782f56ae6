"""PutSecretValue: labels, the first version, idempotency, and what it refuses."""

import pytest

from checks import MARKED, NO_VALUE, NOT_FOUND, TWO_VALUES, body, refused, stages, token


def put(sm, secret_id, value, *labels):
    """Puts a string and tells the version."""
    more = {"VersionStages": list(labels)} if labels else {}
    return sm.put_secret_value(SecretId=secret_id, SecretString=value, **more)["VersionId"]


def test_the_answer(sm, secret, name):
    wanted = token()
    answer = sm.put_secret_value(SecretId=name, SecretString="second", ClientRequestToken=wanted)
    assert body(answer) == {
        "ARN": secret["ARN"], "Name": name, "VersionId": wanted, "VersionStages": ["AWSCURRENT"],
    }


def test_current_moves_and_leaves_previous(sm, secret, name):
    first = secret["VersionId"]
    second = put(sm, name, "second")
    assert stages(sm, name) == {second: {"AWSCURRENT"}, first: {"AWSPREVIOUS"}}
    third = put(sm, name, "third")
    assert stages(sm, name) == {third: {"AWSCURRENT"}, second: {"AWSPREVIOUS"}}
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "third"
    assert sm.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")["SecretString"] == "second"


def test_other_labels_leave_current_alone(sm, secret, name):
    answer = sm.put_secret_value(SecretId=name, SecretString="blue", VersionStages=["BLUE"])
    assert answer["VersionStages"] == ["BLUE"]
    assert stages(sm, name) == {secret["VersionId"]: {"AWSCURRENT"}, answer["VersionId"]: {"BLUE"}}
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "first"
    assert sm.get_secret_value(SecretId=name, VersionStage="BLUE")["SecretString"] == "blue"


def test_a_label_moves_off_its_holder(sm, secret, name):
    blue = put(sm, name, "blue", "BLUE", "KEEP")
    newer = put(sm, name, "newer", "BLUE")
    assert stages(sm, name) == {secret["VersionId"]: {"AWSCURRENT"}, blue: {"KEEP"}, newer: {"BLUE"}}


def test_current_beside_other_labels(sm, secret, name):
    blue = put(sm, name, "blue", "BLUE")
    both = sm.put_secret_value(SecretId=name, SecretString="both", VersionStages=["BLUE", "AWSCURRENT"])
    assert set(both["VersionStages"]) == {"BLUE", "AWSCURRENT"}
    assert stages(sm, name) == {both["VersionId"]: {"BLUE", "AWSCURRENT"}, secret["VersionId"]: {"AWSPREVIOUS"}}
    got = sm.get_secret_value(SecretId=name, VersionId=blue)
    assert got["SecretString"] == "blue"


def test_pending(sm, secret, name):
    pending = put(sm, name, "next", "AWSPENDING")
    assert stages(sm, name) == {secret["VersionId"]: {"AWSCURRENT"}, pending: {"AWSPENDING"}}
    assert sm.get_secret_value(SecretId=name, VersionStage="AWSPENDING")["SecretString"] == "next"


def test_the_first_version_is_always_current(sm, empty):
    answer = sm.put_secret_value(SecretId=empty["Name"], SecretString="v", VersionStages=["BLUE"])
    assert set(answer["VersionStages"]) == {"BLUE", "AWSCURRENT"}
    assert stages(sm, empty["Name"]) == {answer["VersionId"]: {"BLUE", "AWSCURRENT"}}


def test_binary_after_string(sm, secret, name):
    sm.put_secret_value(SecretId=name, SecretBinary=b"\xff\x00")
    got = sm.get_secret_value(SecretId=name)
    assert got["SecretBinary"] == b"\xff\x00"
    assert "SecretString" not in got
    assert sm.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")["SecretString"] == "first"


@pytest.mark.parametrize("value", ["x" * 65536, "line\nend", "密" * 1000, '"'])
def test_values_come_back_unchanged(sm, secret, name, value):
    sm.put_secret_value(SecretId=name, SecretString=value)
    assert sm.get_secret_value(SecretId=name)["SecretString"] == value


def test_a_full_size_binary(sm, secret, name):
    value = bytes(range(256)) * 256
    sm.put_secret_value(SecretId=name, SecretBinary=value)
    assert sm.get_secret_value(SecretId=name)["SecretBinary"] == value


def test_no_value(sm, loose, secret, name):
    with refused("InvalidRequestException", NO_VALUE):
        sm.put_secret_value(SecretId=name)
    with refused("InvalidRequestException", NO_VALUE):
        loose.put_secret_value(SecretId=name, SecretString="")
    assert stages(sm, name) == {secret["VersionId"]: {"AWSCURRENT"}}


def test_both_values(sm, secret, name):
    with refused("InvalidParameterException", TWO_VALUES):
        sm.put_secret_value(SecretId=name, SecretString="a", SecretBinary=b"a")


def test_the_same_request_again_changes_nothing(sm, secret, name):
    request = {"SecretId": name, "SecretString": "second", "ClientRequestToken": token()}
    first = sm.put_secret_value(**request)
    before = body(sm.describe_secret(SecretId=name))
    assert body(sm.put_secret_value(**request)) == body(first)
    assert body(sm.describe_secret(SecretId=name)) == before


def test_an_old_request_again_does_not_bring_its_version_back(sm, secret, name):
    request = {"SecretId": name, "SecretBinary": b"second", "ClientRequestToken": token()}
    sm.put_secret_value(**request)
    third = put(sm, name, "third")
    assert sm.put_secret_value(**request)["VersionId"] == request["ClientRequestToken"]
    assert stages(sm, name) == {third: {"AWSCURRENT"}, request["ClientRequestToken"]: {"AWSPREVIOUS"}}


def test_the_same_token_with_another_value(sm, secret, name):
    wanted = token()
    sm.put_secret_value(SecretId=name, SecretString="second", ClientRequestToken=wanted)
    text = (f"You can't use ClientRequestToken {wanted} because that value is already in use for a version of secret "
            f"{secret['ARN']}.")
    for value in ({"SecretString": "other"}, {"SecretBinary": b"other"}):
        with refused("ResourceExistsException", text):
            sm.put_secret_value(SecretId=name, ClientRequestToken=wanted, **value)
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "second"


def test_the_token_of_the_first_version(sm, secret, name):
    again = sm.put_secret_value(SecretId=name, SecretString="first", ClientRequestToken=secret["VersionId"])
    assert again["VersionId"] == secret["VersionId"]
    with refused("ResourceExistsException"):
        sm.put_secret_value(SecretId=name, SecretString="x", ClientRequestToken=secret["VersionId"])


def test_tokens_belong_to_one_secret(sm, secret, prefix):
    other = sm.create_secret(Name=prefix + "other", SecretString="v", ClientRequestToken=secret["VersionId"])
    assert other["VersionId"] == secret["VersionId"]
    assert sm.get_secret_value(SecretId=secret["ARN"])["SecretString"] == "first"


def test_by_every_kind_of_id(sm, secret, name):
    for number, secret_id in enumerate((name, secret["ARN"], secret["ARN"][:-7])):
        put(sm, secret_id, f"value {number}")
        assert sm.get_secret_value(SecretId=name)["SecretString"] == f"value {number}"


def test_no_such_secret(sm, name):
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.put_secret_value(SecretId=name, SecretString="v")
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.describe_secret(SecretId=name)


def test_marked_for_deletion(sm, secret, name):
    sm.delete_secret(SecretId=name)
    with refused("InvalidRequestException", MARKED):
        sm.put_secret_value(SecretId=name, SecretString="v")


def test_twenty_labels_over_all_versions(sm, secret, name):
    put(sm, name, "ten", *[f"L{number}" for number in range(10)])
    full = put(sm, name, "nineteen", *[f"L{number}" for number in range(10, 19)])
    before = stages(sm, name)
    assert sum(map(len, before.values())) == 20
    with refused("LimitExceededException"):
        put(sm, name, "too many", "ONE-MORE")
    with refused("LimitExceededException"):
        sm.update_secret_version_stage(SecretId=name, VersionStage="ONE-MORE", MoveToVersionId=full)
    assert stages(sm, name) == before
    moved = put(sm, name, "moves only", "L0")
    assert stages(sm, name)[moved] == {"L0"}


def test_a_hundred_versions_within_a_day(sm, secret, name):
    for number in range(99):
        put(sm, name, f"value {number}", "MOVING")
    with refused("LimitExceededException"):
        put(sm, name, "one too many", "MOVING")
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "first"
    assert sm.get_secret_value(SecretId=name, VersionStage="MOVING")["SecretString"] == "value 98"


def test_the_form_of_a_rotation_token(loose, secret, name):
    with refused("ValidationException") as refusal:
        loose.put_secret_value(SecretId=name, SecretString="v", RotationToken="planted-token")
    assert "rotationToken" in refusal.text
    assert "planted-token" not in refusal.text


def test_a_rotation_token_without_a_rotation(sm, secret, name):
    # What the service says to it is not known; a fault it is not.
    try:
        made = sm.put_secret_value(SecretId=name, SecretString="v", RotationToken=token())["VersionId"]
    except sm.exceptions.ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        made = secret["VersionId"]
    assert stages(sm, name)[made] == {"AWSCURRENT"}
