"""Pages of IAM's lists whose entities have long paths, ARNs and tag keys: a marker has 320 characters at most."""

import json

import pytest

from roles import make_iam, trust

POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}}
)


@pytest.fixture(scope="module")
def iam():
    return make_iam()


@pytest.fixture
def name(prefix):
    return prefix.replace("/", "-pages")


@pytest.fixture
def path(name):
    return f"/{name}/" + "x" * 400 + "/"


def walked(iam, operation, member, **asked):
    """All entries of a list, read one at a time."""
    pages = list(iam.get_paginator(operation).paginate(PaginationConfig={"PageSize": 1}, **asked))
    assert all(len(page[member]) <= 1 for page in pages)
    return [entry for page in pages for entry in page[member]]


@pytest.mark.parametrize("kind, member", [("user", "Users"), ("group", "Groups"), ("role", "Roles")])
def test_entities(iam, name, path, kind, member):
    more = {"AssumeRolePolicyDocument": trust()} if kind == "role" else {}
    names = [f"{name}-{number}" for number in range(3)]
    for each in names:
        getattr(iam, f"create_{kind}")(**{f"{kind.title()}Name": each}, Path=path, **more)
    listed = walked(iam, f"list_{kind}s", member, PathPrefix=f"/{name}/")
    assert [entry[f"{kind.title()}Name"] for entry in listed] == names


def test_what_was_removed_meanwhile(iam, name, path):
    """The list goes on where the path of what is gone is short; a long one cannot be told any more."""
    for number in range(3):
        iam.create_group(GroupName=f"{name}-{number}", Path=f"/{name}/")
    first = iam.list_groups(PathPrefix=f"/{name}/", MaxItems=1)
    iam.delete_group(GroupName=f"{name}-0")
    rest = iam.list_groups(PathPrefix=f"/{name}/", Marker=first["Marker"])["Groups"]
    assert [group["GroupName"] for group in rest] == [f"{name}-1", f"{name}-2"]


def test_policies_and_what_they_are_attached_to(iam, name, path):
    names = [f"{name}-{number}" for number in range(3)]
    arns = [iam.create_policy(PolicyName=each, Path=path, PolicyDocument=POLICY)["Policy"]["Arn"] for each in names]
    listed = walked(iam, "list_policies", "Policies", Scope="Local", PathPrefix=f"/{name}/")
    assert [policy["PolicyName"] for policy in listed] == names
    iam.create_user(UserName=name, Path=path)
    for arn in reversed(arns):
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
    attached = walked(iam, "list_attached_user_policies", "AttachedPolicies", UserName=name)
    assert [policy["PolicyArn"] for policy in attached] == list(reversed(arns)), "in the order of attachment"
    for number in range(3):
        iam.create_group(GroupName=f"{name}-{number}", Path=path)
        iam.add_user_to_group(UserName=name, GroupName=f"{name}-{number}")
    groups = walked(iam, "list_groups_for_user", "Groups", UserName=name)
    assert [group["GroupName"] for group in groups] == names


def test_policies_of_the_account_and_of_aws(iam):
    whole = iam.list_policies(MaxItems=1000)
    assert whole["IsTruncated"] is False
    paged = walked(iam, "list_policies", "Policies")
    assert [policy["Arn"] for policy in paged] == [policy["Arn"] for policy in whole["Policies"]]


def test_tags(iam, name):
    iam.create_user(UserName=name)
    keys = [chr(0x4E00) * 120 + str(number) for number in range(4)]
    iam.tag_user(UserName=name, Tags=[{"Key": key, "Value": "v"} for key in keys])
    assert [tag["Key"] for tag in walked(iam, "list_user_tags", "Tags", UserName=name)] == keys
