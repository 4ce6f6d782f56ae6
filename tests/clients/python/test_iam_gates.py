"""What the leave for a request of IAM hangs on: one name for one thing, both ends of a move, tags of what is made."""

import json
import re
import time
import uuid

import pytest
from checks import refused
from roles import assume, client, pairs, policy, trusting
from test_iam_principals import code

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


@pytest.fixture(scope="module")
def iam():
    return client("iam")


@pytest.fixture
def mark():
    """A word that belongs to one test."""
    return "g" + uuid.uuid4().hex[:10]


@pytest.fixture
def user(iam, mark):
    """A new user: its name, and a function that makes its clients with the given policies."""
    class User:
        name = mark
        arn = iam.create_user(UserName=mark, Path="/dev/")["User"]["Arn"]
        account = arn.split(":")[4]
        key = iam.create_access_key(UserName=mark)["AccessKey"]

        def may(self, *policies):
            for at, text in enumerate(policies):
                iam.put_user_policy(UserName=self.name, PolicyName=f"p{at}", PolicyDocument=text)
            return client("iam", self.key)

    return User()


def test_a_policy_of_aws_has_one_name(iam, user):
    asked = user.may(
        policy("iam:AttachUserPolicy", "iam:PutUserPermissionsBoundary"),
        policy("iam:*", effect="Deny", ArnEquals={"iam:PolicyARN": ADMINISTRATOR}))
    with refused("AccessDenied", status=403):
        asked.attach_user_policy(UserName=user.name, PolicyArn=ADMINISTRATOR)
    for partition in ("aws-cn", "aws-us-gov"):
        other = ADMINISTRATOR.replace("arn:aws:", f"arn:{partition}:")
        with refused("NoSuchEntity", status=404):
            asked.attach_user_policy(UserName=user.name, PolicyArn=other)
        with refused("NoSuchEntity", status=404):
            asked.put_user_permissions_boundary(UserName=user.name, PermissionsBoundary=other)
        with refused("NoSuchEntity", status=404):
            iam.get_policy(PolicyArn=other)


def test_an_mfa_device_has_one_serial_number(iam, user, mark):
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=mark)["VirtualMFADevice"]
    serial, seed = made["SerialNumber"], made["Base32StringSeed"]
    asked = user.may(policy("iam:*"), policy("iam:DeleteVirtualMFADevice", effect="Deny", resource=serial))
    with refused("AccessDenied", status=403):
        asked.delete_virtual_mfa_device(SerialNumber=serial)
    step = int(time.time()) // 30
    for odd in (serial.replace("iam::", "iam:odd:"), serial.replace("arn:aws:", "arn:aws-cn:")):
        with refused("NoSuchEntity", status=404):
            asked.delete_virtual_mfa_device(SerialNumber=odd)
        with refused("NoSuchEntity", status=404):
            iam.enable_mfa_device(
                UserName=user.name, SerialNumber=odd,
                AuthenticationCode1=code(seed, step - 1), AuthenticationCode2=code(seed, step))
    iam.enable_mfa_device(
        UserName=user.name, SerialNumber=serial,
        AuthenticationCode1=code(seed, step - 1), AuthenticationCode2=code(seed, step))
    assert [device["SerialNumber"] for device in iam.list_mfa_devices(UserName=user.name)["MFADevices"]] == [serial]
    iam.deactivate_mfa_device(UserName=user.name, SerialNumber=serial)
    iam.delete_virtual_mfa_device(SerialNumber=serial)


def test_a_user_moves_with_leave_for_both_ends(iam, user, mark):
    own = f"arn:aws:iam::{user.account}:user/dev/*"
    asked = user.may(policy("iam:UpdateUser", resource=own))
    for move in ({"NewPath": "/admin/"}, {"NewPath": "/admin/", "NewUserName": mark + "-b"}):
        with refused("AccessDenied", re.compile("iam:UpdateUser"), status=403):
            asked.update_user(UserName=mark, **move)
    asked.update_user(UserName=mark, NewPath="/dev/sub/")
    asked.update_user(UserName=mark, NewUserName=mark + "-b")
    assert iam.get_user(UserName=mark + "-b")["User"]["Path"] == "/dev/sub/"


def test_a_group_moves_with_leave_for_both_ends(iam, user, mark):
    iam.create_group(GroupName=mark, Path="/dev/")
    asked = user.may(policy("iam:UpdateGroup", resource=f"arn:aws:iam::{user.account}:group/dev/{mark}"))
    for move in ({"NewPath": "/admin/"}, {"NewGroupName": mark + "-b"}):
        with refused("AccessDenied", re.compile("iam:UpdateGroup"), status=403):
            asked.update_group(GroupName=mark, **move)
    asked.update_group(GroupName=mark, NewPath="/dev/")
    user.may(policy("iam:UpdateGroup")).update_group(GroupName=mark, NewPath="/admin/", NewGroupName=mark + "-b")
    assert iam.get_group(GroupName=mark + "-b")["Group"]["Path"] == "/admin/"


def creations(mark, account, tags):
    """Calls that make something with tags, by the action that tags it."""
    trust = trusting(f"arn:aws:iam::{account}:root")
    return {
        "iam:TagUser": ("create_user", {"UserName": mark + "-t", "Tags": tags}),
        "iam:TagRole": ("create_role", {"RoleName": mark, "AssumeRolePolicyDocument": trust, "Tags": tags}),
        "iam:TagPolicy": ("create_policy", {"PolicyName": mark, "PolicyDocument": policy("s3:*"), "Tags": tags}),
        "iam:TagInstanceProfile": ("create_instance_profile", {"InstanceProfileName": mark, "Tags": tags}),
        "iam:TagMFADevice": ("create_virtual_mfa_device", {"VirtualMFADeviceName": mark, "Tags": tags}),
        "iam:TagOpenIDConnectProvider": (
            "create_open_id_connect_provider", {"Url": f"https://{mark}.example.com", "Tags": tags}),
    }


def test_what_is_made_with_tags_takes_leave_to_tag(iam, user, mark):
    asked = user.may(policy("iam:Create*"))
    for action, (call, members) in creations(mark, user.account, pairs(team="prod")).items():
        with refused("AccessDenied", re.compile(action), status=403):
            getattr(asked, call)(**members)
    asked = user.may(policy("iam:Create*"), policy("iam:Tag*", StringEquals={"aws:RequestTag/team": "dev"}))
    for action, (call, members) in creations(mark, user.account, pairs(team="prod")).items():
        with refused("AccessDenied", re.compile(action), status=403):
            getattr(asked, call)(**members)
    for call, members in creations(mark, user.account, pairs(team="dev")).values():
        getattr(asked, call)(**members)
    for call, members in creations(mark + "n", user.account, []).values():
        getattr(user.may(policy("iam:Create*")), call)(**members)


def test_an_entry_without_a_policy_narrows_nothing_and_is_refused(iam, user, mark):
    role = iam.create_role(RoleName=mark, AssumeRolePolicyDocument=trusting(user.arn))["Role"]
    iam.put_user_policy(UserName=user.name, PolicyName="p", PolicyDocument=policy("sts:AssumeRole"))
    # An SDK leaves an empty entry out of what it sends.
    for further in ({"PolicyArns.member.1": ""}, {"PolicyArns.member.1.name": "x"}):
        sts = client("sts", user.key)
        sts.meta.events.register("before-call.sts.AssumeRole", lambda params, **_: params["body"].update(further))
        with refused("ValidationError"):
            sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session")
    assert assume(user.key, role, PolicyArns=[{"arn": ADMINISTRATOR}])["Credentials"]


def test_a_policy_with_an_endless_number_is_refused(sm, iam, user, name):
    sm.create_secret(Name=name, SecretString="x")
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": user.arn}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"},
        {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:DeleteSecret", "Resource": "*",
         "Condition": {"NumericGreaterThan": {"secretsmanager:RecoveryWindowInDays": "NUMBER"}}}]
    text = json.dumps({"Version": "2012-10-17", "Statement": statements}).replace('"NUMBER"', "1e999")
    with refused("MalformedPolicyDocumentException"):
        sm.put_resource_policy(SecretId=name, ResourcePolicy=text)


def test_refusals_name_what_was_asked(iam, user, mark):
    asked = user.may(policy("s3:*"))
    for name in (mark.upper(), mark.upper() + "ABSENT"):
        with refused("AccessDenied", re.compile(f"on resource: user {name} because"), status=403):
            asked.get_user(UserName=name)
    other = iam.create_user(UserName=mark + "-o")["User"]
    key = iam.create_access_key(UserName=other["UserName"])["AccessKey"]["AccessKeyId"]
    for key_id in (key, "AKIA" + "X" * 16):
        with refused("AccessDenied", status=403) as refusal:
            asked.get_access_key_last_used(AccessKeyId=key_id)
        assert f"on resource: access key {key_id} because" in refusal.text and mark + "-o" not in refusal.text
