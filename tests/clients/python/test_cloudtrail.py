"""CloudTrail's event history by unchanged clients: what was done is found by every attribute, page by page, by its own account
alone."""

import datetime
import json
import time
import uuid

import boto3
import botocore.config
import botocore.exceptions
import pytest

import conftest
import servers
import shapes
from roles import client, policy, trust
from rotation import until

ACCOUNT = "111122223333"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = servers.Server(servers.binary(), tmp_path_factory.mktemp("trail"), f'[account]\nid = "{ACCOUNT}"\n')
    server.start()
    yield server
    server.stop()


def cloudtrail(server, key=None, **options):
    """A client whose answers are held against the model."""
    key = key or server.key()
    settings = {"retries": {"total_max_attempts": 1}, **options}
    made = boto3.session.Session().client(
        "cloudtrail", region_name=conftest.REGION, config=botocore.config.Config(**settings), endpoint_url=server.url,
        aws_access_key_id=key.get("AccessKeyId"), aws_secret_access_key=key.get("SecretAccessKey"),
        aws_session_token=key.get("SessionToken"))
    made.meta.events.register("after-call.cloudtrail", shapes.check_answer)
    return made


@pytest.fixture(scope="module")
def trail(server):
    return cloudtrail(server)


@pytest.fixture(scope="module")
def done(server):
    """A user who has read one secret and was refused another, and the ARN of the secret."""
    sm, iam = client("secretsmanager", server.key(), server.url), client("iam", server.key(), server.url)
    arn = sm.create_secret(Name="shop/db", SecretString="v")["ARN"]
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=policy("secretsmanager:GetSecretValue"))
    alice = client("secretsmanager", key, server.url)
    for _ in range(7):
        alice.get_secret_value(SecretId="shop/db")
    with pytest.raises(botocore.exceptions.ClientError):
        alice.delete_secret(SecretId="shop/db")
    # Records of changes are moved to the trail behind them.
    for name in ["CreateSecret", "CreateUser", "CreateAccessKey", "PutUserPolicy"]:
        until(lambda: found(cloudtrail(server), "EventName", name))
    return {"arn": arn, "key": key}


def found(trail, key=None, value=None, **more):
    attributes = [{"AttributeKey": key, "AttributeValue": value}] if key else []
    pages = trail.get_paginator("lookup_events").paginate(LookupAttributes=attributes, **more)
    return [event for page in pages for event in page["Events"]]


def code(call, **members):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        call(**members)
    return refused.value.response["Error"]["Code"]


def test_events_are_found_by_each_attribute(trail, done):
    reads = found(trail, "EventName", "GetSecretValue")
    assert len(reads) == 7
    event = reads[0]
    assert event["Username"] == "alice" and event["EventSource"] == "secretsmanager.amazonaws.com"
    assert event["ReadOnly"] == "true" and event["AccessKeyId"] == done["key"]["AccessKeyId"]
    assert {"ResourceType": "AWS::SecretsManager::Secret", "ResourceName": done["arn"]} in event["Resources"]
    record = json.loads(event["CloudTrailEvent"])
    assert record["eventID"] == event["EventId"] and record["recipientAccountId"] == ACCOUNT
    assert abs(event["EventTime"].timestamp() - time.time()) < 300
    for key, value, count in [
        ("EventId", event["EventId"], 1),
        ("Username", "alice", 8),
        ("AccessKeyId", done["key"]["AccessKeyId"], 8),
        ("ResourceName", done["arn"], 8),
        ("ResourceName", "shop/db", 9),
    ]:
        assert len(found(trail, key, value)) == count, (key, value)
    for key, value, one in [
        ("ReadOnly", "false", "CreateUser"),
        ("EventSource", "iam.amazonaws.com", "CreateAccessKey"),
        ("ResourceType", "AWS::SecretsManager::Secret", "CreateSecret"),
    ]:
        names = {event["EventName"] for event in found(trail, key, value)}
        assert one in names and ("GetSecretValue" in names) == (key == "ResourceType"), (key, names)
    # A refused request is one too.
    refused = [event for event in found(trail, "EventName", "DeleteSecret")]
    assert [json.loads(event["CloudTrailEvent"])["errorCode"] for event in refused] == ["AccessDeniedException"]
    assert found(trail, "EventName", "NoSuchName") == [] and found(trail, "EventId", str(uuid.uuid4())) == []


def test_pages_hold_all_events_once_and_the_newest_first(trail, done):
    one = found(trail, "Username", "alice")
    paged = found(trail, "Username", "alice", PaginationConfig={"PageSize": 3})
    assert [event["EventId"] for event in paged] == [event["EventId"] for event in one]
    times = [event["EventTime"] for event in found(trail)]
    assert times == sorted(times, reverse=True)
    newest = times[0]
    before = found(trail, "Username", "alice", EndTime=newest - datetime.timedelta(hours=1))
    assert before == [] and len(found(trail, "Username", "alice", StartTime=newest - datetime.timedelta(hours=1))) == 8
    # The lookups themselves are recorded.
    assert found(trail, "EventName", "LookupEvents")


def test_what_is_asked_wrongly_is_refused_by_cloudtrails_errors(server, trail, done):
    loose = cloudtrail(server, parameter_validation=False)
    lookup = loose.lookup_events
    now = datetime.datetime.now(datetime.timezone.utc)
    attribute = {"AttributeKey": "EventName", "AttributeValue": "GetSecretValue"}
    for number in (0, 51, -1):
        assert code(lookup, MaxResults=number) == "InvalidMaxResultsException"
    for attributes in (
        [attribute, attribute],
        [{"AttributeKey": "Region", "AttributeValue": "x"}],
        [{"AttributeKey": "EventName", "AttributeValue": ""}],
        [{"AttributeKey": "ReadOnly", "AttributeValue": "maybe"}],
    ):
        assert code(lookup, LookupAttributes=attributes) == "InvalidLookupAttributesException", attributes
    assert code(lookup, StartTime=now, EndTime=now - datetime.timedelta(days=1)) == "InvalidTimeRangeException"
    assert code(lookup, EventCategory="other") == "InvalidEventCategoryException"
    assert trail.lookup_events(EventCategory="insight")["Events"] == []
    token = trail.lookup_events(LookupAttributes=[attribute], MaxResults=2)["NextToken"]
    assert len(trail.lookup_events(LookupAttributes=[attribute], NextToken=token)["Events"]) == 5
    for other in ({"NextToken": token}, {"NextToken": token[:-2] + "AA", "LookupAttributes": [attribute]}, {"NextToken": "x"}):
        assert code(lookup, **other) == "InvalidNextTokenException"


def test_policies_decide_who_looks_up_and_nobody_sees_another_accounts_events(server, trail, done):
    assert code(cloudtrail(server, done["key"]).lookup_events) == "AccessDeniedException"
    iam = client("iam", server.key(), server.url)
    iam.create_user(UserName="auditor")
    key = iam.create_access_key(UserName="auditor")["AccessKey"]
    iam.put_user_policy(UserName="auditor", PolicyName="p", PolicyDocument=policy("cloudtrail:LookupEvents"))
    auditor = cloudtrail(server, key)
    assert len(found(auditor, "EventName", "GetSecretValue")) == 7
    assert code(auditor.get_trail_status, Name="strongroom") == "AccessDeniedException"
    # A role's session is known by its name.
    arn = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust(AWS=f"arn:aws:iam::{ACCOUNT}:user/auditor"))["Role"]["Arn"]
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=policy("cloudtrail:*"))
    iam.put_user_policy(UserName="auditor", PolicyName="q", PolicyDocument=policy("sts:AssumeRole"))
    session = client("sts", key, server.url).assume_role(RoleArn=arn, RoleSessionName="night-shift")["Credentials"]
    cloudtrail(server, session).describe_trails()
    assert [event["EventName"] for event in found(trail, "Username", "night-shift")] == ["DescribeTrails"]


def test_another_account_sees_its_own_events_alone(server, trail, done):
    server.stop()
    server.run("account", "create", "--account", "444455556666")
    server.start()
    trail = cloudtrail(server)
    other = cloudtrail(server, server.key("444455556666"))
    other.list_trails()
    assert {event["EventName"] for event in found(other)} <= {"ListTrails", "LookupEvents"}
    assert found(other, "Username", "alice") == []
    assert len(found(trail, "EventName", "GetSecretValue")) == 7, "also after a restart"


def test_the_trail_is_described_as_it_is(server, done):
    trail = cloudtrail(server)
    arn = f"arn:aws:cloudtrail:{conftest.REGION}:{ACCOUNT}:trail/strongroom"
    described = trail.describe_trails()["trailList"]
    assert [one["TrailARN"] for one in described] == [arn] and described[0]["LogFileValidationEnabled"]
    assert trail.describe_trails(trailNameList=["another"])["trailList"] == []
    assert [one["TrailARN"] for one in trail.list_trails()["Trails"]] == [arn]
    assert trail.get_trail(Name=arn)["Trail"]["Name"] == "strongroom"
    selectors = trail.get_event_selectors(TrailName="strongroom")["EventSelectors"]
    assert selectors[0]["ReadWriteType"] == "All" and selectors[0]["IncludeManagementEvents"]
    status = trail.get_trail_status(Name="strongroom")
    assert status["IsLogging"] and abs(status["LatestDeliveryTime"].timestamp() - time.time()) < 300
    assert status["StartLoggingTime"] <= status["LatestDeliveryTime"]
    assert code(trail.get_trail, Name="another") == "TrailNotFoundException"
    assert code(trail.get_trail_status, Name="a b") == "InvalidTrailNameException"
    assert code(trail.get_event_selectors, TrailName="arn:aws:s3:::x") == "CloudTrailARNInvalidException"
