"""UpdateSecretVersionStage: every move a label can make."""

import re

import pytest

from checks import MARKED, NOT_FOUND, body, refused, stages, token

NOT_REMOVED = ("You can only move staging label AWSCURRENT to a different secret version. "
               "It can\u2019t be completely removed.")


@pytest.fixture
def two(sm, secret, name):
    """Ids of the previous and the current version of a secret."""
    return secret["VersionId"], sm.put_secret_value(SecretId=name, SecretString="second")["VersionId"]


def must_name(label, version):
    return (f"The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to version "
            f"{version}, so you must explicitly reference that version in RemoveFromVersionId.")


def test_a_new_label_is_attached(sm, two, secret, name):
    answer = sm.update_secret_version_stage(SecretId=name, VersionStage="BLUE", MoveToVersionId=two[0])
    assert body(answer) == {"ARN": secret["ARN"], "Name": name}
    assert stages(sm, name) == {two[0]: {"AWSPREVIOUS", "BLUE"}, two[1]: {"AWSCURRENT"}}
    assert sm.get_secret_value(SecretId=name, VersionStage="BLUE")["SecretString"] == "first"


def test_an_attached_label_moves_when_its_holder_is_named(sm, two, name):
    sm.update_secret_version_stage(SecretId=name, VersionStage="BLUE", MoveToVersionId=two[0])
    sm.update_secret_version_stage(SecretId=name, VersionStage="BLUE", MoveToVersionId=two[1], RemoveFromVersionId=two[0])
    assert stages(sm, name) == {two[0]: {"AWSPREVIOUS"}, two[1]: {"AWSCURRENT", "BLUE"}}


@pytest.mark.parametrize("label", ["BLUE", "AWSCURRENT"])
def test_an_attached_label_does_not_move_unnamed(sm, two, name, label):
    if label == "BLUE":
        sm.update_secret_version_stage(SecretId=name, VersionStage="BLUE", MoveToVersionId=two[1])
    before = stages(sm, name)
    with refused("InvalidParameterException", must_name(label, two[1])):
        sm.update_secret_version_stage(SecretId=name, VersionStage=label, MoveToVersionId=two[0])
    assert stages(sm, name) == before


def test_the_wrong_holder(sm, two, name):
    third = sm.put_secret_value(SecretId=name, SecretString="third", VersionStages=["BLUE"])["VersionId"]
    before = stages(sm, name)
    with refused("InvalidParameterException"):
        sm.update_secret_version_stage(
            SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=third, RemoveFromVersionId=two[0])
    assert stages(sm, name) == before


def test_only_removing(sm, two, name):
    sm.update_secret_version_stage(SecretId=name, VersionStage="BLUE", MoveToVersionId=two[0])
    sm.update_secret_version_stage(SecretId=name, VersionStage="BLUE", RemoveFromVersionId=two[0])
    assert stages(sm, name) == {two[0]: {"AWSPREVIOUS"}, two[1]: {"AWSCURRENT"}}


def test_removing_the_last_label_deprecates(sm, two, name):
    sm.update_secret_version_stage(SecretId=name, VersionStage="AWSPREVIOUS", RemoveFromVersionId=two[0])
    assert stages(sm, name) == {two[1]: {"AWSCURRENT"}}
    listed = sm.list_secret_version_ids(SecretId=name)["Versions"]
    assert [version["VersionId"] for version in listed] == [two[1]]
    assert sm.get_secret_value(SecretId=name, VersionId=two[0])["SecretString"] == "first"


def test_a_deprecated_version_comes_back(sm, two, name):
    sm.update_secret_version_stage(SecretId=name, VersionStage="AWSPREVIOUS", RemoveFromVersionId=two[0])
    sm.update_secret_version_stage(SecretId=name, VersionStage="AGAIN", MoveToVersionId=two[0])
    assert stages(sm, name) == {two[0]: {"AGAIN"}, two[1]: {"AWSCURRENT"}}


def test_current_is_never_removed(sm, two, name):
    with refused("InvalidParameterException", NOT_REMOVED):
        sm.update_secret_version_stage(SecretId=name, VersionStage="AWSCURRENT", RemoveFromVersionId=two[1])
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "second"


def test_rolling_back(sm, two, name):
    sm.update_secret_version_stage(
        SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=two[0], RemoveFromVersionId=two[1])
    assert stages(sm, name) == {two[0]: {"AWSCURRENT"}, two[1]: {"AWSPREVIOUS"}}
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "first"


def test_current_moving_takes_previous_from_a_third(sm, two, name):
    third = sm.put_secret_value(SecretId=name, SecretString="third", VersionStages=["BLUE"])["VersionId"]
    sm.update_secret_version_stage(
        SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=third, RemoveFromVersionId=two[1])
    assert stages(sm, name) == {two[1]: {"AWSPREVIOUS"}, third: {"AWSCURRENT", "BLUE"}}


def test_the_last_step_of_a_rotation(sm, two, name):
    pending = token()
    sm.put_secret_value(SecretId=name, SecretString="next", ClientRequestToken=pending, VersionStages=["AWSPENDING"])
    sm.update_secret_version_stage(
        SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=pending, RemoveFromVersionId=two[1])
    shown = stages(sm, name)
    assert shown[pending] - {"AWSPENDING"} == {"AWSCURRENT"}
    assert shown[two[1]] == {"AWSPREVIOUS"}
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "next"


def test_a_label_that_is_there_already(sm, two, name):
    sm.update_secret_version_stage(SecretId=name, VersionStage="BLUE", MoveToVersionId=two[0])
    before = stages(sm, name)
    sm.update_secret_version_stage(SecretId=name, VersionStage="BLUE", MoveToVersionId=two[0])
    assert stages(sm, name) == before


@pytest.mark.parametrize("member", ["MoveToVersionId", "RemoveFromVersionId"])
def test_a_version_that_is_not_there(sm, two, name, member):
    before = stages(sm, name)
    with refused(("ResourceNotFoundException", "InvalidParameterException")):
        sm.update_secret_version_stage(SecretId=name, VersionStage="BLUE", **{member: token()})
    assert stages(sm, name) == before


def test_neither_version(sm, two, name):
    with refused(("InvalidParameterException", "InvalidRequestException")):
        sm.update_secret_version_stage(SecretId=name, VersionStage="BLUE")


def test_labels_tell_case_apart(sm, two, name):
    sm.update_secret_version_stage(SecretId=name, VersionStage="blue", MoveToVersionId=two[0])
    sm.update_secret_version_stage(SecretId=name, VersionStage="BLUE", MoveToVersionId=two[1])
    assert stages(sm, name) == {two[0]: {"AWSPREVIOUS", "blue"}, two[1]: {"AWSCURRENT", "BLUE"}}


def test_a_label_as_long_as_may_be(sm, loose, two, name):
    sm.update_secret_version_stage(SecretId=name, VersionStage="L" * 256, MoveToVersionId=two[0])
    assert sm.get_secret_value(SecretId=name, VersionStage="L" * 256)["SecretString"] == "first"
    with refused("ValidationException", re.compile("at 'versionStage' failed .* length less than or equal to 256")):
        loose.update_secret_version_stage(SecretId=name, VersionStage="L" * 257, MoveToVersionId=two[0])


def test_no_such_secret(sm, name):
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.update_secret_version_stage(SecretId=name, VersionStage="BLUE", MoveToVersionId=token())


def test_marked_for_deletion(sm, two, name):
    sm.delete_secret(SecretId=name)
    with refused("InvalidRequestException", MARKED):
        sm.update_secret_version_stage(SecretId=name, VersionStage="BLUE", MoveToVersionId=two[0])
