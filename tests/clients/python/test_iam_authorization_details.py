"""GetAccountAuthorizationDetails."""

import json

import pytest

from checks import refused
from roles import make_iam, pairs, trust

SECTIONS = {"User": "UserDetailList", "Group": "GroupDetailList", "Role": "RoleDetailList"}
IN_USE = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
AS_BOUNDARY = "arn:aws:iam::aws:policy/SecretsManagerReadWrite"


def document(action="secretsmanager:GetSecretValue", **more):
    statement = {"Effect": "Allow", "Action": action, "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module")
def iam():
    return make_iam()


@pytest.fixture
def name(prefix):
    return prefix.replace("/", "-details")


@pytest.fixture
def everything(iam, name):
    """A user in a group, a role in an instance profile and a managed policy, all under one path."""
    path = f"/{name}/"
    policy = iam.create_policy(
        PolicyName=name, Path=path, PolicyDocument=document(), Description="about", Tags=pairs(team="red")
    )["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=document("secretsmanager:ListSecrets"), SetAsDefault=True)
    iam.create_user(UserName=name, Path=path, Tags=pairs(team="red"), PermissionsBoundary=AS_BOUNDARY)
    iam.create_group(GroupName=name, Path=path)
    iam.add_user_to_group(UserName=name, GroupName=name)
    iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust(), Tags=pairs(team="red"), Description="x")
    iam.create_instance_profile(InstanceProfileName=name, Path=path, Tags=pairs(team="red"))
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    iam.put_user_policy(UserName=name, PolicyName="one", PolicyDocument=document())
    iam.put_group_policy(GroupName=name, PolicyName="two", PolicyDocument=document())
    iam.put_role_policy(RoleName=name, PolicyName="three", PolicyDocument=document())
    iam.attach_user_policy(UserName=name, PolicyArn=IN_USE)
    iam.attach_group_policy(GroupName=name, PolicyArn=policy)
    iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=policy)
    return path


def walked(iam, size=None, **asked):
    """All pages as one: entities by section, and how many each page had."""
    whole, sizes = {section: [] for section in [*SECTIONS.values(), "Policies"]}, []
    config = {} if size is None else {"PaginationConfig": {"PageSize": size}}
    for page in iam.get_paginator("get_account_authorization_details").paginate(**asked, **config):
        sizes.append(sum(len(page[section]) for section in whole))
        for section, entities in whole.items():
            entities.extend(page[section])
    return whole, sizes


def under(path, entities):
    [entity] = [entity for entity in entities if entity["Path"] == path]
    return entity


def test_all_that_an_account_has(iam, name, everything):
    whole, _ = walked(iam)
    account = iam.get_user(UserName=name)["User"]["Arn"].split(":")[4]
    user = under(everything, whole["UserDetailList"])
    shown = iam.get_user(UserName=name)["User"]
    for member in ("UserName", "UserId", "Arn", "CreateDate", "Tags", "PermissionsBoundary"):
        assert user[member] == shown[member], member
    assert user["UserPolicyList"] == [{"PolicyName": "one", "PolicyDocument": json.loads(document())}]
    assert user["GroupList"] == [name]
    assert user["AttachedManagedPolicies"] == [{"PolicyName": "IAMReadOnlyAccess", "PolicyArn": IN_USE}]
    own = [{"PolicyName": name, "PolicyArn": f"arn:aws:iam::{account}:policy{everything}{name}"}]
    group = under(everything, whole["GroupDetailList"])
    shown = iam.get_group(GroupName=name)["Group"]
    assert group == {
        **shown,
        "GroupPolicyList": [{"PolicyName": "two", "PolicyDocument": json.loads(document())}],
        "AttachedManagedPolicies": own,
    }
    role = under(everything, whole["RoleDetailList"])
    shown = iam.get_role(RoleName=name)["Role"]
    for member in ("RoleName", "RoleId", "Arn", "CreateDate", "Tags", "PermissionsBoundary", "AssumeRolePolicyDocument"):
        assert role[member] == shown[member], member
    assert role["RolePolicyList"] == [{"PolicyName": "three", "PolicyDocument": json.loads(document())}]
    assert role["AttachedManagedPolicies"] == own and role["RoleLastUsed"] == {}
    listed = iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"]
    assert role["InstanceProfileList"] == listed and listed[0]["InstanceProfileName"] == name


def test_managed_policies_with_their_versions(iam, name, everything):
    whole, _ = walked(iam, Filter=["LocalManagedPolicy"])
    policy = under(everything, whole["Policies"])
    shown = iam.get_policy(PolicyArn=policy["Arn"])["Policy"]
    for member in ("PolicyName", "PolicyId", "Path", "DefaultVersionId", "IsAttachable", "CreateDate", "UpdateDate"):
        assert policy[member] == shown[member], member
    assert (policy["AttachmentCount"], policy["PermissionsBoundaryUsageCount"]) == (2, 1)
    assert "Description" not in policy and "Tags" not in policy
    versions = policy["PolicyVersionList"]
    assert [(version["VersionId"], version["IsDefaultVersion"]) for version in versions] == [("v2", True), ("v1", False)]
    assert versions[1]["Document"] == json.loads(document())


def test_policies_of_aws_that_are_in_use(iam, everything):
    whole, _ = walked(iam, Filter=["AWSManagedPolicy"])
    used = {policy["Arn"]: policy for policy in whole["Policies"]}
    assert all(arn.startswith("arn:aws:iam::aws:") for arn in used)
    for policy in used.values():
        assert policy["AttachmentCount"] + policy["PermissionsBoundaryUsageCount"] > 0
    assert used[IN_USE]["AttachmentCount"] >= 1 and used[AS_BOUNDARY]["PermissionsBoundaryUsageCount"] >= 1
    assert [version["IsDefaultVersion"] for version in used[IN_USE]["PolicyVersionList"]] == [True]


def test_bare_entities(iam, name):
    path = f"/{name}/"
    iam.create_user(UserName=name, Path=path)
    iam.create_group(GroupName=name, Path=path)
    iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=trust())
    whole, _ = walked(iam)
    user = under(path, whole["UserDetailList"])
    assert (user["GroupList"], user["AttachedManagedPolicies"]) == ([], [])
    assert not {"UserPolicyList", "Tags", "PermissionsBoundary"} & set(user)
    group = under(path, whole["GroupDetailList"])
    assert (group["GroupPolicyList"], group["AttachedManagedPolicies"]) == ([], [])
    role = under(path, whole["RoleDetailList"])
    assert (role["RolePolicyList"], role["InstanceProfileList"], role["RoleLastUsed"]) == ([], [], {})


@pytest.mark.parametrize("kind, section", SECTIONS.items())
def test_filter_by_kind(iam, everything, kind, section):
    whole, _ = walked(iam, Filter=[kind])
    assert under(everything, whole.pop(section))
    assert not any(whole.values())


def test_filters_join(iam, everything):
    whole, _ = walked(iam, Filter=["Role", "User", "Role"])
    assert under(everything, whole["UserDetailList"]) and under(everything, whole["RoleDetailList"])
    assert not whole["GroupDetailList"] and not whole["Policies"]


@pytest.mark.parametrize("size", [1, 2, 7])
def test_pages_go_through_all_kinds(iam, everything, size):
    whole, _ = walked(iam)
    paged, sizes = walked(iam, size)
    assert paged == whole
    assert set(sizes[:-1]) <= {size} and sizes[-1] <= size


def test_long_paths_make_no_long_markers(iam, name):
    path = f"/{name}/" + "x" * 400 + "/"
    for number in range(3):
        iam.create_group(GroupName=f"{name}-{number}", Path=path)
    whole, _ = walked(iam, 1, Filter=["Group"])
    found = [group["GroupName"] for group in whole["GroupDetailList"] if group["Path"] == path]
    assert found == [f"{name}-{number}" for number in range(3)]


def test_a_page_ends_before_it_grows(iam, name):
    large = document([f"secretsmanager:Get{number:0100}" for number in range(48)])
    for number in range(40):
        arn = iam.create_policy(PolicyName=f"{name}-{number}", PolicyDocument=large)["Policy"]["Arn"]
        for _ in range(4):
            iam.create_policy_version(PolicyArn=arn, PolicyDocument=large)
    whole, sizes = walked(iam, 1000, Filter=["LocalManagedPolicy"])
    assert sum(policy["PolicyName"].startswith(name) for policy in whole["Policies"]) == 40
    assert len(sizes) >= 2 and len(whole["Policies"]) < 1000


def test_refusals(iam, everything):
    loose = make_iam(parameter_validation=False)
    first = iam.get_account_authorization_details(MaxItems=1, Filter=["User", "Role"])
    assert first["IsTruncated"] is True
    text = "Marker and Filter do not match"
    with refused("ValidationError", text):
        iam.get_account_authorization_details(Marker=first["Marker"], Filter=["User"])
    with refused("ValidationError", text):
        iam.get_account_authorization_details(Marker="nothing")
    again = iam.get_account_authorization_details(Marker=first["Marker"], Filter=["Role", "User"])
    assert again["UserDetailList"] or again["RoleDetailList"]
    for change in ({"Filter": ["user"]}, {"MaxItems": 1001}, {"MaxItems": 0}):
        with refused("ValidationError"):
            loose.get_account_authorization_details(**change)
