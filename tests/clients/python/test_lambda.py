"""Lambda: functions, their code, versions, aliases, policies, tags and concurrency."""

import base64
import hashlib
import json

import pytest

import functions
from functions import refused


@pytest.fixture(scope="module")
def lam():
    return functions.make("lambda")


@pytest.fixture(scope="module")
def role():
    iam = functions.make("iam")
    name = "lambda-" + hashlib.sha256(str(id(iam)).encode()).hexdigest()[:12]
    arn = functions.make_role(iam, name)
    yield arn
    iam.delete_role(RoleName=name)


@pytest.fixture
def name(prefix):
    return prefix.replace("/", "-") + "f"


@pytest.fixture
def function(lam, name, role):
    """A function: the answer of CreateFunction."""
    made = lam.create_function(
        FunctionName=name, Runtime="python3.13", Role=role, Handler="index.handler",
        Code={"ZipFile": functions.package()}, Description="first", Environment={"Variables": {"KEY": "value"}},
        Tags={"team": "blue"},
    )
    yield made
    try:
        lam.delete_function(FunctionName=name)
    except lam.exceptions.ResourceNotFoundException:
        pass


def test_a_function_is_made_and_read(lam, function, name, role, account):
    assert function["ResponseMetadata"]["HTTPStatusCode"] == 201
    arn = f"arn:aws:lambda:{lam.meta.region_name}:{account}:function:{name}"
    zipped = functions.package()
    assert function["FunctionArn"] == arn
    assert function["Version"] == "$LATEST"
    assert function["CodeSha256"] == base64.b64encode(hashlib.sha256(zipped).digest()).decode()
    assert function["CodeSize"] == len(zipped)
    assert (function["Timeout"], function["MemorySize"], function["Runtime"]) == (3, 128, "python3.13")
    assert function["Environment"] == {"Variables": {"KEY": "value"}}
    got = lam.get_function(FunctionName=name)
    assert got["Configuration"]["FunctionArn"] == arn
    assert got["Configuration"]["Role"] == role
    assert got["Tags"] == {"team": "blue"}
    for called in [arn, f"{account}:function:{name}", f"function:{name}"]:
        assert lam.get_function_configuration(FunctionName=called)["RevisionId"] == function["RevisionId"]
    latest = lam.get_function_configuration(FunctionName=name, Qualifier="$LATEST")
    assert latest["FunctionArn"] == arn + ":$LATEST"
    assert name in [one["FunctionName"] for page in lam.get_paginator("list_functions").paginate()
                    for one in page["Functions"]]
    lam.get_waiter("function_active_v2").wait(FunctionName=name)


def test_refusals_of_creation(lam, function, name, role, prefix):
    wanted = {"FunctionName": name, "Runtime": "python3.13", "Role": role, "Handler": "i.h",
              "Code": {"ZipFile": functions.package()}}
    assert refused(lam.create_function, **wanted) == (
        409, "ResourceConflictException", f"Function already exist: {name}")
    wanted["FunctionName"] = name + "2"
    told = refused(lam.create_function, **{**wanted, "Code": {"ZipFile": b"no zip"}})
    assert told == (400, "InvalidParameterValueException",
                    "Could not unzip uploaded file. Please check your file, then try to upload again.")
    cannot = (400, "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")
    assert refused(lam.create_function, **{**wanted, "Role": role + "x"}) == cannot
    iam = functions.make("iam")
    other = functions.make_role(iam, name + "other", "ec2.amazonaws.com")
    assert refused(lam.create_function, **{**wanted, "Role": other}) == cannot
    iam.delete_role(RoleName=name + "other")
    status, code, text = refused(lam.create_function, **{**wanted, "FunctionName": "a b"})
    assert (status, code) == (400, "ValidationException")
    assert text.startswith("1 validation error detected: Value 'a b' at 'functionName' failed to satisfy constraint: ")
    status, code, text = refused(lam.create_function, **{**wanted, "Environment": {"Variables": {"AWS_REGION": "x"}}})
    assert code == "InvalidParameterValueException" and text.endswith("AWS_REGION")
    foreign = role.replace(role.split(":")[4], "210987654321")
    assert refused(lam.create_function, **{**wanted, "Role": foreign})[:2] == (403, "AccessDeniedException")
    status, code, _ = refused(lam.get_function, FunctionName=wanted["FunctionName"])
    assert (status, code) == (404, "ResourceNotFoundException")


def test_what_is_not_there(lam, account):
    arn = f"arn:aws:lambda:{lam.meta.region_name}:{account}:function:absent"
    absent = (404, "ResourceNotFoundException", f"Function not found: {arn}")
    for call in [lam.get_function, lam.get_policy, lam.delete_function, lam.invoke, lam.get_function_concurrency,
                 lam.update_function_configuration, lam.publish_version]:
        assert refused(call, FunctionName="absent") == absent
    assert refused(lam.get_function, FunctionName="absent", Qualifier="7")[2] == f"Function not found: {arn}:7"


def test_permissions(lam, function, name, account):
    arn = function["FunctionArn"]
    assert refused(lam.get_policy, FunctionName=name) == (
        404, "ResourceNotFoundException", "The resource you requested does not exist.")
    secret = f"arn:aws:secretsmanager:{lam.meta.region_name}:{account}:secret:db"
    added = lam.add_permission(
        FunctionName=name, StatementId="rotation", Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com", SourceAccount=account, SourceArn=secret,
    )
    assert added["ResponseMetadata"]["HTTPStatusCode"] == 201
    statement = {
        "Sid": "rotation", "Effect": "Allow", "Principal": {"Service": "secretsmanager.amazonaws.com"},
        "Action": "lambda:InvokeFunction", "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceAccount": account}, "ArnLike": {"AWS:SourceArn": secret}},
    }
    assert json.loads(added["Statement"]) == statement
    got = lam.get_policy(FunctionName=name)
    assert json.loads(got["Policy"]) == {"Version": "2012-10-17", "Id": "default", "Statement": [statement]}
    again = {"FunctionName": name, "StatementId": "rotation", "Action": "lambda:InvokeFunction"}
    assert refused(lam.add_permission, **again, Principal=account)[:2] == (409, "ResourceConflictException")
    again["StatementId"] = "two"
    assert refused(lam.add_permission, **again, Principal="nobody")[1] == "InvalidParameterValueException"
    assert refused(lam.add_permission, **again, Principal=account, RevisionId="x")[:2] == (
        412, "PreconditionFailedException")
    lam.add_permission(**again, Principal="210987654321")
    statements = json.loads(lam.get_policy(FunctionName=name)["Policy"])["Statement"]
    assert statements[1]["Principal"] == {"AWS": "arn:aws:iam::210987654321:root"}
    for sid in ["rotation", "two"]:
        assert lam.remove_permission(FunctionName=name, StatementId=sid)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refused(lam.remove_permission, FunctionName=name, StatementId="two")[:2] == (
        404, "ResourceNotFoundException")


def test_a_policy_has_a_greatest_length(lam, function, name):
    wanted = {"FunctionName": name, "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    for at in range(200):
        try:
            lam.add_permission(**wanted, StatementId=f"{at:0100}")
        except lam.exceptions.PolicyLengthExceededException as error:
            assert "is bigger than the limit (20480)." in str(error)
            break
    else:
        raise AssertionError("no end")


def test_code_and_configuration_change(lam, function, name):
    other = functions.package({"index.py": "def handler(event, context):\n    return 7\n"})
    assert lam.update_function_code(FunctionName=name, ZipFile=other, DryRun=True)["CodeSize"] == len(other)
    assert lam.get_function_configuration(FunctionName=name)["CodeSha256"] == function["CodeSha256"]
    changed = lam.update_function_code(FunctionName=name, ZipFile=other)
    assert changed["CodeSha256"] == base64.b64encode(hashlib.sha256(other).digest()).decode()
    assert refused(lam.update_function_code, FunctionName=name, ZipFile=other, RevisionId=function["RevisionId"])[:2] == (
        412, "PreconditionFailedException")
    changed = lam.update_function_configuration(
        FunctionName=name, Timeout=60, MemorySize=256, Environment={"Variables": {"A_B": "1"}}, Description="")
    assert (changed["Timeout"], changed["MemorySize"], changed["Description"]) == (60, 256, "")
    assert changed["Environment"]["Variables"] == {"A_B": "1"}
    assert changed["Handler"] == "index.handler", "what is not given stays"
    assert refused(lam.update_function_configuration, FunctionName=name, Timeout=901)[1] == "ValidationException"
    lam.get_waiter("function_updated_v2").wait(FunctionName=name)


def test_a_large_package(lam, name, role):
    large = functions.package({f"f{at}.bin": hashlib.sha256(str(at).encode()).hexdigest() * 100 for at in range(800)})
    assert len(large) > 100_000
    lam.create_function(FunctionName=name, Runtime="python3.13", Role=role, Handler="i.h",
                        Code={"ZipFile": large})
    assert lam.get_function_configuration(FunctionName=name)["CodeSize"] == len(large)
    lam.delete_function(FunctionName=name)


def test_versions_and_aliases(lam, function, name):
    arn = function["FunctionArn"]
    one = lam.publish_version(FunctionName=name, Description="one")
    assert (one["Version"], one["FunctionArn"]) == ("1", arn + ":1")
    assert lam.publish_version(FunctionName=name, Description="one")["Version"] == "1", "nothing has changed"
    lam.update_function_configuration(FunctionName=name, Timeout=9)
    assert lam.publish_version(FunctionName=name)["Version"] == "2"
    assert [one["Version"] for one in lam.list_versions_by_function(FunctionName=name)["Versions"]] == [
        "$LATEST", "1", "2"]
    first = lam.list_versions_by_function(FunctionName=name, MaxItems=2)
    assert [one["Version"] for one in lam.list_versions_by_function(
        FunctionName=name, Marker=first["NextMarker"])["Versions"]] == ["2"]
    alias = lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    assert (alias["AliasArn"], alias["FunctionVersion"]) == (arn + ":live", "1")
    assert refused(lam.create_alias, FunctionName=name, Name="live", FunctionVersion="1") == (
        409, "ResourceConflictException", f"Alias already exists: {arn}:live")
    assert refused(lam.create_alias, FunctionName=name, Name="new", FunctionVersion="7")[:2] == (
        404, "ResourceNotFoundException")
    assert lam.get_function(FunctionName=name, Qualifier="live")["Configuration"]["Timeout"] == 3
    assert refused(lam.delete_function, FunctionName=name, Qualifier="1")[:2] == (409, "ResourceConflictException")
    changed = lam.update_alias(FunctionName=name, Name="live", FunctionVersion="2",
                               RoutingConfig={"AdditionalVersionWeights": {"1": 0.25}})
    assert changed["RoutingConfig"] == {"AdditionalVersionWeights": {"1": 0.25}}
    assert lam.get_alias(FunctionName=name, Name="live")["FunctionVersion"] == "2"
    assert [one["Name"] for one in lam.list_aliases(FunctionName=name)["Aliases"]] == ["live"]
    lam.add_permission(FunctionName=name, Qualifier="live", StatementId="s", Action="lambda:InvokeFunction",
                       Principal="secretsmanager.amazonaws.com")
    policy = json.loads(lam.get_policy(FunctionName=name, Qualifier="live")["Policy"])
    assert policy["Statement"][0]["Resource"] == arn + ":live"
    assert refused(lam.get_policy, FunctionName=name)[1] == "ResourceNotFoundException"
    assert lam.delete_alias(FunctionName=name, Name="live")["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refused(lam.get_alias, FunctionName=name, Name="live") == (
        404, "ResourceNotFoundException", f"Cannot find alias arn: {arn}:live")
    lam.delete_function(FunctionName=name, Qualifier="1")
    assert refused(lam.get_function, FunctionName=name, Qualifier="1")[1] == "ResourceNotFoundException"


def test_tags_and_concurrency(lam, function, name):
    arn = function["FunctionArn"]
    lam.tag_resource(Resource=arn, Tags={"stage": "test", "team": "red"})
    assert lam.list_tags(Resource=arn)["Tags"] == {"team": "red", "stage": "test"}
    lam.untag_resource(Resource=arn, TagKeys=["stage", "absent"])
    assert lam.list_tags(Resource=arn)["Tags"] == {"team": "red"}
    assert "ReservedConcurrentExecutions" not in lam.get_function_concurrency(FunctionName=name)
    assert lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)[
        "ReservedConcurrentExecutions"] == 0
    assert lam.get_function(FunctionName=name)["Concurrency"] == {"ReservedConcurrentExecutions": 0}
    assert refused(lam.invoke, FunctionName=name)[:2] == (429, "TooManyRequestsException")
    lam.delete_function_concurrency(FunctionName=name)
    assert "Concurrency" not in lam.get_function(FunctionName=name)


def test_what_infrastructure_tools_read_besides(lam, function, name):
    assert lam.get_function_code_signing_config(FunctionName=name)["CodeSigningConfigArn"] == ""
    assert lam.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Allow"
    assert lam.get_runtime_management_config(FunctionName=name)["UpdateRuntimeOn"] == "Auto"
    assert lam.get_account_settings()["AccountUsage"]["FunctionCount"] >= 1


def test_events_are_checked_before_anything_runs(lam, function, name):
    dry = lam.invoke(FunctionName=name, InvocationType="DryRun")
    assert dry["StatusCode"] == 204
    assert refused(lam.invoke, FunctionName=name, Payload=b"{no json")[:2] == (400, "InvalidRequestContentException")
    assert refused(lam.invoke, FunctionName=name, InvocationType="Event", Payload=b'"' + b"a" * 1048576 + b'"')[:2] in (
        [(413, "RequestTooLargeException"), (413, "RequestEntityTooLargeException")])


def test_native_packages_need_no_zip(lam, name, role):
    made = lam.create_function(FunctionName=name, Runtime="provided.al2023", Role=role,
                               Handler="strongroom/postgresql-single-user", Code={"ZipFile": b"-"})
    assert made["Handler"] == "strongroom/postgresql-single-user"
    assert lam.delete_function(FunctionName=name)["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_who_may_not(lam, function, name, prefix):
    iam = functions.make("iam")
    user = prefix.replace("/", "-") + "u"
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    import boto3
    session = boto3.session.Session(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"],
                                    region_name=lam.meta.region_name)
    poor = session.client("lambda")
    status, code, text = refused(poor.invoke, FunctionName=name)
    assert (status, code) == (403, "AccessDeniedException")
    assert text.endswith(f"is not authorized to perform: lambda:InvokeFunction on resource: {function['FunctionArn']} "
                         "because no identity-based policy allows the lambda:InvokeFunction action")
    lam.add_permission(FunctionName=name, StatementId="user", Action="lambda:InvokeFunction",
                       Principal=iam.get_user(UserName=user)["User"]["Arn"])
    assert poor.invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}]}
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps(policy))
    told = refused(poor.create_function, FunctionName=name + "2", Runtime="python3.13", Handler="i.h",
                   Role=function["Role"], Code={"ZipFile": functions.package()})
    assert told[:2] == (403, "AccessDeniedException") and "iam:PassRole" in told[2]
    iam.delete_user_policy(UserName=user, PolicyName="p")
    iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=user)
