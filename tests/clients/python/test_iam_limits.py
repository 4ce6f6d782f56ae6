"""What principals with few rights may not do, and what they are told: users, boundaries, passed roles, other accounts,
an organization's policies, the policy of a private endpoint."""

import json
import re
import socket
import uuid

import pytest

from checks import refused
from roles import client, pairs, policy, trust, trusting
from servers import Server, binary

OTHER, STRANGER = "222222222222", "333333333333"
UNSEEN = "because no identity-based policy allows the {action} action"


def free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


class House:
    """A server with three accounts, of which the second is bound by its organization, and a private endpoint."""

    def __init__(self, directory):
        (directory / "endpoint.json").write_text(json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": ["secretsmanager:Get*", "iam:Get*"], "Resource": "*"}]}))
        self.endpoint = f"http://127.0.0.1:{free_port()}"
        self.server = Server(binary(), directory, f"""
[[private_endpoints]]
address = "{self.endpoint.removeprefix('http://')}"
id = "vpce-1234a5678b9012c"
vpc = "vpc-2b2b2b2b"
policy_file = "{directory}/endpoint.json"
""")
        self.server.start()
        self.server.stop()
        for account in (OTHER, STRANGER):
            self.server.run("account", "create", "--account", account)
        control = directory / "control.json"
        control.write_text(policy("secretsmanager:DeleteSecret", "iam:CreateUser", effect="Deny"))
        self.server.run("organization", "create")
        self.server.run("organization", "place-account", OTHER)
        self.server.run("organization", "put-policy", "control", str(control))
        self.server.run("organization", "attach", "control", OTHER)
        self.server.start()
        self.url = self.server.url
        self.account = self.client("sts").get_caller_identity()["Account"]

    def client(self, service, key=None, url=None):
        """A client that signs with a key, or as the root of the first account."""
        return client(service, key or self.server.key(), url or self.url)

    def root(self, account):
        """The root's key of an account."""
        return self.server.key(account)

    def arn(self, resource):
        return f"arn:aws:iam::{self.account}:{resource}"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("house"))
    yield house
    house.server.stop()


@pytest.fixture(scope="module")
def iam(house):
    return house.client("iam")


@pytest.fixture
def mark():
    return "u" + uuid.uuid4().hex[:10]


@pytest.fixture
def make_user(iam, mark):
    """Makes a user with a policy, or with none: its description, and its key."""
    def make(*documents, name="", **options):
        made = iam.create_user(UserName=mark + name, **options)["User"]
        for number, document in enumerate(documents):
            iam.put_user_policy(UserName=made["UserName"], PolicyName=f"p{number}", PolicyDocument=document)
        return made, iam.create_access_key(UserName=made["UserName"])["AccessKey"]
    return make


def denied(user, action, resource, reason=UNSEEN):
    """The text of a refusal."""
    told = f"User: {user} is not authorized to perform: {action} on resource: {resource} {reason.format(action=action)}"
    return refused("AccessDenied", told, 403)


def test_who_may_nothing_is_told_what_was_asked(house, iam, make_user, mark):
    user, key = make_user()
    iam.create_user(UserName=mark + "-in", Path="/team/red/")
    limited = house.client("iam", key)
    inside = f"user {mark}-in"
    aws = "arn:aws:iam::aws:policy/AdministratorAccess"
    for operation, members, resource in [
        ("list_users", {}, house.arn("user/")),
        ("list_users", {"PathPrefix": "/team/"}, house.arn("user/team/")),
        ("list_roles", {}, house.arn("role/")),
        ("list_groups", {}, house.arn("group/")),
        ("list_instance_profiles", {}, house.arn("instance-profile/")),
        ("list_policies", {}, "policy path /"),
        ("list_virtual_mfa_devices", {}, house.arn("mfa/")),
        ("list_open_id_connect_providers", {}, house.arn("oidc-provider/*")),
        ("list_account_aliases", {}, "*"),
        ("get_account_password_policy", {}, "*"),
        ("get_user", {}, "user " + mark),
        ("get_user", {"UserName": mark + "-in"}, inside),
        ("get_user", {"UserName": "absent"}, "user absent"),
        ("delete_user", {"UserName": mark + "-in"}, inside),
        ("create_user", {"UserName": "new", "Path": "/team/"}, house.arn("user/team/new")),
        ("create_access_key", {}, "user " + mark),
        ("create_access_key", {"UserName": mark + "-in"}, inside),
        ("put_user_policy", {"UserName": mark, "PolicyName": "p", "PolicyDocument": policy("*")}, "user " + mark),
        ("attach_user_policy", {"UserName": mark, "PolicyArn": aws}, "user " + mark),
        ("create_group", {"GroupName": "new"}, house.arn("group/new")),
        ("add_user_to_group", {"UserName": mark, "GroupName": "absent"}, "group absent"),
        ("create_role", {"RoleName": "new", "AssumeRolePolicyDocument": trust()}, house.arn("role/new")),
        ("get_role", {"RoleName": "absent"}, "role absent"),
        ("create_policy", {"PolicyName": "new", "PolicyDocument": policy("*")}, "policy new"),
        ("get_policy", {"PolicyArn": aws}, "policy " + aws),
        ("create_virtual_mfa_device", {"VirtualMFADeviceName": "new"}, house.arn("mfa/new")),
    ]:
        action = "iam:" + limited.meta.method_to_api_mapping[operation]
        with denied(user["Arn"], action, resource):
            getattr(limited, operation)(**members)
    # What everybody may.
    assert house.client("sts", key).get_caller_identity()["Arn"] == user["Arn"]
    # Nothing was done.
    assert iam.get_user(UserName=mark + "-in")["User"]["Path"] == "/team/red/"
    with refused("NoSuchEntity", status=404):
        iam.get_user(UserName="new")


def test_an_explicit_deny_is_told(house, make_user):
    user, key = make_user(policy("iam:*"), policy("iam:List*", effect="Deny"))
    with denied(user["Arn"], "iam:ListUsers", house.arn("user/"), "with an explicit deny in an identity-based policy"):
        house.client("iam", key).list_users()
    assert house.client("iam", key).get_user()["User"]["UserName"] == user["UserName"]


def test_users_look_after_their_own_keys(house, iam, make_user, mark):
    own = "arn:aws:iam::*:user/${aws:username}"
    user, key = make_user(policy("iam:*AccessKey*", "iam:GetUser", resource=own))
    iam.create_user(UserName=mark + "-other")
    limited = house.client("iam", key)
    second = limited.create_access_key()["AccessKey"]
    limited.update_access_key(AccessKeyId=second["AccessKeyId"], UserName=mark, Status="Inactive")
    limited.delete_access_key(AccessKeyId=second["AccessKeyId"])
    assert [shown["AccessKeyId"] for shown in limited.list_access_keys()["AccessKeyMetadata"]] == [key["AccessKeyId"]]
    for operation in (limited.create_access_key, limited.list_access_keys, limited.get_user):
        with refused("AccessDenied", status=403):
            operation(UserName=mark + "-other")


def test_an_administrator_of_a_path(house, make_user, mark):
    there = house.arn("user/team/*")
    _, key = make_user(policy("iam:CreateUser", "iam:DeleteUser", "iam:GetUser", "iam:ListUsers", resource=there))
    limited = house.client("iam", key)
    limited.create_user(UserName=mark + "-in", Path="/team/")
    listed = limited.list_users(PathPrefix="/team/")["Users"]
    assert mark + "-in" in [user["UserName"] for user in listed]
    limited.delete_user(UserName=mark + "-in")
    for operation, members in [
        (limited.create_user, {"UserName": mark + "-out"}),
        (limited.create_user, {"UserName": mark + "-out", "Path": "/teams/"}),
        (limited.list_users, {}),
        (limited.get_user, {}),
    ]:
        with refused("AccessDenied", status=403):
            operation(**members)


def test_a_boundary_bounds(house, iam, make_user, mark):
    boundary = iam.create_policy(PolicyName=mark, PolicyDocument=policy("iam:Get*"))["Policy"]["Arn"]
    user, key = make_user(policy("*"), PermissionsBoundary=boundary)
    limited = house.client("iam", key)
    limited.get_user()
    reason = "because no permissions boundary allows the {action} action"
    with denied(user["Arn"], "iam:ListUsers", house.arn("user/"), reason):
        limited.list_users()
    with denied(user["Arn"], "iam:DeleteUserPermissionsBoundary", "user " + mark, reason):
        limited.delete_user_permissions_boundary(UserName=mark)


def test_administrators_hand_on_no_more_than_a_boundary(house, iam, make_user, mark):
    boundary = iam.create_policy(PolicyName=mark, PolicyDocument=policy("secretsmanager:*"))["Policy"]["Arn"]
    bounded = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    _, key = make_user(
        policy("iam:CreateUser", "iam:PutUserPolicy", "iam:AttachUserPolicy", **bounded),
        policy("iam:CreateAccessKey", "iam:GetUser"))
    limited = house.client("iam", key)
    with refused("AccessDenied", status=403):
        limited.create_user(UserName=mark + "-free")
    with refused("AccessDenied", status=403):
        limited.create_user(UserName=mark + "-free", PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess")
    limited.create_user(UserName=mark + "-bound", PermissionsBoundary=boundary)
    limited.put_user_policy(UserName=mark + "-bound", PolicyName="p", PolicyDocument=policy("*"))
    with refused("AccessDenied", status=403):
        limited.put_user_policy(UserName=mark, PolicyName="p", PolicyDocument=policy("*"))
    for taking in (limited.delete_user_permissions_boundary, limited.delete_user):
        with refused("AccessDenied", status=403):
            taking(UserName=mark + "-bound")
    made = limited.create_access_key(UserName=mark + "-bound")["AccessKey"]
    house.client("secretsmanager", made).list_secrets()
    with refused("AccessDenied", re.compile("because no permissions boundary allows"), 403):
        house.client("iam", made).list_users()


def test_only_some_policies_may_be_attached(house, iam, make_user, mark):
    allowed = iam.create_policy(PolicyName=mark, PolicyDocument=policy("secretsmanager:List*"))["Policy"]["Arn"]
    user, key = make_user(policy("iam:AttachUserPolicy", ArnEquals={"iam:PolicyARN": allowed}))
    limited = house.client("iam", key)
    with denied(user["Arn"], "iam:AttachUserPolicy", "user " + mark):
        limited.attach_user_policy(UserName=mark, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    limited.attach_user_policy(UserName=mark, PolicyArn=allowed)
    house.client("secretsmanager", key).list_secrets()


def test_tags_decide(house, make_user, iam, mark):
    _, key = make_user(
        policy("iam:CreateUser", "iam:TagUser", StringEquals={"aws:RequestTag/team": "${aws:PrincipalTag/team}"}),
        policy("iam:GetUser", "iam:DeleteUser", StringEquals={"iam:ResourceTag/team": "${aws:PrincipalTag/team}"}),
        Tags=pairs(team="red"))
    limited = house.client("iam", key)
    limited.create_user(UserName=mark + "-red", Tags=pairs(team="red"))
    iam.create_user(UserName=mark + "-blue", Tags=pairs(team="blue"))
    for tags in ({}, {"Tags": pairs(team="blue")}):
        with refused("AccessDenied", status=403):
            limited.create_user(UserName=mark + "-other", **tags)
    limited.delete_user(UserName=mark + "-red")
    for operation in (limited.get_user, limited.delete_user):
        with refused("AccessDenied", status=403):
            operation(UserName=mark + "-blue")


def test_a_role_is_passed_by_permission(house, iam, make_user, mark):
    user, key = make_user(policy("iam:CreateInstanceProfile", "iam:AddRoleToInstanceProfile"))
    limited = house.client("iam", key)
    roles = [iam.create_role(RoleName=f"{mark}-{name}", AssumeRolePolicyDocument=trust())["Role"]
             for name in ("right", "wrong")]
    right, wrong = ({"InstanceProfileName": mark, "RoleName": role["RoleName"]} for role in roles)
    limited.create_instance_profile(InstanceProfileName=mark)
    with denied(user["Arn"], "iam:PassRole", roles[0]["Arn"]):
        limited.add_role_to_instance_profile(**right)
    may = policy("iam:PassRole", resource=roles[0]["Arn"],
                 StringEquals={"iam:PassedToService": "ec2.amazonaws.com"})
    iam.put_user_policy(UserName=mark, PolicyName="pass", PolicyDocument=may)
    with denied(user["Arn"], "iam:PassRole", roles[1]["Arn"]):
        limited.add_role_to_instance_profile(**wrong)
    limited.add_role_to_instance_profile(**right)
    iam.remove_role_from_instance_profile(**right)
    iam.put_user_policy(UserName=mark, PolicyName="pass", PolicyDocument=may.replace("ec2.", "lambda."))
    with denied(user["Arn"], "iam:PassRole", roles[0]["Arn"]):
        limited.add_role_to_instance_profile(**right)


@pytest.fixture
def shared(house, mark):
    """A secret of the first account that the second account may read: its CreateSecret answer."""
    sm = house.client("secretsmanager")
    made = sm.create_secret(Name=mark, SecretString="shared")
    sm.put_resource_policy(SecretId=mark, ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Resource": "*",
        "Action": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]}]}))
    return made


def test_a_secret_of_another_account(house, shared, make_user, mark):
    arn, reading = shared["ARN"], policy("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret")
    # An account that the secret's policy trusts still has to allow its own users. No user can be made in the second
    # account, by its organization: the first account's users assume roles there.
    key = make_user(policy("sts:AssumeRole"))[1]
    sessions = {}
    for account in (OTHER, STRANGER):
        theirs = house.client("iam", house.root(account))
        for name, documents in (("reader", [reading]), ("idle", [])):
            role = theirs.create_role(
                RoleName=mark + name, AssumeRolePolicyDocument=trusting(f"arn:aws:iam::{house.account}:root"))["Role"]
            for document in documents:
                theirs.put_role_policy(RoleName=mark + name, PolicyName="may", PolicyDocument=document)
            answer = house.client("sts", key).assume_role(RoleArn=role["Arn"], RoleSessionName="session")
            sessions[account, name] = house.client("secretsmanager", answer["Credentials"])
    assert sessions[OTHER, "reader"].describe_secret(SecretId=arn)["ARN"] == arn
    # Allowed by all policies, but the default key serves its own account alone.
    text = ("You can't access a secret from a different AWS account if you encrypt the secret with the default KMS "
            "service key.")
    with refused("InvalidRequestException", text):
        sessions[OTHER, "reader"].get_secret_value(SecretId=arn)
    with refused("ResourceNotFoundException"):
        sessions[OTHER, "reader"].describe_secret(SecretId=shared["Name"])
    for reading in ("describe_secret", "get_secret_value"):
        with refused("AccessDeniedException", re.compile("because no identity-based policy allows")):
            getattr(sessions[OTHER, "idle"], reading)(SecretId=arn)
        for name in ("reader", "idle"):
            with refused("AccessDeniedException"):
                getattr(sessions[STRANGER, name], reading)(SecretId=arn)
    with refused("AccessDeniedException"):
        sessions[OTHER, "reader"].put_secret_value(SecretId=arn, SecretString="theirs")
    house.client("secretsmanager").delete_resource_policy(SecretId=arn)
    with refused("AccessDeniedException", re.compile("because no resource-based policy allows")):
        sessions[OTHER, "reader"].describe_secret(SecretId=arn)


def test_accounts_see_nothing_of_each_other(house, iam, make_user, mark):
    user, _ = make_user()
    theirs = house.client("iam", house.root(STRANGER))
    with refused("NoSuchEntity", f"The user with name {mark} cannot be found.", 404):
        theirs.get_user(UserName=mark)
    assert mark not in [shown["UserName"] for shown in theirs.list_users()["Users"]]
    theirs.create_user(UserName=mark)
    theirs.delete_user(UserName=mark)
    assert iam.get_user(UserName=mark)["User"]["Arn"] == user["Arn"]
    made = iam.create_policy(PolicyName=mark, PolicyDocument=policy("iam:*"))["Policy"]["Arn"]
    reason = "because no resource-based policy allows the {action} action"
    with denied(f"arn:aws:iam::{STRANGER}:root", "iam:GetPolicy", "policy " + made, reason):
        theirs.get_policy(PolicyArn=made)


def test_a_role_of_another_account_needs_both(house, make_user, mark):
    theirs = house.client("iam", house.root(STRANGER))
    user, key = make_user()
    role = theirs.create_role(RoleName=mark, AssumeRolePolicyDocument=trusting(user["Arn"]))["Role"]["Arn"]
    ours = house.client("sts", key)
    text = f"User: {user['Arn']} is not authorized to perform: sts:AssumeRole on resource: {role}"
    with refused("AccessDenied", text, 403):
        ours.assume_role(RoleArn=role, RoleSessionName="session")
    house.client("iam").put_user_policy(
        UserName=mark, PolicyName="may", PolicyDocument=policy("sts:AssumeRole", resource=role))
    session = ours.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    assert house.client("sts", session).get_caller_identity()["Account"] == STRANGER
    theirs.update_assume_role_policy(RoleName=mark, PolicyDocument=trusting(f"arn:aws:iam::{OTHER}:root"))
    with refused("AccessDenied", text, 403):
        ours.assume_role(RoleArn=role, RoleSessionName="session")


def test_an_organization_bounds_the_root_too(house, mark):
    root = house.root(OTHER)
    reason = "with an explicit deny in a service control policy"
    with denied(f"arn:aws:iam::{OTHER}:root", "iam:CreateUser", f"arn:aws:iam::{OTHER}:user/{mark}", reason):
        house.client("iam", root).create_user(UserName=mark)
    sm = house.client("secretsmanager", root)
    arn = sm.create_secret(Name=mark, SecretString="kept")["ARN"]
    text = f"User: arn:aws:iam::{OTHER}:root is not authorized to perform: secretsmanager:DeleteSecret on resource: {arn}"
    with refused("AccessDeniedException", f"{text} {reason}"):
        sm.delete_secret(SecretId=mark)
    assert sm.get_secret_value(SecretId=mark)["SecretString"] == "kept"
    # The management account and accounts outside are not bound.
    for key in (house.server.key(), house.root(STRANGER)):
        house.client("iam", key).create_user(UserName=mark)
        house.client("iam", key).delete_user(UserName=mark)


def test_no_path_frees_a_role_of_its_organization(house, make_user, mark):
    user, key = make_user(policy("sts:AssumeRole"))
    there = house.client("iam", house.root(OTHER))
    house.client("secretsmanager", house.root(OTHER)).create_secret(Name=mark, SecretString="kept")
    for number, path in enumerate(("/", "/x:role/aws-service-role/")):
        role = there.create_role(
            RoleName=f"{mark}-{number}", Path=path, AssumeRolePolicyDocument=trusting(user["Arn"]))["Role"]
        there.put_role_policy(RoleName=role["RoleName"], PolicyName="all", PolicyDocument=policy("*"))
        session = house.client("sts", key).assume_role(RoleArn=role["Arn"], RoleSessionName="session")["Credentials"]
        sm = house.client("secretsmanager", session)
        assert sm.get_secret_value(SecretId=mark)["SecretString"] == "kept"
        with refused("AccessDeniedException", re.compile("with an explicit deny in a service control policy$")):
            sm.delete_secret(SecretId=mark)


def test_the_policy_of_an_endpoint_bounds_all_who_come_through(house, iam, make_user, mark):
    user, key = make_user(policy("*"))
    house.client("secretsmanager").create_secret(Name=mark, SecretString="first")
    reason = "because no VPC endpoint policy allows the {action} action"
    for signing, arn in ((key, user["Arn"]), (house.server.key(), house.arn("root"))):
        sm = house.client("secretsmanager", signing, house.endpoint)
        assert sm.get_secret_value(SecretId=mark)["SecretString"] == "first"
        with refused("AccessDeniedException", re.compile(reason.format(action="secretsmanager:PutSecretValue") + "$")):
            sm.put_secret_value(SecretId=mark, SecretString="second")
        through = house.client("iam", signing, house.endpoint)
        through.get_user(UserName=mark)
        with denied(arn, "iam:ListUsers", house.arn("user/"), reason):
            through.list_users()
    # Elsewhere they may.
    house.client("iam", key).list_users()


def test_only_through_the_endpoint(house, make_user, mark):
    _, key = make_user(policy("iam:GetUser", StringEquals={"aws:SourceVpce": "vpce-1234a5678b9012c"}))
    house.client("iam", key, house.endpoint).get_user()
    with refused("AccessDenied", status=403):
        house.client("iam", key).get_user()
