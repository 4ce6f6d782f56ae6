"""GetSecretValue: every selector, every form of id, and the days of reading."""

import datetime

import pytest

from checks import MARKED, NOT_FOUND, body, is_whole_day, refused, token


@pytest.fixture
def history(sm, secret, name):
    """A secret with four versions: one without labels, previous, current, and BLUE."""
    previous = sm.put_secret_value(SecretId=name, SecretString="previous")["VersionId"]
    current = sm.put_secret_value(SecretId=name, SecretString="current")["VersionId"]
    blue = sm.put_secret_value(SecretId=name, SecretString="blue", VersionStages=["BLUE", "SKY"])["VersionId"]
    return {"old": secret["VersionId"], "previous": previous, "current": current, "blue": blue, "ARN": secret["ARN"]}


def test_the_answer(sm, secret, name):
    got = body(sm.get_secret_value(SecretId=name))
    made = got.pop("CreatedDate")
    assert got == {
        "ARN": secret["ARN"], "Name": name, "VersionId": secret["VersionId"], "SecretString": "first",
        "VersionStages": ["AWSCURRENT"],
    }
    listed = sm.list_secret_version_ids(SecretId=name)["Versions"]
    assert [version["CreatedDate"] for version in listed] == [made]


def test_neither_selector_is_current(sm, history, name):
    got = sm.get_secret_value(SecretId=name)
    assert (got["SecretString"], got["VersionId"]) == ("current", history["current"])


@pytest.mark.parametrize(
    "stage, value", [("AWSCURRENT", "current"), ("AWSPREVIOUS", "previous"), ("BLUE", "blue"), ("SKY", "blue")]
)
def test_by_label(sm, history, name, stage, value):
    got = sm.get_secret_value(SecretId=name, VersionStage=stage)
    assert got["SecretString"] == value
    assert stage in got["VersionStages"]


@pytest.mark.parametrize("which, value", [("old", "first"), ("previous", "previous"), ("current", "current"), ("blue", "blue")])
def test_by_version(sm, history, name, which, value):
    got = sm.get_secret_value(SecretId=name, VersionId=history[which])
    assert (got["SecretString"], got["VersionId"]) == (value, history[which])


def test_a_version_without_labels_shows_none(sm, history, name):
    assert not sm.get_secret_value(SecretId=name, VersionId=history["old"]).get("VersionStages")


def test_all_labels_of_a_version(sm, history, name):
    got = sm.get_secret_value(SecretId=name, VersionId=history["blue"])
    assert sorted(got["VersionStages"]) == ["BLUE", "SKY"]


def test_both_selectors_agreeing(sm, history, name):
    got = sm.get_secret_value(SecretId=name, VersionId=history["blue"], VersionStage="SKY")
    assert got["SecretString"] == "blue"


@pytest.mark.parametrize("which, stage", [("blue", "AWSCURRENT"), ("current", "BLUE"), ("old", "AWSCURRENT")])
def test_both_selectors_disagreeing(sm, history, name, which, stage):
    text = "You provided a VersionStage that is not associated to the provided VersionId."
    with refused("InvalidRequestException", text):
        sm.get_secret_value(SecretId=name, VersionId=history[which], VersionStage=stage)


@pytest.mark.parametrize("stage", ["AWSPENDING", "AWSPREVIOUS", "blue", "x"])
def test_a_label_that_no_version_has(sm, secret, name, stage):
    text = f"Secrets Manager can't find the specified secret value for staging label: {stage}"
    with refused("ResourceNotFoundException", text):
        sm.get_secret_value(SecretId=name, VersionStage=stage)


def test_a_version_that_is_not_there(sm, secret, name):
    unknown = token()
    text = f"Secrets Manager can't find the specified secret value for VersionId: {unknown}"
    with refused("ResourceNotFoundException", text):
        sm.get_secret_value(SecretId=name, VersionId=unknown)


def test_a_secret_without_a_value(sm, empty):
    text = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"
    with refused("ResourceNotFoundException", text):
        sm.get_secret_value(SecretId=empty["Name"])


def test_no_such_secret(sm, name):
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.get_secret_value(SecretId=name)


def test_marked_for_deletion(sm, secret, name):
    sm.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    for selector in ({}, {"VersionStage": "AWSCURRENT"}, {"VersionId": secret["VersionId"]}):
        with refused("InvalidRequestException", MARKED):
            sm.get_secret_value(SecretId=name, **selector)


def test_by_arn_and_by_partial_arn(sm, secret):
    assert sm.get_secret_value(SecretId=secret["ARN"])["SecretString"] == "first"
    assert sm.get_secret_value(SecretId=secret["ARN"][:-7])["SecretString"] == "first"


def test_by_an_arn_with_another_end(sm, secret):
    last = "A" if secret["ARN"][-1] != "A" else "B"
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.get_secret_value(SecretId=secret["ARN"][:-1] + last)


def test_by_an_arn_of_another_account(sm, secret):
    account = secret["ARN"].split(":")[4]
    other = "111122223333" if account != "111122223333" else "444455556666"
    with refused(("ResourceNotFoundException", "AccessDeniedException")):
        sm.get_secret_value(SecretId=secret["ARN"].replace(account, other))


def test_by_an_arn_of_another_region(sm, secret):
    parts = secret["ARN"].split(":")
    parts[3] = "eu-north-1" if parts[3] != "eu-north-1" else "us-west-2"
    with refused(("ResourceNotFoundException", "InvalidParameterException", "AccessDeniedException")):
        sm.get_secret_value(SecretId=":".join(parts))


def test_names_that_end_like_an_arn(sm, prefix):
    name = prefix + "db-AbCdEf"
    made = sm.create_secret(Name=name, SecretString="v")
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "v"
    assert sm.get_secret_value(SecretId=made["ARN"])["SecretString"] == "v"
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.get_secret_value(SecretId=prefix + "db")


def test_a_prefix_of_a_name_is_not_enough(sm, secret, name):
    for other in (name[:-1], name.upper(), name + "-", secret["ARN"].split(":")[-1]):
        with refused("ResourceNotFoundException", NOT_FOUND):
            sm.get_secret_value(SecretId=other)


def test_the_day_of_the_last_reading(sm, secret, name):
    assert "LastAccessedDate" not in sm.describe_secret(SecretId=name)
    assert "LastAccessedDate" not in sm.list_secret_version_ids(SecretId=name)["Versions"][0]
    sm.get_secret_value(SecretId=name)
    shown = sm.describe_secret(SecretId=name)["LastAccessedDate"]
    assert is_whole_day(shown)
    age = datetime.datetime.now(datetime.timezone.utc) - shown
    assert datetime.timedelta(0) <= age < datetime.timedelta(days=2)
    version = sm.list_secret_version_ids(SecretId=name)["Versions"][0]
    assert version["LastAccessedDate"] == shown


def test_reading_is_no_change(sm, secret, name):
    before = sm.describe_secret(SecretId=name)["LastChangedDate"]
    sm.get_secret_value(SecretId=name)
    assert sm.describe_secret(SecretId=name)["LastChangedDate"] == before


def test_describing_is_no_reading(sm, secret, name):
    sm.describe_secret(SecretId=name)
    sm.list_secret_version_ids(SecretId=name)
    assert "LastAccessedDate" not in sm.describe_secret(SecretId=name)
