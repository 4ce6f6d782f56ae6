"""Users, groups, access keys, account settings, passwords and virtual MFA devices of IAM."""

import base64
import datetime
import hashlib
import hmac
import re
import struct
import time
import uuid

import boto3
import botocore.config
import pytest
from checks import body, refused

REGION = "us-east-1"
CONFIG = botocore.config.Config(retries={"total_max_attempts": 1})
ABSENT = "no-such-user"
PASSWORD = "Correct-horse-7"


def client(service, key=None):
    named = {} if key is None else {
        "aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    return boto3.session.Session().client(service, region_name=REGION, config=CONFIG, **named)


@pytest.fixture(scope="module")
def iam():
    return client("iam")


@pytest.fixture
def mark():
    """A word that belongs to one test."""
    return "p" + uuid.uuid4().hex[:10]


@pytest.fixture
def user(iam, mark):
    """The name of a new user."""
    return iam.create_user(UserName=mark)["User"]["UserName"]


def code(seed, step):
    tag = hmac.new(base64.b32decode(seed), struct.pack(">q", step), hashlib.sha1).digest()
    offset = tag[-1] & 15
    return f"{(struct.unpack('>I', tag[offset:offset + 4])[0] & 0x7FFFFFFF) % 1000000:06}"


def test_a_user_is_renamed_and_moved(iam, user):
    iam.update_user(UserName=user, NewUserName=user + "-b", NewPath="/team/")
    shown = iam.get_user(UserName=user + "-b")["User"]
    assert shown["Path"] == "/team/" and shown["Arn"].endswith(f":user/team/{user}-b")
    with refused("NoSuchEntity", f"The user with name {user} cannot be found.", 404):
        iam.get_user(UserName=user)
    iam.create_user(UserName=user)
    with refused("EntityAlreadyExists", f"User with name {user} already exists.", 409):
        iam.update_user(UserName=user + "-b", NewUserName=user)
    iam.update_user(UserName=user, NewUserName=user.upper())
    assert iam.get_user(UserName=user)["User"]["UserName"] == user.upper()


def test_tags_of_a_user(iam, user):
    iam.tag_user(UserName=user, Tags=[{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}])
    iam.tag_user(UserName=user, Tags=[{"Key": "B", "Value": "3"}])
    listed = iam.list_user_tags(UserName=user)
    assert {tag["Key"]: tag["Value"] for tag in listed["Tags"]} == {"B": "3", "a": "2"}
    first = iam.list_user_tags(UserName=user, MaxItems=1)
    second = iam.list_user_tags(UserName=user, MaxItems=1, Marker=first["Marker"])
    assert first["IsTruncated"] and not second["IsTruncated"] and len(first["Tags"] + second["Tags"]) == 2
    iam.untag_user(UserName=user, TagKeys=["b", "absent"])
    assert iam.list_user_tags(UserName=user)["Tags"] == [{"Key": "a", "Value": "2"}]


def test_groups_and_their_members(iam, mark):
    group = iam.create_group(GroupName=mark, Path="/g/")["Group"]
    assert group["GroupId"].startswith("AGPA") and group["Arn"].endswith(f":group/g/{mark}")
    with refused("EntityAlreadyExists", f"Group with name {mark.upper()} already exists.", 409):
        iam.create_group(GroupName=mark.upper())
    members = [f"{mark}-{number}" for number in range(3)]
    for member in members:
        iam.create_user(UserName=member)
        iam.add_user_to_group(GroupName=mark, UserName=member)
        iam.add_user_to_group(GroupName=mark, UserName=member)
    paged = iam.get_paginator("get_group").paginate(GroupName=mark, PaginationConfig={"PageSize": 2})
    pages = list(paged)
    assert [len(page["Users"]) for page in pages] == [2, 1]
    assert {shown["UserName"] for page in pages for shown in page["Users"]} == set(members)
    assert [shown["GroupName"] for shown in iam.list_groups_for_user(UserName=members[0])["Groups"]] == [mark]
    with refused("DeleteConflict", "Cannot delete entity, must remove users from group first.", 409):
        iam.delete_group(GroupName=mark)
    with refused("DeleteConflict", "Cannot delete entity, must remove users from group first.", 409):
        iam.delete_user(UserName=members[0])
    iam.update_group(GroupName=mark, NewGroupName=mark + "-b", NewPath="/h/")
    for member in members:
        iam.remove_user_from_group(GroupName=mark + "-b", UserName=member)
    assert [shown["GroupName"] for shown in iam.list_groups(PathPrefix="/h/")["Groups"]].count(mark + "-b") == 1
    iam.delete_group(GroupName=mark + "-b")
    with refused("NoSuchEntity", f"The group with name {mark}-b cannot be found.", 404):
        iam.get_group(GroupName=mark + "-b")
    iam.delete_user(UserName=members[0])


def test_a_user_is_in_ten_groups_at_most(iam, user):
    for number in range(11):
        iam.create_group(GroupName=f"{user}-{number}")
        if number < 10:
            iam.add_user_to_group(GroupName=f"{user}-{number}", UserName=user)
    with refused("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10", 409):
        iam.add_user_to_group(GroupName=f"{user}-10", UserName=user)


def test_access_keys_sign_until_they_are_inactive(iam, user):
    key = iam.create_access_key(UserName=user)["AccessKey"]
    assert key["UserName"] == user and key["Status"] == "Active" and key["AccessKeyId"].startswith("AKIA")
    assert client("sts", key).get_caller_identity()["Arn"].endswith(f":user/{user}")
    other = iam.create_access_key(UserName=user)["AccessKey"]
    with refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", 409):
        iam.create_access_key(UserName=user)
    iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    listed = {shown["AccessKeyId"]: shown["Status"] for shown in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]}
    assert listed == {key["AccessKeyId"]: "Inactive", other["AccessKeyId"]: "Active"}
    with refused("InvalidClientTokenId", status=403):
        client("sts", key).get_caller_identity()
    with refused("DeleteConflict", "Cannot delete entity, must delete access keys first.", 409):
        iam.delete_user(UserName=user)
    with refused("NoSuchEntity", f"The Access Key with id {'AKIA' + 'A' * 16} cannot be found.", 404):
        iam.delete_access_key(UserName=user, AccessKeyId="AKIA" + "A" * 16)
    for made in (key, other):
        iam.delete_access_key(UserName=user, AccessKeyId=made["AccessKeyId"])
    assert iam.list_access_keys(UserName=user)["AccessKeyMetadata"] == []
    iam.delete_user(UserName=user)


def test_the_root_has_two_keys_too(iam):
    before = iam.list_access_keys()["AccessKeyMetadata"]
    assert len(before) == 1
    key = iam.create_access_key()["AccessKey"]
    with refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", 409):
        iam.create_access_key()
    assert client("sts", key).get_caller_identity()["Arn"].endswith(":root")
    iam.update_access_key(AccessKeyId=key["AccessKeyId"], Status="Inactive")
    shown = {shown["AccessKeyId"]: shown for shown in iam.list_access_keys()["AccessKeyMetadata"]}
    assert shown[key["AccessKeyId"]]["Status"] == "Inactive" and shown[key["AccessKeyId"]]["CreateDate"]
    iam.delete_access_key(AccessKeyId=key["AccessKeyId"])
    assert iam.get_user()["User"]["Arn"].endswith(":root")


def test_the_last_use_of_a_key(iam, user):
    key = iam.create_access_key(UserName=user)["AccessKey"]
    unused = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert unused["UserName"] == user and unused["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    client("sts", key).get_caller_identity()
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("sts", REGION)
    assert abs((datetime.datetime.now(datetime.timezone.utc) - used["LastUsedDate"]).total_seconds()) < 120
    with refused("NoSuchEntity", status=404):
        iam.get_access_key_last_used(AccessKeyId="AKIA" + "A" * 16)


def test_the_account_alias(iam, mark):
    iam.create_account_alias(AccountAlias=mark)
    assert iam.list_account_aliases()["AccountAliases"] == [mark]
    with refused("NoSuchEntity", status=404):
        iam.delete_account_alias(AccountAlias="another")
    iam.delete_account_alias(AccountAlias=mark)
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_the_password_policy(iam, user):
    text = re.compile(r"^The Password Policy with domain name \d{12} cannot be found\.$")
    with refused("NoSuchEntity", text, 404):
        iam.get_account_password_policy()
    with refused("PasswordPolicyViolation"):
        iam.create_login_profile(UserName=user, Password="short")
    iam.update_account_password_policy(MinimumPasswordLength=12, RequireSymbols=True, PasswordReusePrevention=2)
    try:
        assert iam.get_account_password_policy()["PasswordPolicy"] == {
            "MinimumPasswordLength": 12, "RequireSymbols": True, "RequireNumbers": False,
            "RequireUppercaseCharacters": False, "RequireLowercaseCharacters": False,
            "AllowUsersToChangePassword": False, "ExpirePasswords": False, "PasswordReusePrevention": 2,
            "HardExpiry": False}
        with refused("PasswordPolicyViolation", "Password should have a minimum length of 12"):
            iam.create_login_profile(UserName=user, Password="short")
        with refused("PasswordPolicyViolation", "Password should have at least one symbol"):
            iam.create_login_profile(UserName=user, Password="a" * 12)
        iam.create_login_profile(UserName=user, Password=PASSWORD)
        with refused("PasswordPolicyViolation"):
            iam.update_login_profile(UserName=user, Password=PASSWORD)
        for number in range(2):
            iam.update_login_profile(UserName=user, Password=f"{PASSWORD}{number}")
        iam.update_login_profile(UserName=user, Password=PASSWORD)
    finally:
        iam.delete_account_password_policy()
    with refused("NoSuchEntity", text, 404):
        iam.delete_account_password_policy()


def test_login_profiles(iam, user):
    with refused("NoSuchEntity", f"Login Profile for User {user} cannot be found.", 404):
        iam.get_login_profile(UserName=user)
    made = iam.create_login_profile(UserName=user, Password=PASSWORD, PasswordResetRequired=True)["LoginProfile"]
    assert made["UserName"] == user and made["PasswordResetRequired"]
    with refused("EntityAlreadyExists", f"Login Profile for User with name {user} already exists.", 409):
        iam.create_login_profile(UserName=user, Password=PASSWORD)
    iam.update_login_profile(UserName=user, PasswordResetRequired=False)
    assert not iam.get_login_profile(UserName=user)["LoginProfile"]["PasswordResetRequired"]
    iam.update_login_profile(UserName=user, MaxSigninSessionDuration=7200)
    assert iam.get_login_profile(UserName=user)["LoginProfile"]["MaxSigninSessionDuration"] == 7200
    iam.update_login_profile(UserName=user, ResetMaxSigninSessionDuration=True)
    assert "MaxSigninSessionDuration" not in iam.get_login_profile(UserName=user)["LoginProfile"]
    with refused("DeleteConflict", "Cannot delete entity, must delete login profile first.", 409):
        iam.delete_user(UserName=user)
    with refused("InvalidUserType", "Only IAM Users can change their own password"):
        iam.change_password(OldPassword=PASSWORD, NewPassword=PASSWORD + "1")
    iam.delete_login_profile(UserName=user)
    iam.delete_user(UserName=user)


def test_a_virtual_device_from_its_making_to_its_end(iam, user):
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=user, Path="/m/", Tags=[{"Key": "k", "Value": "v"}])
    device = made["VirtualMFADevice"]
    serial, seed = device["SerialNumber"], device["Base32StringSeed"]
    assert serial.endswith(f":mfa/m/{user}") and len(seed) == 64
    assert device["QRCodePNG"].startswith(b"\x89PNG\r\n\x1a\n")
    with refused("EntityAlreadyExists", "MFADevice entity at the same path and name already exists.", 409):
        iam.create_virtual_mfa_device(VirtualMFADeviceName=user, Path="/m/")
    step = int(time.time()) // 30
    named = {"UserName": user, "SerialNumber": serial}
    for first, second in ((step, step + 3), (step + 1, step)):
        with refused("InvalidAuthenticationCode", "Authentication code for device is not valid.", 403):
            iam.enable_mfa_device(
                **named, AuthenticationCode1=code(seed, first), AuthenticationCode2=code(seed, second))
    iam.enable_mfa_device(**named, AuthenticationCode1=code(seed, step - 1), AuthenticationCode2=code(seed, step))
    assert [shown["SerialNumber"] for shown in iam.list_mfa_devices(UserName=user)["MFADevices"]] == [serial]
    assert iam.get_mfa_device(**named)["UserName"] == user
    shown = iam.get_paginator("list_virtual_mfa_devices").paginate(AssignmentStatus="Assigned")
    found = [shown for page in shown for shown in page["VirtualMFADevices"] if shown["SerialNumber"] == serial]
    assert found[0]["User"]["UserName"] == user and "Base32StringSeed" not in found[0]
    with refused("InvalidAuthenticationCode", status=403):
        iam.resync_mfa_device(**named, AuthenticationCode1=code(seed, step - 1), AuthenticationCode2=code(seed, step))
    iam.resync_mfa_device(**named, AuthenticationCode1=code(seed, step + 4), AuthenticationCode2=code(seed, step + 5))
    with refused("DeleteConflict", status=409):
        iam.delete_virtual_mfa_device(SerialNumber=serial)
    with refused("DeleteConflict", "Cannot delete entity, must delete MFA device first.", 409):
        iam.delete_user(UserName=user)
    iam.deactivate_mfa_device(**named)
    with refused("NoSuchEntity", "MFA Device invalid for user.", 404):
        iam.deactivate_mfa_device(**named)
    iam.tag_mfa_device(SerialNumber=serial, Tags=[{"Key": "l", "Value": "w"}])
    iam.untag_mfa_device(SerialNumber=serial, TagKeys=["k"])
    assert iam.list_mfa_device_tags(SerialNumber=serial)["Tags"] == [{"Key": "l", "Value": "w"}]
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    with refused("NoSuchEntity", f"VirtualMFADevice with serial number {serial} doesn't exist.", 404):
        iam.delete_virtual_mfa_device(SerialNumber=serial)


@pytest.mark.parametrize(
    "operation, member",
    [("list_ssh_public_keys", "SSHPublicKeys"), ("list_service_specific_credentials", "ServiceSpecificCredentials"),
     ("list_signing_certificates", "Certificates")],
)
def test_what_no_user_has(iam, user, operation, member):
    assert getattr(iam, operation)(UserName=user)[member] == []
    with refused("NoSuchEntity", f"The user with name {ABSENT} cannot be found.", 404):
        getattr(iam, operation)(UserName=ABSENT)


def test_what_no_account_has(iam):
    assert iam.list_server_certificates()["ServerCertificateMetadataList"] == []
    assert iam.list_saml_providers()["SAMLProviderList"] == []
    assert body(iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v2Token")) == {}
