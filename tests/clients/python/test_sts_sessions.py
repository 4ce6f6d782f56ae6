"""Sessions of STS: roles and their chains, sessions with MFA, federated users, and what ends them."""

import base64
import datetime
import hashlib
import hmac
import json
import re
import struct
import time

import pytest

from checks import refused
from roles import assume, client, make_iam, pairs, policy, record_of, trust, trusting

NO_KEY = "The security token included in the request is invalid"


def code(seed, step):
    tag = hmac.new(base64.b32decode(seed), struct.pack(">q", step), hashlib.sha1).digest()
    offset = tag[-1] & 15
    return f"{(struct.unpack('>I', tag[offset:offset + 4])[0] & 0x7FFFFFFF) % 1000000:06}"


@pytest.fixture(scope="module")
def iam():
    return make_iam()


@pytest.fixture(scope="module")
def account():
    return client("sts").get_caller_identity()["Account"]


@pytest.fixture
def mark(prefix):
    """A word that belongs to one test."""
    return prefix.rstrip("/")


@pytest.fixture
def user(iam, mark):
    """A user without permissions: its description, and its key."""
    made = iam.create_user(UserName=mark)["User"]
    return made, iam.create_access_key(UserName=mark)["AccessKey"]


@pytest.fixture
def make_role(iam, mark):
    """Makes a role that may do `allowed`: its description."""
    def make(document, allowed=policy("secretsmanager:*"), name="role", **options):
        made = iam.create_role(RoleName=f"{mark}-{name}", AssumeRolePolicyDocument=document, **options)["Role"]
        if allowed:
            iam.put_role_policy(RoleName=made["RoleName"], PolicyName="may", PolicyDocument=allowed)
        return made
    return make


def test_a_session_of_a_role_reads_a_secret(user, make_role, secret, name):
    role = make_role(trusting(user[0]["Arn"]))
    answer = assume(user[1], role)
    arn = role["Arn"].replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/session"
    assert answer["AssumedRoleUser"] == {"AssumedRoleId": f"{role['RoleId']}:session", "Arn": arn}
    key = answer["Credentials"]
    assert key["AccessKeyId"].startswith("ASIA")
    ends = key["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert abs(ends.total_seconds() - 3600) < 120
    shown = client("sts", key).get_caller_identity()
    assert (shown["Arn"], shown["UserId"]) == (arn, f"{role['RoleId']}:session")
    assert client("secretsmanager", key).get_secret_value(SecretId=name)["SecretString"] == "first"
    with refused("AccessDeniedException"):
        client("secretsmanager", user[1]).get_secret_value(SecretId=name)
    with refused("UnrecognizedClientException", NO_KEY + "."):
        client("secretsmanager", {**key, "SessionToken": key["SessionToken"][:-8] + "AAAAAAAA"}).list_secrets()
    record = record_of(answer["ResponseMetadata"]["RequestId"])
    assert record["responseElements"]["credentials"]["accessKeyId"] == key["AccessKeyId"]
    assert key["SecretAccessKey"] not in json.dumps(record)


def test_an_external_id(user, make_role):
    role = make_role(trusting(user[0]["Arn"], StringEquals={"sts:ExternalId": "right"}))
    assume(user[1], role, ExternalId="right")
    for wrong in ({}, {"ExternalId": "wrong"}):
        with refused("AccessDenied", status=403):
            assume(user[1], role, **wrong)


def test_a_role_that_is_not_there_is_refused_as_one_that_does_not_trust(user, make_role):
    role = make_role(trust())
    absent = {"Arn": role["Arn"] + "x"}
    for asked in (role, absent):
        text = f"User: {user[0]['Arn']} is not authorized to perform: sts:AssumeRole on resource: {asked['Arn']}"
        with refused("AccessDenied", text, 403):
            assume(user[1], asked)


def test_the_root_assumes_no_role(account, make_role):
    role = make_role(trusting(account))
    with refused("AccessDenied", "Roles may not be assumed by root accounts.", 403):
        assume(None, role)


def test_trust_in_the_account_needs_the_permission_of_the_user(iam, account, user, make_role):
    role = make_role(trusting(account))
    with refused("AccessDenied", status=403):
        assume(user[1], role)
    iam.put_user_policy(
        UserName=user[0]["UserName"], PolicyName="may", PolicyDocument=policy("sts:AssumeRole", resource=role["Arn"]))
    assume(user[1], role)


def test_a_session_policy_narrows(user, make_role, secret, name):
    role = make_role(trusting(user[0]["Arn"]))
    answer = assume(user[1], role, Policy=policy("secretsmanager:DescribeSecret", "iam:*"))
    assert 0 < answer["PackedPolicySize"] <= 100
    key = answer["Credentials"]
    assert client("secretsmanager", key).describe_secret(SecretId=name)["ARN"] == secret["ARN"]
    with refused("AccessDeniedException", re.compile("no session policy allows")):
        client("secretsmanager", key).get_secret_value(SecretId=name)
    with refused("AccessDenied", status=403):
        client("iam", key).list_users()
    with refused("MalformedPolicyDocument"):
        assume(user[1], role, Policy="nothing")
    with refused("PackedPolicyTooLarge", re.compile(r"^Packed policy consumes \d+% of allotted space")):
        assume(user[1], role, Policy=policy(*[f"secretsmanager:Describe{number}*" for number in range(90)]))


def test_managed_policies_narrow(iam, mark, user, make_role, secret, name):
    role = make_role(trusting(user[0]["Arn"]))
    made = iam.create_policy(PolicyName=mark, PolicyDocument=policy("secretsmanager:DescribeSecret"))["Policy"]
    key = assume(user[1], role, PolicyArns=[{"arn": made["Arn"]}])["Credentials"]
    client("secretsmanager", key).describe_secret(SecretId=name)
    with refused("AccessDeniedException"):
        client("secretsmanager", key).get_secret_value(SecretId=name)
    with refused("ValidationError"):
        assume(user[1], role, PolicyArns=[{"arn": made["Arn"] + "x"}])


def test_session_tags_in_a_policy(user, make_role, sm, secret, name):
    equal = policy("secretsmanager:GetSecretValue", StringEquals={
        "secretsmanager:ResourceTag/team": "${aws:PrincipalTag/team}"})
    role = make_role(trusting(user[0]["Arn"], "sts:TagSession"), equal)
    sm.tag_resource(SecretId=name, Tags=pairs(team="red"))
    red, blue = (assume(user[1], role, Tags=pairs(team=team))["Credentials"] for team in ("red", "blue"))
    assert client("secretsmanager", red).get_secret_value(SecretId=name)["SecretString"] == "first"
    for other in (blue, assume(user[1], role)["Credentials"]):
        with refused("AccessDeniedException"):
            client("secretsmanager", other).get_secret_value(SecretId=name)
    untagged = make_role(trusting(user[0]["Arn"]), name="untagged")
    with refused("AccessDenied", re.compile("perform: sts:TagSession on resource: "), 403):
        assume(user[1], untagged, Tags=pairs(team="red"))
    text = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    with refused("InvalidParameterValue", text):
        assume(user[1], role, Tags=pairs(team="red", Team="blue"))


def test_a_chain_hands_transitive_tags_on(user, make_role, sm, secret, name):
    sm.tag_resource(SecretId=name, Tags=pairs(team="red"))
    first = make_role(
        trusting(user[0]["Arn"], "sts:TagSession"), policy("sts:AssumeRole", "sts:TagSession"), MaxSessionDuration=7200)
    reading = policy("secretsmanager:GetSecretValue", StringEquals={
        "secretsmanager:ResourceTag/team": "${aws:PrincipalTag/team}"})
    second = make_role(trusting(first["Arn"], "sts:TagSession"), reading, "second", MaxSessionDuration=7200)
    handing, keeping = (
        assume(user[1], first, Tags=pairs(team="red"), TransitiveTagKeys=keys)["Credentials"] for keys in (["team"], []))
    key = assume(handing, second)["Credentials"]
    assert client("secretsmanager", key).get_secret_value(SecretId=name)["SecretString"] == "first"
    with refused("AccessDeniedException"):
        client("secretsmanager", assume(keeping, second)["Credentials"]).get_secret_value(SecretId=name)
    with refused("InvalidParameterValue", re.compile("conflicts with a transitive tag key from the calling session")):
        assume(handing, second, Tags=pairs(TEAM="blue"))
    text = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
    with refused("ValidationError", text):
        assume(handing, second, DurationSeconds=3601)
    assume(handing, second, DurationSeconds=3600)


def test_a_source_identity_stays(user, make_role):
    may = policy("sts:AssumeRole", "sts:SetSourceIdentity")
    first = make_role(trusting(user[0]["Arn"], "sts:SetSourceIdentity"), may)
    second = make_role(trusting(first["Arn"], "sts:SetSourceIdentity", StringEquals={"sts:SourceIdentity": "ann"}),
                       may, "second")
    answer = assume(user[1], first, SourceIdentity="ann")
    assert answer["SourceIdentity"] == "ann"
    assert assume(answer["Credentials"], second)["SourceIdentity"] == "ann"
    with refused("AccessDenied", status=403):
        assume(answer["Credentials"], second, SourceIdentity="bob")
    other = assume(user[1], first, SourceIdentity="bob")["Credentials"]
    with refused("AccessDenied", status=403):
        assume(other, second)


def test_how_long_a_session_of_a_role_may_last(user, make_role):
    role = make_role(trusting(user[0]["Arn"]), MaxSessionDuration=7200)
    key = assume(user[1], role, DurationSeconds=7200)["Credentials"]
    ends = key["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert abs(ends.total_seconds() - 7200) < 120
    text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    with refused("ValidationError", text):
        assume(user[1], role, DurationSeconds=7201)


def test_a_session_of_a_user_with_and_without_mfa(iam, mark, user):
    made, key = user
    iam.put_user_policy(UserName=mark, PolicyName="may", PolicyDocument=policy("iam:*", "secretsmanager:ListSecrets"))
    bare = client("sts", key).get_session_token(DurationSeconds=900)["Credentials"]
    shown = client("sts", bare).get_caller_identity()
    assert (shown["Arn"], shown["UserId"]) == (made["Arn"], made["UserId"])
    client("secretsmanager", bare).list_secrets()
    with refused("InvalidClientTokenId", NO_KEY, 403):
        client("iam", bare).get_user()
    for operation in ("get_session_token", "get_federation_token"):
        named = {"Name": "guest"} if operation == "get_federation_token" else {}
        with refused("AccessDenied", re.compile("^Cannot call Get.* with session credentials$"), 403):
            getattr(client("sts", bare), operation)(**named)

    device = iam.create_virtual_mfa_device(VirtualMFADeviceName=mark)["VirtualMFADevice"]
    serial, seed = device["SerialNumber"], device["Base32StringSeed"]
    step = int(time.time()) // 30
    iam.enable_mfa_device(
        UserName=mark, SerialNumber=serial, AuthenticationCode1=code(seed, step - 1),
        AuthenticationCode2=code(seed, step))
    sts = client("sts", key)
    with refused("AccessDenied", re.compile("must provide both MFA serial number and one time pass code"), 403):
        sts.get_session_token(SerialNumber=serial)
    with refused("AccessDenied", re.compile("unable to validate MFA code"), 403):
        sts.get_session_token(SerialNumber=serial + "x", TokenCode=code(seed, step + 1))
    with refused("AccessDenied", re.compile("invalid MFA one time pass code"), 403):
        sts.get_session_token(SerialNumber=serial, TokenCode=code(seed, step))
    named = {"SerialNumber": serial, "TokenCode": code(seed, step + 1)}
    proven = sts.get_session_token(**named)["Credentials"]
    assert client("iam", proven).get_user()["User"]["UserName"] == mark
    with refused("AccessDenied", re.compile("invalid MFA one time pass code"), 403):
        sts.get_session_token(**named)
    iam.put_user_policy(UserName=mark, PolicyName="may", PolicyDocument=policy(
        "secretsmanager:ListSecrets", Bool={"aws:MultiFactorAuthPresent": "true"}))
    client("secretsmanager", proven).list_secrets()
    for without in (bare, key):
        with refused("AccessDeniedException"):
            client("secretsmanager", without).list_secrets()


def test_a_session_of_the_root(account):
    key = client("sts").get_session_token(DurationSeconds=43200)["Credentials"]
    ends = key["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert abs(ends.total_seconds() - 3600) < 120
    assert client("sts", key).get_caller_identity()["Arn"] == f"arn:aws:iam::{account}:root"
    client("secretsmanager", key).list_secrets()


def test_a_federated_user_may_what_both_policies_allow(iam, account, mark, user, secret, name):
    _, key = user
    iam.put_user_policy(UserName=mark, PolicyName="may", PolicyDocument=policy(
        "sts:GetFederationToken", "secretsmanager:GetSecretValue", "secretsmanager:ListSecrets", "iam:*"))
    both = policy("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "iam:*", "sts:*")
    answer = client("sts", key).get_federation_token(Name="guest", Policy=both)
    arn = f"arn:aws:sts::{account}:federated-user/guest"
    assert answer["FederatedUser"] == {"FederatedUserId": f"{account}:guest", "Arn": arn}
    guest = answer["Credentials"]
    shown = client("sts", guest).get_caller_identity()
    assert (shown["Arn"], shown["UserId"], shown["Account"]) == (arn, f"{account}:guest", account)
    sm = client("secretsmanager", guest)
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "first"
    for refused_to in (sm.list_secrets, lambda: sm.describe_secret(SecretId=name)):
        with refused("AccessDeniedException"):
            refused_to()
    with refused("InvalidClientTokenId", NO_KEY, 403):
        client("iam", guest).list_users()
    with refused("AccessDenied", "Cannot call AssumeRole with session credentials", 403):
        assume(guest, {"Arn": f"arn:aws:iam::{account}:role/any"})
    bare = client("sts", key).get_federation_token(Name="guest")["Credentials"]
    with refused("AccessDeniedException"):
        client("secretsmanager", bare).get_secret_value(SecretId=name)


def test_sessions_are_revoked_by_their_time(iam, user, make_role):
    role = make_role(trusting(user[0]["Arn"]))
    key = assume(user[1], role)["Credentials"]
    client("secretsmanager", key).list_secrets()
    later = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    iam.put_role_policy(RoleName=role["RoleName"], PolicyName="AWSRevokeOlderSessions", PolicyDocument=policy(
        "*", effect="Deny", DateLessThan={"aws:TokenIssueTime": later}))
    with refused("AccessDeniedException", re.compile("with an explicit deny in an identity-based policy")):
        client("secretsmanager", key).list_secrets()
    earlier = later.replace(later[:4], str(int(later[:4]) - 1), 1)
    iam.put_role_policy(RoleName=role["RoleName"], PolicyName="AWSRevokeOlderSessions", PolicyDocument=policy(
        "*", effect="Deny", DateLessThan={"aws:TokenIssueTime": earlier}))
    client("secretsmanager", key).list_secrets()


def test_no_session_outlives_its_role_or_user(iam, mark, user, make_role):
    made, key = user
    role = make_role(trusting(made["Arn"]))
    of_role = assume(key, role)["Credentials"]
    of_user = client("sts", key).get_session_token()["Credentials"]
    iam.delete_role_policy(RoleName=role["RoleName"], PolicyName="may")
    iam.delete_role(RoleName=role["RoleName"])
    iam.create_role(RoleName=role["RoleName"], AssumeRolePolicyDocument=trust())
    iam.delete_access_key(UserName=mark, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=mark)
    for ended in (of_role, of_user, key):
        with refused("InvalidClientTokenId", NO_KEY + ".", 403):
            client("sts", ended).get_caller_identity()
        with refused("UnrecognizedClientException", NO_KEY + "."):
            client("secretsmanager", ended).list_secrets()


def test_the_account_of_a_key(account, user, make_role):
    sts = client("sts")
    session = assume(user[1], make_role(trusting(user[0]["Arn"])))["Credentials"]
    for key in (user[1], session):
        assert sts.get_access_key_info(AccessKeyId=key["AccessKeyId"])["Account"] == account
    with refused("ValidationError"):
        sts.get_access_key_info(AccessKeyId="AKIA" + "A" * 16)
    with refused("AccessDenied", status=403):
        client("sts", user[1]).get_access_key_info(AccessKeyId=session["AccessKeyId"])


def test_the_message_of_a_denied_request(iam, mark, user):
    sm = client("secretsmanager", user[1])
    denied = None
    try:
        sm.list_secrets()
    except sm.exceptions.ClientError as error:
        denied = error.response
    record = record_of(denied["ResponseMetadata"]["RequestId"])
    told = record["additionalEventData"]
    decision = json.loads(told["authorizationDecision"])
    assert (decision["decision"], decision["action"]) == ("implicitDeny", "secretsmanager:ListSecrets")
    encoded = told["encodedAuthorizationMessage"]
    message = json.loads(client("sts").decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])
    assert (message["allowed"], message["explicitDeny"]) == (False, False)
    assert message["context"]["action"] == "secretsmanager:ListSecrets"
    assert message["context"]["principal"] == {
        "id": user[0]["UserId"], "name": mark, "arn": user[0]["Arn"]}
    altered = encoded[:-4] + ("AAAA" if encoded[-4:] != "AAAA" else "BBBB")
    with refused("InvalidAuthorizationMessageException"):
        client("sts").decode_authorization_message(EncodedMessage=altered)
    with refused("AccessDenied", re.compile("sts:DecodeAuthorizationMessage"), 403):
        client("sts", user[1]).decode_authorization_message(EncodedMessage=encoded)
    iam.put_user_policy(
        UserName=mark, PolicyName="may", PolicyDocument=policy("sts:DecodeAuthorizationMessage"))
    client("sts", user[1]).decode_authorization_message(EncodedMessage=encoded)
