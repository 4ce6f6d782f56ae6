"""Roles: making, changing, listing, tagging and removing them, and their trust policies."""

import datetime
import json
import re

import pytest

from checks import refused
from roles import make_iam, pairs, trust

PROTECTED = "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS"


@pytest.fixture(scope="module")
def iam():
    return make_iam()


@pytest.fixture
def name(prefix):
    return prefix.replace("/", "-role")


@pytest.fixture
def role(iam, name):
    yield iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust())["Role"]
    try:
        iam.delete_role(RoleName=name)
    except iam.exceptions.NoSuchEntityException:
        pass


def test_a_role_from_making_to_removing(iam, name):
    document = trust()
    made = iam.create_role(
        RoleName=name, Path="/division/unit/", AssumeRolePolicyDocument=document, Description="for tests",
        MaxSessionDuration=7200, Tags=pairs(team="red"),
    )["Role"]
    assert re.fullmatch(r"AROA[A-Z2-7]{17}", made["RoleId"])
    assert made["Arn"].endswith(f":role/division/unit/{name}")
    shown = iam.get_role(RoleName=name)["Role"]
    assert shown.pop("RoleLastUsed") == {}
    assert shown == made
    assert shown["AssumeRolePolicyDocument"] == json.loads(document)
    assert (shown["Description"], shown["MaxSessionDuration"]) == ("for tests", 7200)
    assert shown["Tags"] == pairs(team="red")
    assert abs(datetime.datetime.now(datetime.timezone.utc) - shown["CreateDate"]) < datetime.timedelta(minutes=5)
    iam.delete_role(RoleName=name)
    with refused("NoSuchEntity", f"The role with name {name} cannot be found.", 404):
        iam.get_role(RoleName=name)


def test_a_name_is_taken_whatever_its_case(iam, role, name):
    with refused("EntityAlreadyExists", f"Role with name {name.upper()} already exists.", 409):
        iam.create_role(RoleName=name.upper(), AssumeRolePolicyDocument=trust())


def test_a_role_made_anew_has_another_id(iam, role, name):
    iam.delete_role(RoleName=name)
    again = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust())["Role"]
    assert again["RoleId"] != role["RoleId"]


def test_what_is_not_updated_stays(iam, role, name):
    iam.update_role(RoleName=name, Description="first", MaxSessionDuration=43200)
    iam.update_role(RoleName=name, Description="second")
    shown = iam.get_role(RoleName=name)["Role"]
    assert (shown["Description"], shown["MaxSessionDuration"]) == ("second", 43200)
    answer = iam.update_role_description(RoleName=name, Description="")["Role"]
    assert (answer["Description"], answer["MaxSessionDuration"]) == ("", 43200)
    iam.update_role(RoleName=name, MaxSessionDuration=3600)
    assert iam.get_role(RoleName=name)["Role"]["MaxSessionDuration"] == 3600


@pytest.mark.parametrize("seconds", [3599, 43201])
def test_sessions_are_bounded(iam, role, name, seconds):
    with refused("ValidationError", re.compile("maxSessionDuration")):
        make_iam(parameter_validation=False).update_role(RoleName=name, MaxSessionDuration=seconds)
    assert iam.get_role(RoleName=name)["Role"]["MaxSessionDuration"] == 3600


@pytest.mark.parametrize(
    "document, text",
    [("nothing", "This policy contains invalid Json"),
     ("[]", None),
     ('{"Version":"2012-10-17","Statement":[]}', "Could not parse the policy: Statement is empty!"),
     ('{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}',
      "Missing required field Principal"),
     (trust(AWS="arn:aws:iam::123456789012:group/x"),
      'Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:group/x"'),
     (trust().replace("}]}", ',"Resource":"*"}]}'), "Has prohibited field Resource"),
     (trust().replace("sts:AssumeRole", "s3:GetObject"),
      "AssumeRole policy may only specify STS AssumeRole actions.")],
)
def test_malformed_trust_policies(iam, role, name, document, text):
    with refused("MalformedPolicyDocument", text):
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=document)
    with refused("MalformedPolicyDocument", text):
        iam.create_role(RoleName=name + "2", AssumeRolePolicyDocument=document)
    assert iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == json.loads(trust())


def test_who_is_trusted_has_to_be_there(iam, role, name):
    for absent in [role["Arn"] + "x", role["Arn"].replace(":role/", ":user/")]:
        with refused("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{absent}"'):
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust(AWS=absent))
    number = role["Arn"].split(":")[4]
    there = [role["Arn"], number, f"arn:aws:iam::{number}:root", "arn:aws:iam::999999999999:role/elsewhere"]
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust(AWS=there))
    shown = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    assert shown["Statement"][0]["Principal"]["AWS"] == there


def test_a_trust_policy_has_2048_characters_at_most(iam, role, name):
    def sized(characters):
        bare = trust()
        without_space = len(bare.replace('": ', '":').replace(", ", ","))
        return bare.replace('"2012-10-17"', '"2012-10-17", "Id": "{}"'.format("i" * (characters - without_space - 8)))

    iam.update_assume_role_policy(RoleName=name, PolicyDocument=sized(2048) + "\n" * 100)
    with refused("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048", 409):
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=sized(2049))


def test_a_boundary_has_to_be_there(iam, name):
    with refused("NoSuchEntity", re.compile("does not exist or is not attachable"), 404):
        iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=trust(),
            PermissionsBoundary="arn:aws:iam::aws:policy/NoSuchPolicyAtAll",
        )
    boundary = "arn:aws:iam::aws:policy/AdministratorAccess"
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(), PermissionsBoundary=boundary)["Role"]
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    iam.delete_role(RoleName=name)


def test_pages_by_path(iam, name):
    path = f"/{name}/"
    names = [f"{name}-{number}" for number in range(5)]
    for one in names:
        iam.create_role(RoleName=one, Path=path, AssumeRolePolicyDocument=trust(), Tags=pairs(a="b"))
    pages = list(iam.get_paginator("list_roles").paginate(PathPrefix=path, PaginationConfig={"PageSize": 2}))
    assert [page["IsTruncated"] for page in pages] == [True, True, False]
    listed = [role for page in pages for role in page["Roles"]]
    assert [role["RoleName"] for role in listed] == names
    assert all("Tags" not in role and "RoleLastUsed" not in role for role in listed)
    assert listed[0]["AssumeRolePolicyDocument"] == json.loads(trust())
    with refused("ValidationError", "Invalid value for Marker parameter."):
        iam.list_roles(PathPrefix=path, Marker="nonsense")
    with refused("ValidationError", "Invalid value for Marker parameter."):
        iam.list_roles(PathPrefix="/", Marker=pages[0]["Marker"])
    for one in names:
        iam.delete_role(RoleName=one)


def test_tags(iam, role, name):
    iam.tag_role(RoleName=name, Tags=pairs(b="1", a="2", c="3"))
    iam.tag_role(RoleName=name, Tags=pairs(B="4"))
    first = iam.list_role_tags(RoleName=name, MaxItems=2)
    assert first["IsTruncated"]
    second = iam.list_role_tags(RoleName=name, Marker=first["Marker"])
    assert not second["IsTruncated"]
    tags = {tag["Key"]: tag["Value"] for tag in first["Tags"] + second["Tags"]}
    assert tags == {"a": "2", "B": "4", "c": "3"}
    iam.untag_role(RoleName=name, TagKeys=["A", "c", "absent"])
    assert iam.list_role_tags(RoleName=name)["Tags"] == pairs(B="4")
    with refused("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."):
        iam.tag_role(RoleName=name, Tags=pairs(x="1", X="2"))
    with refused("LimitExceeded", status=409):
        iam.tag_role(RoleName=name, Tags=pairs(**{f"k{number}": "v" for number in range(50)}))
    assert iam.list_role_tags(RoleName=name)["Tags"] == pairs(B="4")


def test_absent_roles(iam, name):
    text = f"The role with name {name} cannot be found."
    calls = [
        (iam.update_role, {}),
        (iam.update_role_description, {"Description": ""}),
        (iam.update_assume_role_policy, {"PolicyDocument": trust()}),
        (iam.delete_role, {}),
        (iam.tag_role, {"Tags": pairs(a="1")}),
        (iam.untag_role, {"TagKeys": ["a"]}),
        (iam.list_role_tags, {}),
        (iam.list_instance_profiles_for_role, {}),
        (iam.delete_service_linked_role, {}),
    ]
    for call, rest in calls:
        with refused("NoSuchEntity", text, 404):
            call(RoleName=name, **rest)


def test_a_service_linked_role(iam, prefix):
    service = "secretsmanager.amazonaws.com"
    made = iam.create_service_linked_role(AWSServiceName=service, Description="of the service")["Role"]
    linked = "AWSServiceRoleForSecretsManager"
    try:
        assert made["Arn"].endswith(f":role/aws-service-role/{service}/{linked}")
        assert made["AssumeRolePolicyDocument"] == json.loads(trust(Service=service))
        taken = f"Service role name {linked} has been taken in this account, please try a different suffix."
        with refused("InvalidInput", taken):
            iam.create_service_linked_role(AWSServiceName=service)
        for call, rest in [
            (iam.delete_role, {}),
            (iam.update_assume_role_policy, {"PolicyDocument": trust()}),
            (iam.update_role, {"MaxSessionDuration": 7200}),
            (iam.add_role_to_instance_profile, {"InstanceProfileName": "any"}),
            (iam.attach_role_policy, {"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
        ]:
            with refused("UnmodifiableEntity", PROTECTED.format(linked)):
                call(RoleName=linked, **rest)
        iam.update_role(RoleName=linked, Description="changed")
        assert iam.get_role(RoleName=linked)["Role"]["Description"] == "changed"
    finally:
        task = iam.delete_service_linked_role(RoleName=linked)["DeletionTaskId"]
    assert re.fullmatch(rf"task/aws-service-role/{service}/{linked}/[0-9a-f-]{{36}}", task)
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    with refused("NoSuchEntity", status=404):
        iam.get_role(RoleName=linked)
    with refused("NoSuchEntity", status=404):
        iam.get_service_linked_role_deletion_status(DeletionTaskId=task[:-1] + "x")
    with refused("InvalidInput"):
        iam.get_service_linked_role_deletion_status(DeletionTaskId="nonsense")


def test_service_linked_roles_are_for_services_alone(iam, role, name):
    with refused("InvalidInput"):
        iam.create_service_linked_role(AWSServiceName="nothing.amazonaws.com")
    service = "secretsmanager.amazonaws.com"
    with refused("InvalidInput", f"Custom suffix is not allowed for {service}"):
        iam.create_service_linked_role(AWSServiceName=service, CustomSuffix="x")
    with refused("InvalidInput", "Path prefix '/aws-service-role/' can only be used for AWS Service linked Roles"):
        iam.create_role(RoleName=name + "2", Path=f"/aws-service-role/{service}/", AssumeRolePolicyDocument=trust())
    with refused("NoSuchEntity", status=404):
        iam.delete_service_linked_role(RoleName=name)
    assert iam.get_role(RoleName=name)["Role"]["RoleId"] == role["RoleId"]
