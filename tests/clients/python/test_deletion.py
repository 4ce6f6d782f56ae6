"""DeleteSecret and RestoreSecret: windows, force, and what a secret in its window still does."""

import datetime

import pytest

from checks import MARKED, NOT_FOUND, body, refused, stages

EVERYTHING_ELSE = {
    "get_secret_value": {}, "put_secret_value": {"SecretString": "v"}, "update_secret": {"Description": "d"},
    "list_secret_version_ids": {}, "tag_resource": {"Tags": [{"Key": "k", "Value": "v"}]},
    "untag_resource": {"TagKeys": ["k"]}, "get_resource_policy": {}, "delete_resource_policy": {},
    "put_resource_policy": {"ResourcePolicy": '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*",'
                                              '"Action":"secretsmanager:DeleteSecret","Resource":"*"}]}'},
}


def days_until(moment):
    """Days from now until then, to the nearest."""
    return round((moment - datetime.datetime.now(datetime.timezone.utc)) / datetime.timedelta(days=1), 1)


@pytest.mark.parametrize("days", [None, 7, 8, 30])
def test_windows(sm, secret, name, days):
    answer = body(sm.delete_secret(SecretId=name, **({} if days is None else {"RecoveryWindowInDays": days})))
    assert (answer["ARN"], answer["Name"], set(answer)) == (secret["ARN"], name, {"ARN", "Name", "DeletionDate"})
    assert days_until(answer["DeletionDate"]) == (days or 30)
    assert sm.describe_secret(SecretId=name)["DeletedDate"] <= answer["DeletionDate"]


@pytest.mark.parametrize("days", [-1, 0, 1, 6, 31, 365, 2**40])
def test_other_windows(sm, secret, name, days):
    with refused("InvalidParameterException", "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."):
        sm.delete_secret(SecretId=name, RecoveryWindowInDays=days)
    assert "DeletedDate" not in sm.describe_secret(SecretId=name)


def test_force_false_is_no_force(sm, secret, name):
    sm.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=False)
    assert sm.describe_secret(SecretId=name)["DeletedDate"]


def test_force(sm, secret, name):
    answer = body(sm.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True))
    assert (answer["ARN"], answer["Name"]) == (secret["ARN"], name)
    for secret_id in (name, secret["ARN"]):
        for operation in (sm.describe_secret, sm.get_secret_value, sm.restore_secret, sm.list_secret_version_ids):
            with refused("ResourceNotFoundException", NOT_FOUND):
                operation(SecretId=secret_id)
    listed = sm.list_secrets(Filters=[{"Key": "name", "Values": [name]}], IncludePlannedDeletion=True)
    assert listed["SecretList"] == []


def test_force_and_window(sm, secret, name):
    text = "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
    with refused("InvalidParameterException", text):
        sm.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True, RecoveryWindowInDays=7)
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "first"


def test_force_on_nothing_succeeds(sm, name):
    answer = sm.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    assert answer["Name"] == name
    assert name in answer["ARN"]


def test_a_window_on_nothing(sm, name):
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.delete_secret(SecretId=name)


def test_twice(sm, secret, name):
    sm.delete_secret(SecretId=name)
    with refused("InvalidRequestException"):
        sm.delete_secret(SecretId=name)
    with refused("InvalidRequestException"):
        sm.delete_secret(SecretId=name, RecoveryWindowInDays=7)


def test_force_on_a_secret_in_its_window(sm, secret, name):
    sm.delete_secret(SecretId=name)
    sm.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.describe_secret(SecretId=name)


def test_by_arn(sm, secret):
    sm.delete_secret(SecretId=secret["ARN"])
    sm.restore_secret(SecretId=secret["ARN"][:-7])
    sm.delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.describe_secret(SecretId=secret["ARN"])


@pytest.mark.parametrize("operation", EVERYTHING_ELSE)
def test_the_window_closes_everything_else(sm, secret, name, operation):
    sm.delete_secret(SecretId=name)
    with refused("InvalidRequestException", MARKED):
        getattr(sm, operation)(SecretId=name, **EVERYTHING_ELSE[operation])


def test_restoring(sm, name):
    sm.create_secret(Name=name, SecretString="first", Description="d", Tags=[{"Key": "k", "Value": "v"}])
    sm.put_secret_value(SecretId=name, SecretString="second")
    sm.put_secret_value(SecretId=name, SecretString="blue", VersionStages=["BLUE"])
    before = body(sm.describe_secret(SecretId=name))
    labels = stages(sm, name)
    sm.delete_secret(SecretId=name)
    answer = sm.restore_secret(SecretId=name)
    assert body(answer) == {"ARN": before["ARN"], "Name": name}
    after = body(sm.describe_secret(SecretId=name))
    assert "DeletedDate" not in after
    assert {**after, "LastChangedDate": None} == {**before, "LastChangedDate": None}
    assert stages(sm, name) == labels
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "second"
    assert sm.get_secret_value(SecretId=name, VersionStage="BLUE")["SecretString"] == "blue"


def test_restoring_nothing(sm, name):
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.restore_secret(SecretId=name)


def test_restoring_what_is_not_deleted(sm, secret, name):
    assert sm.restore_secret(SecretId=name)["Name"] == name
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "first"
