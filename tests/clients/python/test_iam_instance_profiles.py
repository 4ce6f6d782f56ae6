"""Instance profiles and the role in them."""

import json
import re

import pytest

from checks import refused
from roles import make_iam, pairs, trust

CONFLICT = "Cannot delete entity, must remove roles from instance profile first."


@pytest.fixture(scope="module")
def iam():
    return make_iam()


@pytest.fixture
def name(prefix):
    return prefix.replace("/", "-profile")


@pytest.fixture
def role(iam, name):
    yield iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust())["Role"]
    for profile in iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"]:
        iam.remove_role_from_instance_profile(
            InstanceProfileName=profile["InstanceProfileName"], RoleName=name
        )
    iam.delete_role(RoleName=name)


def test_a_profile_from_making_to_removing(iam, name):
    made = iam.create_instance_profile(InstanceProfileName=name, Path="/a/b/", Tags=pairs(team="red"))["InstanceProfile"]
    assert re.fullmatch(r"AIPA[A-Z2-7]{17}", made["InstanceProfileId"])
    assert made["Arn"].endswith(f":instance-profile/a/b/{name}")
    assert (made["Roles"], made["Tags"]) == ([], pairs(team="red"))
    assert iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"] == made
    with refused("EntityAlreadyExists", f"Instance Profile {name} already exists.", 409):
        iam.create_instance_profile(InstanceProfileName=name)
    iam.delete_instance_profile(InstanceProfileName=name)
    with refused("NoSuchEntity", f"Instance Profile {name} cannot be found.", 404):
        iam.get_instance_profile(InstanceProfileName=name)


def test_one_role_goes_in(iam, role, name):
    other = name + "-other"
    iam.create_instance_profile(InstanceProfileName=name)
    iam.create_role(RoleName=other, AssumeRolePolicyDocument=trust())
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    inside = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]
    assert [one["RoleId"] for one in inside] == [role["RoleId"]]
    assert inside[0]["AssumeRolePolicyDocument"] == json.loads(trust())
    with refused("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1", 409):
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=other)
    with refused("DeleteConflict", CONFLICT, 409):
        iam.delete_role(RoleName=name)
    with refused("DeleteConflict", CONFLICT, 409):
        iam.delete_instance_profile(InstanceProfileName=name)
    with refused("NoSuchEntity", status=404):
        iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=other)
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
    assert iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"] == []
    iam.delete_instance_profile(InstanceProfileName=name)
    iam.delete_role(RoleName=other)


def test_the_profiles_of_a_role(iam, role, name):
    names = [f"{name}-{number}" for number in range(3)]
    for one in names:
        iam.create_instance_profile(InstanceProfileName=one, Path=f"/{name}/")
        iam.add_role_to_instance_profile(InstanceProfileName=one, RoleName=name)
    pages = iam.get_paginator("list_instance_profiles_for_role").paginate(
        RoleName=name, PaginationConfig={"PageSize": 2}
    )
    of_role = [profile for page in pages for profile in page["InstanceProfiles"]]
    assert sorted(profile["InstanceProfileName"] for profile in of_role) == names
    pages = iam.get_paginator("list_instance_profiles").paginate(
        PathPrefix=f"/{name}/", PaginationConfig={"PageSize": 2}
    )
    listed = [profile for page in pages for profile in page["InstanceProfiles"]]
    assert [profile["InstanceProfileName"] for profile in listed] == names
    assert all(profile["Roles"][0]["RoleName"] == name for profile in listed)
    for one in names:
        iam.remove_role_from_instance_profile(InstanceProfileName=one, RoleName=name)
        iam.delete_instance_profile(InstanceProfileName=one)
    assert iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"] == []


def test_tags(iam, name):
    iam.create_instance_profile(InstanceProfileName=name)
    iam.tag_instance_profile(InstanceProfileName=name, Tags=pairs(a="1", b="2"))
    iam.untag_instance_profile(InstanceProfileName=name, TagKeys=["A"])
    answer = iam.list_instance_profile_tags(InstanceProfileName=name)
    assert (answer["Tags"], answer["IsTruncated"]) == (pairs(b="2"), False)
    iam.delete_instance_profile(InstanceProfileName=name)


def test_absent_profiles(iam, role, name):
    absent = name + "-absent"
    for call, rest in [
        (iam.get_instance_profile, {}),
        (iam.delete_instance_profile, {}),
        (iam.add_role_to_instance_profile, {"RoleName": name}),
        (iam.remove_role_from_instance_profile, {"RoleName": name}),
        (iam.tag_instance_profile, {"Tags": pairs(a="1")}),
        (iam.untag_instance_profile, {"TagKeys": ["a"]}),
        (iam.list_instance_profile_tags, {}),
    ]:
        with refused("NoSuchEntity", f"Instance Profile {absent} cannot be found.", 404):
            call(InstanceProfileName=absent, **rest)
