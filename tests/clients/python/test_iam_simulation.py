"""SimulateCustomPolicy and SimulatePrincipalPolicy."""

import json

import boto3
import pytest

import conftest
from checks import refused
from roles import make_iam, trust

READ = "secretsmanager:GetSecretValue"
WRITE = "secretsmanager:PutSecretValue"
ACCOUNT = "111122223333"
ONE = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:one-AbCdEf"
TWO = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:two-AbCdEf"
ANN = f"arn:aws:iam::{ACCOUNT}:user/team/ann"
OTHER = "444455556666"


def statement(effect="Allow", action=READ, resource="*", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def policy(*statements, indent=None):
    separators = None if indent else (",", ":")
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=indent, separators=separators)


ALLOW, DENY = policy(statement()), policy(statement("Deny"))
EVERYTHING = policy(statement(action="*"))
ALLOW_WRITE = policy(statement(action=WRITE))


def entry(name, *values, kind="string"):
    return {"ContextKeyName": name, "ContextKeyValues": list(values), "ContextKeyType": kind}


@pytest.fixture(scope="module")
def iam():
    return make_iam()


@pytest.fixture(scope="module")
def loose():
    """The client without botocore's own checks."""
    return make_iam(parameter_validation=False)


@pytest.fixture
def custom(iam):
    """Simulates given policies, one action unless more are named: the results."""

    def simulate(*policies, actions=(READ,), **more):
        answer = iam.simulate_custom_policy(PolicyInputList=list(policies), ActionNames=list(actions), **more)
        assert answer["IsTruncated"] is False and "Marker" not in answer
        return answer["EvaluationResults"]

    return simulate


@pytest.fixture
def only(custom):
    """The result of a simulation of one action."""

    def simulate(*policies, **more):
        [result] = custom(*policies, **more)
        return result

    return simulate


def matched(result):
    """The statements of a result: its policy, its kind, and where it begins and ends."""

    def place(position):
        return position["Line"], position["Column"]

    return [
        (found["SourcePolicyId"], found["SourcePolicyType"], place(found["StartPosition"]), place(found["EndPosition"]))
        for found in result.get("MatchedStatements", [])
    ]


def sources(result):
    return sorted(found["SourcePolicyId"] for found in result.get("MatchedStatements", []))


def test_allowed_without_resources(only):
    assert only(ALLOW) == {
        "EvalActionName": READ,
        "EvalResourceName": "*",
        "EvalDecision": "allowed",
        "MatchedStatements": [
            {
                "SourcePolicyId": "PolicyInputList.1",
                "SourcePolicyType": "IAM Policy",
                "StartPosition": {"Line": 1, "Column": 38},
                "EndPosition": {"Line": 1, "Column": len(ALLOW) - 1},
            }
        ],
        "MissingContextValues": [],
    }


def test_implicit_and_explicit_denial(only):
    for result in (only(ALLOW_WRITE), only()):
        assert (result["EvalDecision"], result["MatchedStatements"]) == ("implicitDeny", [])
    result = only(ALLOW, DENY)
    assert (result["EvalDecision"], sources(result)) == ("explicitDeny", ["PolicyInputList.2"])
    assert sources(only(ALLOW, EVERYTHING)) == ["PolicyInputList.1", "PolicyInputList.2"]


def test_statements_begin_where_the_one_before_ends(custom):
    text = policy(statement(Sid="First"), statement("Deny", WRITE, Sid="Second"), indent=2)
    first, second = custom(text, actions=[READ, WRITE])
    assert matched(first) == [("PolicyInputList.1", "IAM Policy", (3, 17), (9, 6))]
    assert matched(second) == [("PolicyInputList.1", "IAM Policy", (9, 6), (15, 6))]
    single = json.dumps({"Statement": statement()})
    [result] = custom(single)
    assert matched(result) == [("PolicyInputList.1", "IAM Policy", (1, 16), (1, len(single)))]


def test_one_resource(only):
    result = only(ALLOW, ResourceArns=[ONE])
    assert (result["EvalResourceName"], result["EvalDecision"], result["EvalDecisionDetails"]) == (ONE, "allowed", {})
    assert result["ResourceSpecificResults"] == [
        {
            "EvalResourceName": ONE,
            "EvalResourceDecision": "allowed",
            "MatchedStatements": result["MatchedStatements"],
        }
    ]


def test_several_actions_and_resources(custom):
    text = policy(statement(resource=ONE), statement(action=WRITE), statement("Deny", WRITE, TWO))
    read, write, unknown = custom(text, actions=[READ, WRITE.upper(), "madeup:Action"], ResourceArns=[ONE, TWO])
    assert [result["EvalActionName"] for result in (read, write, unknown)] == [READ, WRITE.upper(), "madeup:Action"]
    assert {result["EvalResourceName"] for result in (read, write, unknown)} == {"*"}

    def decisions(result):
        specific = result["ResourceSpecificResults"]
        assert [found["EvalResourceName"] for found in specific] == [ONE, TWO]
        return result["EvalDecision"], *(found["EvalResourceDecision"] for found in specific)

    assert decisions(read) == ("implicitDeny", "allowed", "implicitDeny"), "the most restrictive of all resources"
    assert decisions(write) == ("explicitDeny", "allowed", "explicitDeny")
    assert decisions(unknown) == ("implicitDeny", "implicitDeny", "implicitDeny")
    assert len(matched(read)) == 1 and matched(read) == matched(read["ResourceSpecificResults"][0])
    assert "MatchedStatements" not in read["ResourceSpecificResults"][1]
    assert matched(write) == matched(write["ResourceSpecificResults"][1]), "an explicit denial shows what denies"


def test_wildcards_in_actions_are_no_wildcards(custom):
    every, other = custom(policy(statement(action="secretsmanager:*")), actions=["secretsmanager:*", "s3:"])
    assert (every["EvalDecision"], other["EvalDecision"]) == ("allowed", "implicitDeny")
    assert custom(ALLOW, actions=["secretsmanager:*"])[0]["EvalDecision"] == "implicitDeny"


def test_missing_context_and_given(only):
    on_team = {"StringEquals": {"aws:PrincipalTag/Team": "red", "secretsmanager:VersionStage": "AWSCURRENT"}}
    text = policy(statement(Condition=on_team), statement(action=WRITE, resource="arn:aws:s3:::b/${aws:username}"))
    result = only(text, ResourceArns=[ONE])
    assert result["EvalDecision"] == "implicitDeny"
    missing = ["aws:PrincipalTag/Team", "aws:username", "secretsmanager:VersionStage"]
    assert result["MissingContextValues"] == missing, "whatever the statements are about"
    assert result["ResourceSpecificResults"][0]["MissingContextValues"] == missing
    stage = entry("SecretsManager:VersionStage", "AWSPENDING", "AWSCURRENT", kind="stringList")
    given = [entry("aws:principaltag/team", "red"), stage]
    result = only(text, ContextEntries=given)
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])
    result = only(text, ContextEntries=[entry("aws:PrincipalTag/Team", "blue"), stage])
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("implicitDeny", ["aws:username"])
    assert only(ALLOW, text)["MissingContextValues"] == [], "nothing is missing of what is decided"


@pytest.mark.parametrize(
    "condition, given, decision",
    [
        ({"NumericLessThan": {"a:size": "10"}}, entry("a:size", "9.5", kind="numeric"), "allowed"),
        ({"NumericLessThan": {"a:size": "10"}}, entry("a:size", "1e2", kind="numeric"), "implicitDeny"),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, entry("aws:MultiFactorAuthPresent", "TRUE", kind="boolean"), "allowed"),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, entry("aws:MultiFactorAuthPresent", "yes", kind="boolean"), "implicitDeny"),
        ({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, entry("aws:SourceIp", "192.0.2.9", kind="ip"), "allowed"),
        ({"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}, entry("aws:CurrentTime", "2029", kind="date"), "allowed"),
        ({"BinaryEquals": {"a:bytes": "AAE="}}, entry("a:bytes", "AAE=", kind="binary"), "allowed"),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}, entry("aws:TagKeys", "a", "c", kind="stringList"), "implicitDeny"),
        ({"Null": {"a:key": "false"}}, entry("a:key", ""), "allowed"),
    ],
)
def test_types_of_context(only, condition, given, decision):
    assert only(policy(statement(Condition=condition)), ContextEntries=[given])["EvalDecision"] == decision


def test_what_follows_from_the_caller(only):
    def on(key, value):
        return policy(statement(Condition={"StringEquals": {key: value}}))

    for key, value in [("aws:PrincipalArn", ANN), ("aws:username", "ann"), ("aws:PrincipalAccount", ACCOUNT)]:
        assert only(on(key, value), CallerArn=ANN)["EvalDecision"] == "allowed", key
        assert only(on(key, value))["EvalDecision"] == "implicitDeny", key
    given = [entry("aws:username", "bob")]
    assert only(on("aws:username", "bob"), CallerArn=ANN, ContextEntries=given)["EvalDecision"] == "allowed"
    role = f"arn:aws:iam::{ACCOUNT}:role/ann"
    assert only(on("aws:username", "ann"), CallerArn=role)["EvalDecision"] == "implicitDeny", "a role has no user name"


def test_boundary(only):
    def within(boundary, *policies):
        result = only(*policies, PermissionsBoundaryPolicyInputList=[boundary], ResourceArns=[ONE])
        [specific] = result["ResourceSpecificResults"]
        assert specific["PermissionsBoundaryDecisionDetail"] == result["PermissionsBoundaryDecisionDetail"]
        return (
            result["EvalDecision"],
            result["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"],
            matched(result),
        )

    decision, allowed, found = within(EVERYTHING, ALLOW)
    assert (decision, allowed, [each[:2] for each in found]) == ("allowed", True, [("PolicyInputList.1", "IAM Policy")])
    assert within(ALLOW_WRITE, ALLOW) == ("implicitDeny", False, [])
    assert within(EVERYTHING) == ("implicitDeny", True, [])
    decision, allowed, found = within(DENY, ALLOW)
    kinds = [each[:2] for each in found]
    wanted = [("PermissionsBoundaryPolicyInputList.1", "Permissions Boundary Policy")]
    assert (decision, allowed, kinds) == ("explicitDeny", False, wanted)
    key = policy(statement(Condition={"StringEquals": {"a:boundary": "x"}}))
    result = only(ALLOW, PermissionsBoundaryPolicyInputList=[key])
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("implicitDeny", ["a:boundary"])


def test_organization(only):
    def under(*levels, **more):
        tree = [{"ServiceControlPolicyInputList": list(level)} for level in levels]
        result = only(ALLOW, OrderedOrganizationPolicyInputList=tree, **more)
        allowed = result["OrganizationsDecisionDetail"]["AllowedByOrganizations"]
        return result["EvalDecision"], allowed, sources(result), result["MissingContextValues"]

    assert under([EVERYTHING], [EVERYTHING]) == ("allowed", True, ["PolicyInputList.1"], [])
    assert under([EVERYTHING], [DENY, EVERYTHING]) == ("explicitDeny", False, [], [])
    assert under([EVERYTHING], [ALLOW_WRITE]) == ("implicitDeny", False, [], []), "each level has to allow"
    assert under([ALLOW_WRITE, ALLOW]) == ("allowed", True, ["PolicyInputList.1"], []), "one policy of a level suffices"
    on_region = policy(statement(Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}}))
    assert under([on_region]) == ("implicitDeny", False, [], []), "its keys are not missing"
    given = [entry("aws:RequestedRegion", "us-east-1")]
    assert under([on_region], ContextEntries=given) == ("allowed", True, ["PolicyInputList.1"], [])
    boundary = {"PermissionsBoundaryPolicyInputList": [EVERYTHING]}
    tree = [{"ServiceControlPolicyInputList": [DENY]}]
    result = only(ALLOW, OrderedOrganizationPolicyInputList=tree, **boundary)
    assert "PermissionsBoundaryDecisionDetail" not in result, "the organization ends it"
    assert "OrganizationsDecisionDetail" not in only(ALLOW)


def for_ann(effect="Allow", principal=ANN, resource=ONE):
    return policy(statement(effect, resource=resource, Principal={"AWS": principal}))


def test_policy_of_the_resource_within_an_account(only):
    asked = {"CallerArn": ANN, "ResourceArns": [ONE]}
    result = only(ResourcePolicy=for_ann(), **asked)
    assert (result["EvalDecision"], result["EvalDecisionDetails"]) == ("allowed", {})
    assert [found[:2] for found in matched(result)] == [("ResourcePolicy", "Resource Policy")]
    result = only(ALLOW, ResourcePolicy=for_ann("Deny"), **asked)
    assert (result["EvalDecision"], sources(result)) == ("explicitDeny", ["ResourcePolicy"])
    result = only(ALLOW, ResourcePolicy=for_ann(), **asked)
    assert sources(result) == ["PolicyInputList.1", "ResourcePolicy"]
    bob = f"arn:aws:iam::{ACCOUNT}:user/bob"
    assert only(ResourcePolicy=for_ann(principal=bob), **asked)["EvalDecision"] == "implicitDeny"
    for kind in ("group", "role"):
        caller = f"arn:aws:iam::{ACCOUNT}:{kind}/one"
        given = {"ResourcePolicy": for_ann(principal="*"), "CallerArn": caller, "ResourceArns": [ONE]}
        assert only(**given)["EvalDecision"] == "allowed", kind
    # Named itself, a user is not bound by what its boundary leaves out.
    result = only(ResourcePolicy=for_ann(), PermissionsBoundaryPolicyInputList=[ALLOW_WRITE], **asked)
    assert result["EvalDecision"] == "allowed"
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}


def test_policy_of_the_resource_of_another_account(only):
    owner = f"arn:aws:iam::{OTHER}:root"
    asked = {"CallerArn": ANN, "ResourceArns": [ONE], "ResourceOwner": owner}

    def details(result):
        [specific] = result["ResourceSpecificResults"]
        assert specific["EvalDecisionDetails"] == result["EvalDecisionDetails"]
        return result["EvalDecision"], result["EvalDecisionDetails"]

    one, two = "IAM Policy", "Resource Policy"
    assert details(only(ALLOW, ResourcePolicy=for_ann(), **asked)) == ("allowed", {one: "allowed", two: "allowed"})
    decided = details(only(ResourcePolicy=for_ann(), **asked))
    assert decided == ("implicitDeny", {one: "implicitDeny", two: "allowed"}), "both accounts have to allow"
    decided = details(only(ALLOW, ResourcePolicy=for_ann("Deny"), **asked))
    assert decided == ("explicitDeny", {one: "allowed", two: "explicitDeny"})
    boundary = {"PermissionsBoundaryPolicyInputList": [ALLOW_WRITE]}
    decision, found = details(only(ALLOW, ResourcePolicy=for_ann(), **asked, **boundary))
    wanted = {one: "allowed", two: "allowed", "Permissions Boundary Policy": "implicitDeny"}
    assert (decision, found) == ("implicitDeny", wanted)
    # Without an owner it is the account in the ARN.
    theirs = ONE.replace(ACCOUNT, OTHER)
    asked = {"CallerArn": ANN, "ResourceArns": [theirs], "ResourcePolicy": for_ann(resource=theirs)}
    assert details(only(**asked)) == ("implicitDeny", {one: "implicitDeny", two: "allowed"})


def test_paging(iam):
    asked = {"PolicyInputList": [ALLOW], "ActionNames": [READ, WRITE, "iam:GetUser"], "ResourceArns": [ONE, TWO]}
    first = iam.simulate_custom_policy(MaxItems=2, **asked)
    assert [result["EvalActionName"] for result in first["EvaluationResults"]] == [READ, WRITE]
    assert first["IsTruncated"] is True
    last = iam.simulate_custom_policy(Marker=first["Marker"], **asked)
    assert [result["EvalActionName"] for result in last["EvaluationResults"]] == ["iam:GetUser"]
    assert last["IsTruncated"] is False and "Marker" not in last
    pages = iam.get_paginator("simulate_custom_policy").paginate(PaginationConfig={"PageSize": 1}, **asked)
    assert [len(page["EvaluationResults"]) for page in pages] == [1, 1, 1]
    few = {**asked, "ActionNames": [READ]}
    assert iam.simulate_custom_policy(Marker=first["Marker"], **few)["EvaluationResults"] == []
    many = {**asked, "ActionNames": [f"a:A{number}" for number in range(150)]}
    assert len(iam.simulate_custom_policy(**many)["EvaluationResults"]) == 100
    with refused("InvalidInput", "Invalid marker for pagination."):
        iam.simulate_custom_policy(Marker="nothing", **asked)


def test_a_page_ends_before_its_work_grows(iam):
    large = policy(*(statement(resource=f"{ONE}{number}") for number in range(400)))
    resources = [f"{ONE}{number}" for number in range(100)]
    asked = {"PolicyInputList": [large], "ActionNames": [READ] * 5, "ResourceArns": resources}
    first = iam.simulate_custom_policy(**asked)
    assert (len(first["EvaluationResults"]), first["IsTruncated"]) == (2, True)
    pages = iam.get_paginator("simulate_custom_policy").paginate(**asked)
    assert sum(len(page["EvaluationResults"]) for page in pages) == 5
    with refused("InvalidInput"):
        iam.simulate_custom_policy(**{**asked, "ResourceArns": resources * 3})


@pytest.mark.parametrize(
    "change, text",
    [
        ({"ResourceArns": ["one"]}, "ResourceNames are not in a valid ARN format: one."),
        ({"ResourceArns": ["arn:aws:s3"]}, "ResourceNames are not in a valid ARN format: arn:aws:s3."),
        ({"ResourceArns": [ONE, "*"]}, "ResourceNames are not in a valid ARN format: *."),
        ({"ResourceOwner": ACCOUNT}, f"'{ACCOUNT}' is not a valid as a Resource Owner."),
        ({"ResourceOwner": "arn:aws:s3:::b"}, "'arn:aws:s3:::b' is not a valid as a Resource Owner."),
        (
            {"CallerArn": f"arn:aws:iam::{ACCOUNT}:root"},
            "Invalid caller - Caller must be an IAM user, role or group in this context.",
        ),
        (
            {"CallerArn": f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s"},
            "Invalid caller - Caller must be an IAM user, role or group in this context.",
        ),
        ({"ActionNames": ["GetSecretValue"]}, "The action is invalid since it is missing names"),
        ({"PolicyInputList": [ALLOW, "{"]}, "Policy input list item 2 has invalid content"),
        ({"PolicyInputList": [for_ann()]}, "Policy input list item 1 has invalid content"),
        (
            {"PermissionsBoundaryPolicyInputList": [ALLOW, ALLOW]},
            "The list of Permissions Boundary policies cannot exceed 1 items.",
        ),
        ({"PermissionsBoundaryPolicyInputList": ["{"]}, None),
        ({"OrderedOrganizationPolicyInputList": [{"ServiceControlPolicyInputList": ["{"]}]}, None),
        ({"ResourcePolicy": for_ann(), "ResourceArns": [ONE]}, "Invalid caller - Caller cannot be null or empty."),
        (
            {"ResourcePolicy": for_ann(), "CallerArn": ANN},
            "Invalid Entity Arn: * does not clearly define entity type and name.",
        ),
        (
            {"ResourcePolicy": for_ann(resource="*"), "CallerArn": ANN, "ResourceArns": [ONE]},
            "ResourceNames are not in a valid ARN format: *.",
        ),
        ({"ResourcePolicy": ALLOW, "CallerArn": ANN, "ResourceArns": [ONE]}, None),
        (
            {"ResourceHandlingOption": "EC2-VPC-EBS", "ResourceArns": [ONE]},
            f"Invalid input resource handling options. Action does not support resource handling options: {READ}.",
        ),
        ({"ContextEntries": [entry("a:key", "x"), entry("A:Key", "y")]}, "Duplicate context key: A:Key."),
        (
            {"ContextEntries": [entry("a:key", "x", "y")]},
            "Context key string expected a single value, but received 2.",
        ),
        ({"ContextEntries": [entry("a:key")]}, "Context values for context key a:key cannot be null or empty."),
        (
            {"ContextEntries": [{"ContextKeyName": "a:key", "ContextKeyValues": ["x"]}]},
            "Context key a:key has invalid type null.",
        ),
        (
            {"ContextEntries": [{"ContextKeyType": "string", "ContextKeyValues": ["x"]}]},
            "ContextKeyName cannot be null or empty.",
        ),
        (
            {"ContextEntries": [entry("a:key", "x", kind="numeric")]},
            "Invalid context value for key a:key: expected numeric format.",
        ),
        (
            {"ContextEntries": [entry("a:key", "x", kind="date")]},
            "Invalid context value for key a:key: expected DateTime format.",
        ),
        ({"ContextEntries": [entry("a:key", "x", kind="ip")]}, "Invalid context value for key a:key: expected IP address."),
        (
            {"ContextEntries": [entry("a:key", "!", kind="binary")]},
            "Invalid context value for key a:key: expected base-64 encoded binary format.",
        ),
    ],
)
def test_refusals(iam, change, text):
    with refused("InvalidInput", text):
        iam.simulate_custom_policy(**{"PolicyInputList": [ALLOW], "ActionNames": [READ], **change})


def test_levels_of_an_organization(loose):
    asked = {"PolicyInputList": [ALLOW], "ActionNames": [READ]}
    empty = "Organization policy at index 2 must contain at least one service control policy"
    tree = [{"ServiceControlPolicyInputList": [EVERYTHING]}, {"ServiceControlPolicyInputList": []}]
    with refused("InvalidInput", empty):
        loose.simulate_custom_policy(OrderedOrganizationPolicyInputList=tree, **asked)
    with refused("ValidationError"):
        loose.simulate_custom_policy(OrderedOrganizationPolicyInputList=tree[:1] * 8, **asked)
    with refused("ValidationError"):
        loose.simulate_custom_policy(MaxItems=1001, **asked)
    with refused("ValidationError"):
        loose.simulate_custom_policy(ContextEntries=[entry("a:key", "x", kind="other")], **asked)


def test_scenarios_of_ec2(only):
    instance = f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/i-0123456789abcdef0"
    asked = {"actions": ["ec2:RunInstances"], "ResourceArns": [instance], "ResourceHandlingOption": "EC2-VPC-EBS-Subnet"}
    assert only(EVERYTHING, **asked)["EvalDecision"] == "allowed"


class Staff:
    """A user in a group, a role, and policies of every kind that they have."""

    def __init__(self, iam, name):
        self.iam, self.name = iam, name
        self.user = iam.create_user(UserName=name, Path="/team/")["User"]["Arn"]
        self.group = iam.create_group(GroupName=name, Path="/team/")["Group"]["Arn"]
        self.role = iam.create_role(RoleName=name, Path="/team/", AssumeRolePolicyDocument=trust())["Role"]["Arn"]
        iam.add_user_to_group(UserName=name, GroupName=name)
        tag, list_all = policy(statement(action="secretsmanager:TagResource")), policy(statement(action="iam:ListUsers"))
        self.managed = iam.create_policy(PolicyName=f"{name}-tag", Path="/team/", PolicyDocument=tag)["Policy"]["Arn"]
        self.second = iam.create_policy(PolicyName=f"{name}-list", PolicyDocument=list_all)["Policy"]["Arn"]
        iam.put_user_policy(UserName=name, PolicyName="read", PolicyDocument=ALLOW)
        iam.put_group_policy(GroupName=name, PolicyName="write", PolicyDocument=ALLOW_WRITE)
        iam.put_role_policy(RoleName=name, PolicyName="write", PolicyDocument=ALLOW_WRITE)
        for attach in (
            lambda arn: iam.attach_user_policy(UserName=name, PolicyArn=arn),
            lambda arn: iam.attach_group_policy(GroupName=name, PolicyArn=arn),
            lambda arn: iam.attach_role_policy(RoleName=name, PolicyArn=arn),
        ):
            attach(self.managed)
        iam.attach_user_policy(UserName=name, PolicyArn=self.second)
        iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")

    def decisions(self, source=None, actions=(READ, WRITE, "secretsmanager:TagResource"), **more):
        answer = self.iam.simulate_principal_policy(
            PolicySourceArn=source or self.user, ActionNames=list(actions), **more
        )
        results = answer["EvaluationResults"]
        self.results = results
        return [(result["EvalDecision"], sources(result)) for result in results]


@pytest.fixture
def staff(iam, prefix):
    return Staff(iam, prefix.replace("/", "-staff"))


def test_policies_of_a_user_its_groups_a_group_and_a_role(staff):
    name = staff.name
    read, write = f"user_{name}_read", f"group_{name}_write"
    assert staff.decisions() == [("allowed", [read]), ("allowed", [write]), ("allowed", [f"{name}-tag"])]
    assert staff.decisions(staff.group) == [("implicitDeny", []), ("allowed", [write]), ("allowed", [f"{name}-tag"])]
    role = [("implicitDeny", []), ("allowed", [f"role_{name}_write"]), ("allowed", [f"{name}-tag"])]
    assert staff.decisions(staff.role) == role
    listed = staff.decisions(actions=["iam:ListUsers"])
    assert listed == [("allowed", sorted([f"{name}-list", "IAMReadOnlyAccess"]))]
    other_path = staff.user.replace("/team/", "/")
    assert staff.decisions(other_path)[0] == ("allowed", [read]), "the name finds it, whatever the path"


def test_given_policies_join_those_of_the_user(staff):
    decided = staff.decisions(PolicyInputList=[DENY, ALLOW], actions=[READ])
    assert decided == [("explicitDeny", ["PolicyInputList.1"])]
    decided = staff.decisions(PolicyInputList=[ALLOW], actions=[READ])
    assert decided == [("allowed", sorted([f"user_{staff.name}_read", "PolicyInputList.1"]))]


def test_caller_and_policy_of_the_resource(staff):
    account = staff.user.split(":")[4]
    mine = ONE.replace(ACCOUNT, account)
    given = {"ResourceArns": [mine], "actions": ["secretsmanager:DeleteSecret"]}
    document = policy(statement(action="*", resource=mine, Principal={"AWS": staff.user}))
    assert staff.decisions(ResourcePolicy=document, **given) == [("allowed", ["ResourcePolicy"])]
    bob = staff.user.replace(staff.name, "bob")
    assert staff.decisions(ResourcePolicy=document, CallerArn=bob, **given) == [("implicitDeny", [])]
    named = policy(statement(action="*", Condition={"StringEquals": {"aws:username": staff.name}}))
    decided = staff.decisions(PolicyInputList=[named], actions=["secretsmanager:DeleteSecret"])
    assert decided == [("allowed", ["PolicyInputList.1"])]


def test_attached_and_given_boundary(iam, staff):
    iam.put_user_permissions_boundary(UserName=staff.name, PermissionsBoundary=staff.managed)
    tag = f"{staff.name}-tag"
    assert staff.decisions() == [("implicitDeny", []), ("implicitDeny", []), ("allowed", [tag])]
    allowed = [result["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"] for result in staff.results]
    assert allowed == [False, False, True]
    decided = staff.decisions(PermissionsBoundaryPolicyInputList=[ALLOW])
    assert [decision for decision, _ in decided] == ["allowed", "implicitDeny", "implicitDeny"], "in place of the other"
    excluded = [{"PolicyType": "permission-boundary"}]
    assert [decision for decision, _ in staff.decisions(PolicyExclusionList=excluded)] == ["allowed"] * 3
    assert "PermissionsBoundaryDecisionDetail" not in staff.results[0]
    by_arn = [{"PolicyArn": staff.managed}]
    decided = staff.decisions(PolicyExclusionList=by_arn)
    assert [decision for decision, _ in decided] == ["implicitDeny"] * 3, "an ARN takes no boundary away"
    iam.delete_user_permissions_boundary(UserName=staff.name)


@pytest.mark.parametrize(
    "exclusion, left",
    [
        ({"PolicyType": "inline"}, "tag list"),
        ({"PolicyType": "user-managed"}, "read write list"),
        ({"PolicyType": "aws-managed"}, "read write tag list"),
        ({"PolicyType": "scp"}, "read write tag list"),
        ({"PolicyType": "rcp"}, "read write tag list"),
        ({"PolicyArn": "MANAGED"}, "read write list"),
        ({"PolicyArn": "PATHLESS"}, "read write list"),
        ({"PolicyArn": "PATTERN"}, "read write list"),
        ({"PolicyArn": "arn:aws:iam::aws:policy/Administrator*"}, "read write tag list"),
        ({"InlinePolicyIdentifier": ("read", "user", "NAME")}, "write tag list"),
        ({"InlinePolicyIdentifier": ("write", "group", "NAM?")}, "read tag list"),
        ({"InlinePolicyIdentifier": ("write", "group", "py*")}, "read tag list"),
        ({"InlinePolicyIdentifier": ("write", "user", "NAME")}, "read write tag list"),
        ({"InlinePolicyIdentifier": ("read", "user", "other")}, "read write tag list"),
    ],
)
def test_exclusions(staff, exclusion, left):
    account = staff.user.split(":")[4]
    arns = {
        "MANAGED": staff.managed,
        "PATHLESS": f"arn:aws:iam::{account}:policy/{staff.name}-tag",
        "PATTERN": f"arn:aws:iam::{account}:policy/*-t?g",
    }
    [(member, value)] = exclusion.items()
    if member == "PolicyArn":
        value = arns.get(value, value)
    elif member == "InlinePolicyIdentifier":
        policy_name, kind, holder = value
        holder = holder.replace("NAME", staff.name).replace("NAM?", staff.name[:-1] + "?")
        value = {"PolicyName": policy_name, "AttachmentType": kind, "AttachmentName": holder}
    actions = {"read": READ, "write": WRITE, "tag": "secretsmanager:TagResource", "list": "iam:ListUsers"}
    decided = staff.decisions(actions=actions.values(), PolicyExclusionList=[{member: value}])
    allowed = [name for name, (decision, _) in zip(actions, decided) if decision == "allowed"]
    assert " ".join(allowed) == left
    if exclusion == {"PolicyType": "aws-managed"}:
        assert decided[-1] == ("allowed", [f"{staff.name}-list"])


def test_exclusions_that_are_none(loose, staff):
    def excluding(identifier):
        loose.simulate_principal_policy(
            PolicySourceArn=staff.user, ActionNames=[READ], PolicyExclusionList=[identifier]
        )

    inline = {"PolicyName": "read", "AttachmentType": "user", "AttachmentName": "a*b*"}
    for identifier in (
        {"PolicyArn": "arn:aws:iam::*:policy/anything"},
        {"PolicyArn": "arn:aws:iam::aws:policy/*a*"},
        {"PolicyArn": staff.user},
        {"PolicyType": "inline", "PolicyArn": staff.managed},
        {"InlinePolicyIdentifier": inline},
    ):
        with refused("InvalidInput"):
            excluding(identifier)
    for change in ({"AttachmentName": "*"}, {"AttachmentType": "other"}, {"PolicyName": "rea*"}):
        with refused("ValidationError"):
            excluding({"InlinePolicyIdentifier": {**inline, "AttachmentName": "a", **change}})


def test_sources_that_are_none(iam, staff):
    account = staff.user.split(":")[4]

    def simulate(arn):
        iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=[READ])

    for arn in (staff.user, staff.group, staff.role):
        with refused("NoSuchEntity", "Unable to retrieve specified IAM entity.", 404):
            simulate(arn + "-not")
    for arn in (f"arn:aws:iam::{account}:root", f"arn:aws:sts::{account}:assumed-role/a/b", "not-an-arn-but-long-enough"):
        with refused("InvalidInput", f"Invalid ARN provided in the request: {arn}"):
            simulate(arn)
    text = f"caller's account {account} does not have access to policies in account {OTHER}."
    with refused("InvalidInput", f"Invalid Policy Source Arn: {text}"):
        simulate(staff.user.replace(account, OTHER))


def test_pages_of_a_principal(iam, staff):
    asked = {"PolicySourceArn": staff.user, "ActionNames": [READ, WRITE]}
    first = iam.simulate_principal_policy(MaxItems=1, **asked)
    assert first["IsTruncated"] is True
    last = iam.simulate_principal_policy(Marker=first["Marker"], **asked)
    assert [result["EvalActionName"] for result in last["EvaluationResults"]] == [WRITE]
    with refused("InvalidInput", "Invalid marker for pagination."):
        iam.simulate_custom_policy(PolicyInputList=[ALLOW], ActionNames=[READ], Marker=first["Marker"])


def test_leave_to_simulate(iam, staff):
    """A user may simulate what its own policies let it."""
    allow = policy(statement(action="iam:SimulatePrincipalPolicy", resource=staff.user))
    iam.put_user_policy(UserName=staff.name, PolicyName="simulate", PolicyDocument=allow)
    iam.detach_user_policy(UserName=staff.name, PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    key = iam.create_access_key(UserName=staff.name)["AccessKey"]
    own = boto3.session.Session(key["AccessKeyId"], key["SecretAccessKey"]).client("iam", region_name=conftest.REGION)
    answer = own.simulate_principal_policy(PolicySourceArn=staff.user, ActionNames=[READ])
    assert answer["EvaluationResults"][0]["EvalDecision"] == "allowed"
    for arn in (staff.role, staff.group):
        with refused("AccessDenied", status=403):
            own.simulate_principal_policy(PolicySourceArn=arn, ActionNames=[READ])
    with refused("AccessDenied", status=403):
        own.simulate_custom_policy(PolicyInputList=[ALLOW], ActionNames=[READ])


def test_what_a_simulation_may_take(iam):
    asked = {"PolicyInputList": [policy(statement(Condition={"StringLike": {"app:k": "*a"}}))], "ActionNames": [READ]}
    with refused("InvalidInput"):
        iam.simulate_custom_policy(**asked, ContextEntries=[entry("app:k", "a" * 2049)])
    answer = iam.simulate_custom_policy(**asked, ContextEntries=[entry("app:k", "a" * 2048)])
    assert answer["EvaluationResults"][0]["EvalDecision"] == "allowed"
    # Each resource would be answered with all missing keys.
    keys = {"StringEquals": {f"app:k{number}": "" for number in range(2000)}}
    many = [f"arn:aws:s3:::b{number}" for number in range(1000)]
    asked["PolicyInputList"] = [policy(statement(Condition=keys))]
    with refused("InvalidInput"):
        iam.simulate_custom_policy(**asked, ResourceArns=many)
    answer = iam.simulate_custom_policy(**asked, ResourceArns=many[:10])
    assert len(answer["EvaluationResults"][0]["ResourceSpecificResults"][0]["MissingContextValues"]) == 2000
    asked["ActionNames"] = [f"s3:Get{number}" for number in range(50)]
    answer = iam.simulate_custom_policy(**asked, ResourceArns=many[:40])
    assert answer["IsTruncated"] and 0 < len(answer["EvaluationResults"]) < 50
