"""Resource policies: put, get, list, delete, their names, and documents that are refused."""

import json

import pytest

from checks import MARKED, NOT_FOUND, body, refused

WORDS = {
    "syntax": "This resource policy contains a syntax error.",
    "public": "You can't attach a resource-based policy that allows broad access to the secret.",
}


def policy(**changes):
    """A policy that denies deletion, changed by members; a member of None is left out."""
    statement = {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:DeleteSecret", "Resource": "*", **changes}
    statement = {key: value for key, value in statement.items() if value is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_put_and_get(sm, secret, name):
    document = policy()
    put = sm.put_resource_policy(SecretId=name, ResourcePolicy=document)
    assert (put["ARN"], put["Name"]) == (secret["ARN"], name)
    assert put.get("PolicyName", "default") == "default"
    got = body(sm.get_resource_policy(SecretId=secret["ARN"]))
    assert (got["ARN"], got["Name"], got.get("PolicyName", "default")) == (secret["ARN"], name, "default")
    assert json.loads(got["ResourcePolicy"]) == json.loads(document)


def test_none(sm, secret, name):
    got = body(sm.get_resource_policy(SecretId=name))
    assert "ResourcePolicy" not in got
    assert (got["ARN"], got["Name"]) == (secret["ARN"], name)


def test_putting_replaces_the_whole(sm, secret, name):
    sm.put_resource_policy(SecretId=name, ResourcePolicy=policy())
    document = policy(Sid="Second", Action=["secretsmanager:PutSecretValue", "secretsmanager:RotateSecret"])
    sm.put_resource_policy(SecretId=name, ResourcePolicy=document)
    assert json.loads(sm.get_resource_policy(SecretId=name)["ResourcePolicy"]) == json.loads(document)


def test_deleting(sm, secret, name):
    sm.put_resource_policy(SecretId=name, ResourcePolicy=policy())
    for _ in range(2):
        answer = sm.delete_resource_policy(SecretId=name)
        assert (answer["ARN"], answer["Name"]) == (secret["ARN"], name)
    assert "ResourcePolicy" not in sm.get_resource_policy(SecretId=name)


def test_listing(sm, secret, name):
    answer = body(sm.list_resource_policies(SecretId=name))
    assert answer["ResourcePolicies"] == []
    sm.put_resource_policy(SecretId=name, ResourcePolicy=policy())
    for request in ({}, {"MaxResults": 1}, {"MaxResults": 100}):
        answer = body(sm.list_resource_policies(SecretId=secret["ARN"], **request))
        assert answer == {"ResourcePolicies": [{"PolicyName": "default"}]}
    sm.delete_resource_policy(SecretId=name)
    assert sm.list_resource_policies(SecretId=name)["ResourcePolicies"] == []


def test_the_paginator(sm, secret, name):
    sm.put_resource_policy(SecretId=name, ResourcePolicy=policy())
    paginator = sm.get_paginator("list_resource_policies")
    assert paginator.paginate(SecretId=name).build_full_result() == {"ResourcePolicies": [{"PolicyName": "default"}]}


def test_a_token_of_nobody(sm, secret, name):
    with refused("InvalidNextTokenException"):
        sm.list_resource_policies(SecretId=name, NextToken="bm8gdG9rZW4=")


def test_default_by_name(sm, secret, name):
    put = sm.put_resource_policy(SecretId=name, ResourcePolicy=policy(), PolicyName="default")
    assert put["PolicyName"] == "default"
    got = sm.get_resource_policy(SecretId=name, PolicyName="default")
    assert got["PolicyName"] == "default"
    assert json.loads(got["ResourcePolicy"]) == json.loads(policy())
    assert sm.delete_resource_policy(SecretId=name, PolicyName="default")["PolicyName"] == "default"
    assert "ResourcePolicy" not in sm.get_resource_policy(SecretId=name)


def test_other_names(sm, secret, name):
    sm.put_resource_policy(SecretId=name, ResourcePolicy=policy())
    with refused("InvalidParameterException"):
        sm.put_resource_policy(SecretId=name, ResourcePolicy=policy(), PolicyName="mine")
    with refused("InvalidParameterException"):
        sm.delete_resource_policy(SecretId=name, PolicyName="mine")
    with refused("ResourceNotFoundException"):
        sm.get_resource_policy(SecretId=name, PolicyName="mine")
    assert sm.list_resource_policies(SecretId=name)["ResourcePolicies"] == [{"PolicyName": "default"}]


@pytest.mark.parametrize("bad", ["", "x" * 65, "sp ace", "dot."])
def test_names_of_another_form(loose, secret, name, bad):
    for operation in (loose.get_resource_policy, loose.delete_resource_policy):
        with refused("ValidationException") as refusal:
            operation(SecretId=name, PolicyName=bad)
        assert "at 'policyName' failed to satisfy constraint: Member must " in refusal.text


@pytest.mark.parametrize(
    "document",
    ["{", "[]", '""', "null", "not json", "{}", '{"Version":"2012-10-17"}', '{"Version":"2012-10-17","Statement":"x"}',
     '{"Version":"1999-01-01","Statement":[]}', policy(Effect="Perhaps"), policy(Effect=None), policy(Action=None),
     policy(Principal=None), policy(Colour="blue"), policy(Condition={"StringLikely": {"aws:PrincipalArn": "x"}})],
)
def test_malformed_documents(sm, secret, name, document):
    with refused("MalformedPolicyDocumentException", WORDS["syntax"]):
        sm.put_resource_policy(SecretId=name, ResourcePolicy=document)
    assert "ResourcePolicy" not in sm.get_resource_policy(SecretId=name)


def test_a_refused_document_leaves_the_old_one(sm, secret, name):
    sm.put_resource_policy(SecretId=name, ResourcePolicy=policy())
    with refused("MalformedPolicyDocumentException"):
        sm.put_resource_policy(SecretId=name, ResourcePolicy="{")
    assert json.loads(sm.get_resource_policy(SecretId=name)["ResourcePolicy"]) == json.loads(policy())


def test_all_the_parts_of_a_statement(sm, secret, name):
    account = secret["ARN"].split(":")[4]
    document = json.dumps({
        "Version": "2012-10-17", "Id": "everything",
        "Statement": [
            {"Sid": "One", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
             "Action": ["secretsmanager:GetSecretValue"], "Resource": secret["ARN"],
             "Condition": {"ForAnyValue:StringEquals": {"secretsmanager:VersionStage": ["AWSCURRENT", "AWSPREVIOUS"]},
                           "Bool": {"aws:SecureTransport": "true"}}},
            {"Effect": "Deny", "Principal": {"AWS": [account]}, "NotAction": "secretsmanager:*", "NotResource": "*"},
        ],
    })
    sm.put_resource_policy(SecretId=name, ResourcePolicy=document)
    assert json.loads(sm.get_resource_policy(SecretId=name)["ResourcePolicy"]) == json.loads(document)


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["*"]}])
def test_public_policies_are_blocked_when_asked(sm, secret, name, principal):
    document = policy(Effect="Allow", Action="secretsmanager:GetSecretValue", Principal=principal)
    with refused("PublicPolicyException", WORDS["public"]):
        sm.put_resource_policy(SecretId=name, ResourcePolicy=document, BlockPublicPolicy=True)
    assert "ResourcePolicy" not in sm.get_resource_policy(SecretId=name)


def test_other_policies_are_not_blocked(sm, secret, name):
    account = secret["ARN"].split(":")[4]
    for more in ({"Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Effect": "Allow"}, {}):
        document = policy(**{"Action": "secretsmanager:DescribeSecret", **more})
        sm.put_resource_policy(SecretId=name, ResourcePolicy=document, BlockPublicPolicy=True)
    document = policy(Effect="Allow", Action="secretsmanager:DescribeSecret")
    sm.put_resource_policy(SecretId=name, ResourcePolicy=document, BlockPublicPolicy=False)


def test_a_long_document(sm, loose, secret, name):
    frame = len(policy(Sid=""))
    sm.put_resource_policy(SecretId=name, ResourcePolicy=policy(Sid="x" * (20480 - frame)))
    with refused("ValidationException") as refusal:
        loose.put_resource_policy(SecretId=name, ResourcePolicy=policy(Sid="x" * (20481 - frame)))
    assert "at 'resourcePolicy' failed to satisfy constraint: Member must have length less than or equal to 20480" \
        in refusal.text


def test_no_such_secret(sm, name):
    calls = [(sm.get_resource_policy, {}), (sm.delete_resource_policy, {}), (sm.list_resource_policies, {}),
             (sm.put_resource_policy, {"ResourcePolicy": policy()})]
    for operation, more in calls:
        with refused("ResourceNotFoundException", NOT_FOUND):
            operation(SecretId=name, **more)


def test_marked_for_deletion(sm, secret, name):
    sm.delete_secret(SecretId=name)
    with refused("InvalidRequestException", MARKED):
        sm.list_resource_policies(SecretId=name)


def test_a_policy_outlives_values(sm, secret, name):
    sm.put_resource_policy(SecretId=name, ResourcePolicy=policy())
    sm.put_secret_value(SecretId=name, SecretString="second")
    assert "ResourcePolicy" in sm.get_resource_policy(SecretId=name)
