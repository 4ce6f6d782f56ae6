"""Managed external secrets through boto3: types, metadata and roles, and rotation over the API of a partner, here a GitLab
made from its public documentation."""

import http.server
import json
import threading
import uuid

import boto3
import botocore.exceptions
import pytest

from conftest import REGION
from rotation import client, new_function, new_partner_role, policy, rotated, until

KIND = "GitLabAccessToken"


def refused(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


class GitLab(http.server.BaseHTTPRequestHandler):
    """A personal access token that rotates itself."""

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def known(self):
        return self.headers.get("Private-Token") == self.server.token

    def do_POST(self):
        self.server.asked.append(self.path)
        if not self.known():
            return self.answer(401, {"message": "401 Unauthorized"})
        assert self.path == "/api/v4/personal_access_tokens/self/rotate"
        self.server.number += 1
        self.server.token = f"glpat-{uuid.uuid4().hex}"
        return self.answer(200, {"id": self.server.number, "token": self.server.token, "active": True})

    def do_GET(self):
        self.server.asked.append(self.path)
        if not self.known():
            return self.answer(401, {"message": "401 Unauthorized"})
        return self.answer(200, {"id": self.server.number, "active": True})


@pytest.fixture
def gitlab():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), GitLab)
    server.number, server.token, server.asked = 1, "glpat-first", []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def value_of(gitlab):
    return json.dumps({"token": gitlab.token, "tokenId": str(gitlab.number), "gitlabUrl": gitlab.url})


def test_a_partner_s_token_is_rotated_with_the_role_s_rights(sm, name, gitlab):
    sm.create_secret(Name=name, Type=KIND, SecretString=value_of(gitlab))
    role = new_partner_role(KIND)
    made = sm.rotate_secret(
        SecretId=name,
        ExternalSecretRotationRoleArn=role,
        ExternalSecretRotationMetadata=[{"Key": "daysToExpiry", "Value": "30"}],
        RotationRules={"ScheduleExpression": "rate(30 days)"},
    )
    described = rotated(sm, name, made["VersionId"])
    assert described["Type"] == KIND
    assert described["ExternalSecretRotationRoleArn"] == role
    assert described["ExternalSecretRotationMetadata"] == [{"Key": "daysToExpiry", "Value": "30"}]
    assert described["RotationEnabled"] is True and "RotationLambdaARN" not in described
    value = json.loads(sm.get_secret_value(SecretId=name)["SecretString"])
    assert value == {"token": gitlab.token, "tokenId": "2", "gitlabUrl": gitlab.url}
    assert gitlab.token != "glpat-first"
    [listed] = sm.list_secrets(Filters=[{"Key": "name", "Values": [name]}])["SecretList"]
    assert (listed["Type"], listed["ExternalSecretRotationRoleArn"]) == (KIND, role)
    assert listed["ExternalSecretRotationMetadata"] == described["ExternalSecretRotationMetadata"]
    # Again, with what is configured.
    made = sm.rotate_secret(SecretId=name)
    rotated(sm, name, made["VersionId"])
    assert json.loads(sm.get_secret_value(SecretId=name)["SecretString"])["token"] == gitlab.token
    assert gitlab.number == 3


def test_a_partner_that_refuses_leaves_the_secret_as_it_was(sm, name, gitlab):
    sm.create_secret(Name=name, Type=KIND, SecretString=value_of(gitlab))
    gitlab.token = "another"
    made = sm.rotate_secret(SecretId=name, ExternalSecretRotationRoleArn=new_partner_role(KIND))
    until(lambda: gitlab.asked)
    described = sm.describe_secret(SecretId=name)
    assert described["VersionIdsToStages"][made["VersionId"]] == ["AWSPENDING"]
    assert json.loads(sm.get_secret_value(SecretId=name)["SecretString"])["token"] == "glpat-first"
    assert refused(sm.rotate_secret, SecretId=name) == (
        "InvalidRequestException",
        "A previous rotation isn't complete. That rotation will be reattempted.",
    )


def test_a_role_without_leave_reads_nothing(sm, name, gitlab):
    sm.create_secret(Name=name, Type=KIND, SecretString=value_of(gitlab))
    made = sm.rotate_secret(SecretId=name, ExternalSecretRotationRoleArn=new_partner_role("JenkinsApiToken"))
    with pytest.raises(AssertionError):
        until(lambda: gitlab.asked, seconds=3)
    described = sm.describe_secret(SecretId=name)
    assert described["VersionIdsToStages"][made["VersionId"]] == ["AWSPENDING"] and "LastRotatedDate" not in described


def test_what_cannot_be_rotated_is_refused(sm, name, gitlab):
    role = new_partner_role(KIND)
    code, text = refused(sm.create_secret, Name=name, Type="NoSuchPartner", SecretString="{}")
    assert code == "InvalidParameterException" and '"NoSuchPartner"' in text and KIND in text
    code, text = refused(sm.create_secret, Name=name, Type=KIND, SecretString='{"token": "t"}')
    assert (code, text) == (
        "InvalidParameterException",
        "tokenId key is missing from secret JSON of type GitLabAccessToken.",
    )
    code, text = refused(sm.create_secret, Name=name, Type=KIND, SecretBinary=b"{}")
    assert (code, text) == (
        "InvalidParameterException",
        "The value of a secret of type GitLabAccessToken must be a SecretString.",
    )
    sm.create_secret(Name=name, SecretString="plain")
    code, text = refused(sm.rotate_secret, SecretId=name, ExternalSecretRotationRoleArn=role)
    assert code == "InvalidRequestException" and text.endswith("This secret has no Type.")
    code, text = refused(sm.update_secret, SecretId=name, Type="NoSuchPartner")
    assert code == "InvalidParameterException"
    sm.update_secret(SecretId=name, Type="PaddleApiKey")
    assert sm.describe_secret(SecretId=name)["Type"] == "PaddleApiKey"
    code, text = refused(sm.rotate_secret, SecretId=name, ExternalSecretRotationRoleArn=role)
    assert code == "InvalidParameterException"
    assert text.startswith("Secrets of type PaddleApiKey are not rotated here: supported are ") and KIND in text
    code, text = refused(sm.put_secret_value, SecretId=name, SecretString="{}")
    assert text == "api_key key is missing from secret JSON of type PaddleApiKey."


def test_metadata_and_roles_are_checked(sm, name, gitlab):
    sm.create_secret(Name=name, Type=KIND, SecretString=value_of(gitlab))
    role = new_partner_role(KIND)
    call = {"SecretId": name, "ExternalSecretRotationRoleArn": role}

    def said(**more):
        return refused(sm.rotate_secret, **{**call, **more})

    assert refused(sm.rotate_secret, SecretId=name) == (
        "InvalidRequestException",
        "You must specify ExternalSecretRotationRoleArn to rotate a managed external secret.",
    )
    code, text = said(ExternalSecretRotationMetadata=[{"Key": "color", "Value": "red"}])
    assert code == "InvalidParameterException" and text.startswith("color is no rotation metadata of a secret of type")
    code, text = said(ExternalSecretRotationMetadata=[{"Key": "daysToExpiry", "Value": "0"}])
    assert code == "InvalidParameterException" and "daysToExpiry" in text
    twice = [{"Key": "daysToExpiry", "Value": "7"}, {"Key": "daysToExpiry", "Value": "8"}]
    assert said(ExternalSecretRotationMetadata=twice)[0] == "InvalidParameterException"
    code, text = said(RotationLambdaARN=new_function("strongroom/generic"))
    assert code == "InvalidParameterException" and "RotationLambdaARN together with" in text
    code, text = said(ExternalSecretRotationRoleArn=new_partner_role(KIND, source="999999999999"))
    assert code == "InvalidParameterException" and "can't assume the role" in text
    code, text = said(ExternalSecretRotationRoleArn=role.replace("partner-", "nobody-"))
    assert code == "InvalidParameterException" and "can't assume the role" in text
    assert "RotationEnabled" not in sm.describe_secret(SecretId=name)
    assert gitlab.asked == []


def test_the_caller_must_be_allowed_to_pass_the_role(sm, name, gitlab):
    arn = sm.create_secret(Name=name, Type=KIND, SecretString=value_of(gitlab))["ARN"]
    role = new_partner_role(KIND)
    iam, user = client("iam"), f"operator-{uuid.uuid4().hex[:12]}"
    iam.create_user(UserName=user)
    leave = {"Effect": "Allow", "Action": "secretsmanager:RotateSecret", "Resource": arn}
    iam.put_user_policy(UserName=user, PolicyName="rotates", PolicyDocument=policy(leave))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    session = boto3.session.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    operator = session.client("secretsmanager")
    code, text = refused(operator.rotate_secret, SecretId=arn, ExternalSecretRotationRoleArn=role)
    assert code == "AccessDeniedException" and "iam:PassRole" in text
    condition = {"StringEquals": {"iam:PassedToService": "secretsmanager.amazonaws.com"}}
    may = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role, "Condition": condition}
    iam.put_user_policy(UserName=user, PolicyName="passes", PolicyDocument=policy(may))
    made = operator.rotate_secret(SecretId=arn, ExternalSecretRotationRoleArn=role)
    rotated(sm, name, made["VersionId"])


def test_a_function_takes_the_partner_s_place(sm, name, gitlab):
    sm.create_secret(Name=name, Type=KIND, SecretString=value_of(gitlab))
    sm.rotate_secret(SecretId=name, ExternalSecretRotationRoleArn=new_partner_role(KIND), RotateImmediately=False)
    until(lambda: "AWSPENDING" not in json.dumps(sm.describe_secret(SecretId=name)["VersionIdsToStages"]))
    assert [path for path in gitlab.asked if path.endswith("/rotate")] == []
    code, text = refused(sm.update_secret, SecretId=name, Type="")
    assert code == "InvalidRequestException" and text.startswith("You can't remove the Type")
    function = new_function("strongroom/generic")
    sm.rotate_secret(SecretId=name, RotationLambdaARN=function, RotateImmediately=False)
    described = sm.describe_secret(SecretId=name)
    assert described["RotationLambdaARN"] == function and "ExternalSecretRotationRoleArn" not in described
