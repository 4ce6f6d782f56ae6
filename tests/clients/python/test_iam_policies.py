"""Managed policies and their versions, inline policies, attachments and boundaries."""

import json

import pytest

from checks import refused
from roles import make_iam, pairs, trust


def document(action="secretsmanager:GetSecretValue", **more):
    """A policy that allows one action."""
    statement = {"Effect": "Allow", "Action": action, "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


@pytest.fixture(scope="module")
def iam():
    return make_iam()


@pytest.fixture
def name(prefix):
    return prefix.replace("/", "-policy")


@pytest.fixture
def arn(iam, name):
    return iam.create_policy(PolicyName=name, Path="/team/", PolicyDocument=document())["Policy"]["Arn"]


@pytest.fixture
def role(iam, name):
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust())
    return name


def test_a_policy_from_making_to_removing(iam, name):
    made = iam.create_policy(
        PolicyName=name, Path="/team/", PolicyDocument=document(), Description="for tests", Tags=pairs(team="red"),
    )["Policy"]
    arn = made["Arn"]
    assert arn.endswith(f":policy/team/{name}") and made["PolicyId"].startswith("ANPA")
    shown = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (shown["Description"], shown["Tags"], shown["DefaultVersionId"]) == ("for tests", pairs(team="red"), "v1")
    assert (shown["AttachmentCount"], shown["PermissionsBoundaryUsageCount"], shown["IsAttachable"]) == (0, 0, True)
    taken = f"A policy called {name} already exists. Duplicate names are not allowed."
    with refused("EntityAlreadyExists", taken, 409):
        iam.create_policy(PolicyName=name, PolicyDocument=document())
    iam.tag_policy(PolicyArn=arn, Tags=pairs(stage="test"))
    iam.untag_policy(PolicyArn=arn, TagKeys=["team"])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == pairs(stage="test")
    iam.delete_policy(PolicyArn=arn)
    with refused("NoSuchEntity", f"Policy {arn} was not found.", 404):
        iam.get_policy(PolicyArn=arn)


def test_five_versions_at_most_and_the_default_stays(iam, arn):
    for number in range(2, 6):
        text = document(f"secretsmanager:Get{number}")
        made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=number == 3)["PolicyVersion"]
        assert (made["VersionId"], made["IsDefaultVersion"]) == (f"v{number}", number == 3)
    with refused("LimitExceeded", status=409):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document())
    listed = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [version["VersionId"] for version in listed] == ["v5", "v4", "v3", "v2", "v1"]
    shown = iam.get_policy_version(PolicyArn=arn, VersionId="v3")["PolicyVersion"]
    assert shown["Document"] == json.loads(document("secretsmanager:Get3")) and shown["IsDefaultVersion"]
    with refused("DeleteConflict", "Cannot delete the default version of a policy.", 409):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v3")
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    with refused("DeleteConflict", status=409):
        iam.delete_policy(PolicyArn=arn)
    for number in range(2, 6):
        iam.delete_policy_version(PolicyArn=arn, VersionId=f"v{number}")
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document())["PolicyVersion"]
    assert made["VersionId"] == "v6", "numbers are never used twice"
    with refused("NoSuchEntity", f"Policy {arn} version v5 does not exist or is not attachable.", 404):
        iam.get_policy_version(PolicyArn=arn, VersionId="v5")


@pytest.mark.parametrize(
    "text, answer",
    [
        ("{", "Syntax errors in policy."),
        (document(Principal="*"), "Policy document should not specify a principal."),
        (document("nothing"), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
    ],
)
def test_malformed_documents(iam, name, role, text, answer):
    with refused("MalformedPolicyDocument", answer):
        iam.create_policy(PolicyName=name, PolicyDocument=text)
    with refused("MalformedPolicyDocument", answer):
        iam.put_role_policy(RoleName=role, PolicyName="one", PolicyDocument=text)


def test_sizes_count_no_white_space(iam, name, role):
    long = document([f"secretsmanager:Get{number:0100}" for number in range(60)])
    with refused("LimitExceeded", "Cannot exceed quota for PolicySize: 6144", 409):
        iam.create_policy(PolicyName=name, PolicyDocument=long)
    spaced = json.dumps(json.loads(document()), indent=1).replace("\n", "\n" + " " * 1000)
    iam.create_policy(PolicyName=name, PolicyDocument=spaced)
    iam.put_role_policy(RoleName=role, PolicyName="one", PolicyDocument=long)
    iam.put_role_policy(RoleName=role, PolicyName="one", PolicyDocument=long)
    with refused("LimitExceeded", f"Maximum policy size of 10240 bytes exceeded for role {role}", 409):
        iam.put_role_policy(RoleName=role, PolicyName="two", PolicyDocument=long)


def test_inline_policies(iam, role):
    for policy in "cab":
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=document())
    first = iam.list_role_policies(RoleName=role, MaxItems=2)
    assert (first["PolicyNames"], first["IsTruncated"]) == (["a", "b"], True)
    assert iam.list_role_policies(RoleName=role, Marker=first["Marker"])["PolicyNames"] == ["c"]
    shown = iam.get_role_policy(RoleName=role, PolicyName="a")
    assert (shown["RoleName"], shown["PolicyDocument"]) == (role, json.loads(document()))
    iam.delete_role_policy(RoleName=role, PolicyName="a")
    with refused("NoSuchEntity", "The role policy with name a cannot be found.", 404):
        iam.get_role_policy(RoleName=role, PolicyName="a")


def test_attachments_and_who_holds_a_policy(iam, name, role, arn):
    iam.create_user(UserName=name)
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    iam.attach_user_policy(UserName=name, PolicyArn=arn)
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=arn)
    shown = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (shown["AttachmentCount"], shown["PermissionsBoundaryUsageCount"]) == (2, 1)
    assert iam.get_user(UserName=name)["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    wanted = [{"PolicyName": name, "PolicyArn": arn}]
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == wanted
    assert iam.list_attached_role_policies(RoleName=role, PathPrefix="/other/")["AttachedPolicies"] == []
    holders = iam.list_entities_for_policy(PolicyArn=arn)
    assert [user["UserName"] for user in holders["PolicyUsers"]] == [name]
    assert [found["RoleName"] for found in holders["PolicyRoles"]] == [role]
    bounded = iam.list_entities_for_policy(PolicyArn=arn, PolicyUsageFilter="PermissionsBoundary")
    assert (len(bounded["PolicyUsers"]), bounded["PolicyRoles"]) == (1, [])
    with refused("DeleteConflict", "Cannot delete a policy attached to entities.", 409):
        iam.delete_policy(PolicyArn=arn)
    user_arn = iam.get_user(UserName=name)["User"]["Arn"]
    granting = iam.list_policies_granting_service_access(Arn=user_arn, ServiceNamespaces=["secretsmanager", "s3"])
    first, second = granting["PoliciesGrantingServiceAccess"]
    assert (first["Policies"][0]["PolicyArn"], second["Policies"]) == (arn, [])
    iam.delete_user_permissions_boundary(UserName=name)
    iam.detach_user_policy(UserName=name, PolicyArn=arn)
    with refused("NoSuchEntity", f"Policy {arn} was not found.", 404):
        iam.detach_user_policy(UserName=name, PolicyArn=arn)
    missing = arn + "x"
    with refused("NoSuchEntity", f"Policy {missing} does not exist or is not attachable.", 404):
        iam.attach_role_policy(RoleName=role, PolicyArn=missing)


def test_ten_policies_at_most(iam, name, role):
    arns = [
        iam.create_policy(PolicyName=f"{name}{number}", PolicyDocument=document())["Policy"]["Arn"]
        for number in range(11)
    ]
    for arn in arns[:10]:
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    with refused("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10", 409):
        iam.attach_role_policy(RoleName=role, PolicyArn=arns[10])


def test_policies_of_aws_are_listed_and_nobody_changes_them(iam):
    listed = iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 3})
    names = [policy["PolicyName"] for page in listed for policy in page["Policies"]]
    assert "AdministratorAccess" in names and names == sorted(names) and len(names) == 10
    roles = iam.list_policies(Scope="AWS", PathPrefix="/service-role/")["Policies"]
    assert {policy["Path"] for policy in roles} == {"/service-role/"} and len(roles) == 2
    with refused("AccessDenied", status=403):
        iam.delete_policy(PolicyArn=ADMINISTRATOR)
    version = iam.get_policy(PolicyArn=ADMINISTRATOR)["Policy"]["DefaultVersionId"]
    shown = iam.get_policy_version(PolicyArn=ADMINISTRATOR, VersionId=version)["PolicyVersion"]
    assert shown["Document"]["Statement"][0]["Action"] == "*"


def test_own_policies_are_listed_in_pages(iam, name):
    path = f"/{name}/"
    for number in range(5):
        iam.create_policy(PolicyName=f"{name}{number}", Path=path, PolicyDocument=document())
    listed = iam.get_paginator("list_policies").paginate(PathPrefix=path, PaginationConfig={"PageSize": 2})
    pages = [[policy["PolicyName"] for policy in page["Policies"]] for page in listed]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert sum(pages, []) == [f"{name}{number}" for number in range(5)]
    assert iam.list_policies(PathPrefix=path, OnlyAttached=True)["Policies"] == []


def test_the_keys_that_policies_ask_for(iam, name, role):
    asking = document(Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}})
    resource = document(Resource="arn:aws:secretsmanager:*:*:secret:${aws:username}-*")
    shown = iam.get_context_keys_for_custom_policy(PolicyInputList=[asking, resource])
    assert sorted(shown["ContextKeyNames"]) == ["aws:SourceVpce", "aws:username"]
    iam.put_role_policy(RoleName=role, PolicyName="one", PolicyDocument=asking)
    arn = iam.get_role(RoleName=role)["Role"]["Arn"]
    assert iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)["ContextKeyNames"] == ["aws:SourceVpce"]
    with refused("NoSuchEntity", status=404):
        iam.get_context_keys_for_principal_policy(PolicySourceArn=arn + "x")
    with refused("InvalidInput"):
        iam.get_context_keys_for_custom_policy(PolicyInputList=["{"])
