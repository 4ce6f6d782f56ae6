"""RotateSecret and CancelRotateSecret through boto3, with functions that really run."""

import datetime
import json
import sys
import uuid

import boto3
import botocore.exceptions
import pytest

from conftest import REGION
from rotation import ROTATE_PY, client, new_function, policy, rotated, until

FAILS = "import os\ndef handler(event, context):\n    raise ValueError('the database is gone')\n"


def refused(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_built_in_function_rotates_at_once_and_by_a_schedule(sm, name):
    function = new_function("strongroom/generic")
    sm.create_secret(Name=name, SecretString=json.dumps({"username": "u", "password": "first"}))
    made = sm.rotate_secret(
        SecretId=name, RotationLambdaARN=function, RotationRules={"ScheduleExpression": "cron(0 8 1 * ? *)"}
    )
    described = rotated(sm, name, made["VersionId"])
    assert described["RotationEnabled"] is True
    assert described["RotationLambdaARN"] == function
    assert described["RotationRules"]["ScheduleExpression"] == "cron(0 8 1 * ? *)"
    assert described["NextRotationDate"] > datetime.datetime.now(datetime.timezone.utc)
    value = json.loads(sm.get_secret_value(SecretId=name)["SecretString"])
    assert value["username"] == "u" and value["password"] != "first" and len(value["password"]) == 32
    previous = sm.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")
    assert json.loads(previous["SecretString"])["password"] == "first"


def test_a_function_in_python_rotates_with_boto3_of_its_own(sm, name):
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    function = new_function("rotate.handler", {"rotate.py": ROTATE_PY.read_text()}, runtime)
    sm.create_secret(Name=name, SecretString=json.dumps({"username": "u", "password": "first"}))
    for _ in range(3):
        made = sm.rotate_secret(SecretId=name, RotationLambdaARN=function, RotationRules={"AutomaticallyAfterDays": 7})
        described = rotated(sm, name, made["VersionId"])
    assert described["RotationRules"] == {"AutomaticallyAfterDays": 7}
    assert json.loads(sm.get_secret_value(SecretId=name)["SecretString"])["password"] != "first"


def test_a_failed_rotation_stays_pending_and_blocks_another(sm, name):
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    function = new_function("f.handler", {"f.py": FAILS}, runtime)
    sm.create_secret(Name=name, SecretString="first")
    made = sm.rotate_secret(SecretId=name, RotationLambdaARN=function, RotationRules={"AutomaticallyAfterDays": 7})
    described = sm.describe_secret(SecretId=name)
    assert described["VersionIdsToStages"][made["VersionId"]] == ["AWSPENDING"]
    assert "LastRotatedDate" not in described
    assert refused(sm.get_secret_value, SecretId=name, VersionStage="AWSPENDING")[0] == "ResourceNotFoundException"
    code, text = refused(sm.rotate_secret, SecretId=name)
    assert (code, text) == (
        "InvalidRequestException",
        "A previous rotation isn't complete. That rotation will be reattempted.",
    )
    cancelled = sm.cancel_rotate_secret(SecretId=name)
    assert cancelled["VersionId"] == made["VersionId"]
    described = sm.describe_secret(SecretId=name)
    assert described["RotationEnabled"] is False and described["RotationLambdaARN"] == function
    assert "NextRotationDate" not in described
    sm.update_secret_version_stage(
        SecretId=name, VersionStage="AWSPENDING", RemoveFromVersionId=made["VersionId"]
    )
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "first"


def test_a_value_put_by_hand_abandons_a_rotation(sm, name):
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    function = new_function("f.handler", {"f.py": FAILS}, runtime)
    sm.create_secret(Name=name, SecretString="first")
    made = sm.rotate_secret(SecretId=name, RotationLambdaARN=function, RotationRules={"AutomaticallyAfterDays": 7})
    sm.put_secret_value(SecretId=name, SecretString="by hand")
    assert made["VersionId"] not in sm.describe_secret(SecretId=name)["VersionIdsToStages"]


def test_a_configuration_that_does_not_rotate_at_once_is_only_tested(sm, name):
    function = new_function("strongroom/generic")
    sm.create_secret(Name=name, SecretString="first")
    made = sm.rotate_secret(
        SecretId=name,
        RotationLambdaARN=function,
        RotationRules={"AutomaticallyAfterDays": 7},
        RotateImmediately=False,
    )

    def without_test():
        described = sm.describe_secret(SecretId=name)
        return described if made["VersionId"] not in described["VersionIdsToStages"] else None

    described = until(without_test)
    assert described["RotationEnabled"] is True and "LastRotatedDate" not in described
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "first"


def test_what_cannot_rotate_is_refused_in_the_services_words(sm, name):
    sm.create_secret(Name=name, SecretString="first")
    assert refused(sm.rotate_secret, SecretId=name) == (
        "InvalidRequestException",
        "No Lambda rotation function ARN is associated with this secret.",
    )
    closed = new_function("strongroom/generic", permitted=False)
    assert refused(sm.rotate_secret, SecretId=name, RotationLambdaARN=closed) == (
        "AccessDeniedException",
        "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to "
        "the principal secretsmanager.amazonaws.com.",
    )
    absent = closed.rsplit(":", 1)[0] + ":absent"
    assert refused(sm.rotate_secret, SecretId=name, RotationLambdaARN=absent)[0] == "ResourceNotFoundException"
    function = new_function("strongroom/generic")
    for rules, text in [
        ({"ScheduleExpression": "rate(3 hours)"}, "Rate in hour should be least 4 and less than 24."),
        ({"ScheduleExpression": "rate(0 days)"}, "Rate in day should be greater than 0 and less than 1000."),
        ({"ScheduleExpression": "cron(15 10 * * ? *)"}, "Invalid schedule expression."),
        (
            {"ScheduleExpression": "rate(10 days)", "AutomaticallyAfterDays": 3},
            "You cannot specify both rotation frequency and schedule expression together.",
        ),
    ]:
        told = refused(sm.rotate_secret, SecretId=name, RotationLambdaARN=function, RotationRules=rules)
        assert told == ("InvalidParameterException", text)
    assert "RotationEnabled" not in sm.describe_secret(SecretId=name)


def test_whoever_rotates_a_secret_needs_leave_to_invoke_the_function(sm, name):
    function = new_function("strongroom/generic")
    sm.create_secret(Name=name, SecretString="first")
    iam, user = client("iam"), f"rotates-{uuid.uuid4().hex[:12]}"
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    session = boto3.session.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    limited = session.client("secretsmanager")
    leave = {"Effect": "Allow", "Action": ["secretsmanager:RotateSecret"], "Resource": "*"}
    iam.put_user_policy(UserName=user, PolicyName="rotates", PolicyDocument=policy(leave))
    asked = {"SecretId": name, "RotationLambdaARN": function, "RotationRules": {"AutomaticallyAfterDays": 7}}
    code, text = refused(limited.rotate_secret, **asked)
    assert code == "AccessDeniedException" and "lambda:InvokeFunction" in text
    assert "RotationEnabled" not in sm.describe_secret(SecretId=name)
    leave["Action"].append("lambda:InvokeFunction")
    iam.put_user_policy(UserName=user, PolicyName="rotates", PolicyDocument=policy(leave))
    rotated(sm, name, limited.rotate_secret(**asked)["VersionId"])


def test_a_rotation_token_is_good_for_its_own_version_alone(sm, name):
    sm.create_secret(Name=name, SecretString="first")
    code, _ = refused(
        sm.put_secret_value,
        SecretId=name,
        SecretString="x",
        ClientRequestToken=str(uuid.uuid4()),
        RotationToken="0" * 64,
    )
    assert code == "InvalidParameterException"


def test_the_trail_and_listings_know_rotation(sm, name):
    function = new_function("strongroom/generic")
    sm.create_secret(Name=name, SecretString="first")
    made = sm.rotate_secret(SecretId=name, RotationLambdaARN=function, RotationRules={"AutomaticallyAfterDays": 7})
    rotated(sm, name, made["VersionId"])
    listed = sm.list_secrets(Filters=[{"Key": "name", "Values": [name]}])["SecretList"][0]
    assert listed["RotationEnabled"] is True and listed["RotationRules"] == {"AutomaticallyAfterDays": 7}
    assert listed["LastRotatedDate"] <= listed["NextRotationDate"]
    assert client("lambda").get_policy(FunctionName=function)["Policy"]
