"""Config's API: rules, and what they say of the secrets, kept up to date while the server runs."""

import time
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError
from servers import Server, binary

RULES = [
    "secretsmanager-rotation-enabled-check",
    "secretsmanager-scheduled-rotation-success-check",
    "secretsmanager-secret-unused",
    "secretsmanager-secret-periodic-rotation",
    "tagged-secretsmanager-secret",
    "secretsmanager-using-cmk",
]
TAGGED = "tagged-secretsmanager-secret"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(binary(), tmp_path_factory.mktemp("config"), "[compliance]\nrequired_tags = [\"Team\"]\n")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def client(server):
    return lambda service, key=None: boto3.client(
        service,
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=(key or server.key())["AccessKeyId"],
        aws_secret_access_key=(key or server.key())["SecretAccessKey"],
    )


@pytest.fixture(scope="module")
def secrets(client):
    """Thirty secrets, every third of which has the tag; and their ARNs."""
    manager = client("secretsmanager")
    made = []
    for number in range(30):
        tags = [{"Key": "Team", "Value": "a"}] if number % 3 == 0 else []
        made.append(manager.create_secret(Name=f"team/{number:02}", SecretString="v", Tags=tags)["ARN"])
    return made


def eventually(question, wanted, seconds=20):
    """Asks until the answer is the wanted one: verdicts are kept by a worker."""
    for _ in range(seconds * 10):
        answer = question()
        if answer == wanted:
            return
        time.sleep(0.1)
    assert answer == wanted


def compliance(config, rule):
    told = config.describe_compliance_by_config_rule(ConfigRuleNames=[rule])["ComplianceByConfigRules"]
    return told[0]["Compliance"]


def test_rules_are_aws_managed_ones(client):
    rules = client("config").describe_config_rules()["ConfigRules"]
    assert [rule["ConfigRuleName"] for rule in rules] == RULES
    tagged = rules[4]
    assert tagged["Source"]["SourceIdentifier"] == "TAGGED_SECRETSMANAGER_SECRET"
    assert tagged["InputParameters"] == '{"requiredTagKeys":"Team"}'
    assert tagged["Scope"]["ComplianceResourceTypes"] == ["AWS::SecretsManager::Secret"]
    assert tagged["ConfigRuleState"] == "ACTIVE"


def test_rules_say_what_they_find_and_follow_changes(client, secrets):
    config, manager = client("config"), client("secretsmanager")
    capped = {"CappedCount": 20, "CapExceeded": False}
    broken = {"ComplianceType": "NON_COMPLIANT", "ComplianceContributorCount": capped}
    eventually(lambda: compliance(config, TAGGED), broken)
    kept = {"ComplianceType": "COMPLIANT", "ComplianceContributorCount": {"CappedCount": 25, "CapExceeded": True}}
    assert compliance(config, "secretsmanager-secret-unused") == kept
    # About no secret that does not rotate.
    assert compliance(config, "secretsmanager-scheduled-rotation-success-check") == {
        "ComplianceType": "INSUFFICIENT_DATA"
    }
    named = config.describe_compliance_by_config_rule(ComplianceTypes=["NON_COMPLIANT"])["ComplianceByConfigRules"]
    assert [rule["ConfigRuleName"] for rule in named] == [RULES[0], TAGGED, "secretsmanager-using-cmk"]
    summary = config.get_compliance_summary_by_config_rule()["ComplianceSummary"]
    assert summary["NonCompliantResourceCount"] == {"CappedCount": 3, "CapExceeded": False}
    assert summary["CompliantResourceCount"] == {"CappedCount": 2, "CapExceeded": False}
    manager.tag_resource(SecretId=secrets[1], Tags=[{"Key": "Team", "Value": "b"}])
    eventually(lambda: compliance(config, TAGGED)["ComplianceContributorCount"]["CappedCount"], 19)
    manager.untag_resource(SecretId=secrets[1], TagKeys=["Team"])
    eventually(lambda: compliance(config, TAGGED)["ComplianceContributorCount"]["CappedCount"], 20)


def test_details_come_in_pages(client, secrets):
    config = client("config")
    eventually(lambda: compliance(config, TAGGED)["ComplianceType"], "NON_COMPLIANT")
    pages = list(
        config.get_paginator("get_compliance_details_by_config_rule").paginate(
            ConfigRuleName=TAGGED, PaginationConfig={"PageSize": 7}
        )
    )
    assert [len(page["EvaluationResults"]) for page in pages] == [7, 7, 6 + 1, 7, 2]
    results = [result for page in pages for result in page["EvaluationResults"]]
    assert [result["ComplianceType"] for result in results] == ["NON_COMPLIANT"] * 20 + ["COMPLIANT"] * 10
    first = results[0]
    qualifier = first["EvaluationResultIdentifier"]["EvaluationResultQualifier"]
    assert qualifier == {
        "ConfigRuleName": TAGGED,
        "ResourceType": "AWS::SecretsManager::Secret",
        "ResourceId": secrets[1],
    }
    assert first["Annotation"] == "it lacks the tags Team"
    assert {r["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ResourceId"] for r in results} == set(secrets)
    off = config.get_compliance_details_by_config_rule(
        ConfigRuleName="secretsmanager-scheduled-rotation-success-check", ComplianceTypes=["NOT_APPLICABLE"], Limit=100
    )
    assert len(off["EvaluationResults"]) == 30


def test_secrets_are_asked_for_by_their_arn(client, secrets):
    config = client("config")
    kind = "AWS::SecretsManager::Secret"
    eventually(lambda: compliance(config, TAGGED)["ComplianceType"], "NON_COMPLIANT")
    one = config.describe_compliance_by_resource(ResourceType=kind, ResourceId=secrets[0])["ComplianceByResources"]
    assert one[0]["Compliance"]["ComplianceType"] == "NON_COMPLIANT"
    assert one[0]["Compliance"]["ComplianceContributorCount"]["CappedCount"] == 2
    details = config.get_compliance_details_by_resource(ResourceType=kind, ResourceId=secrets[0])["EvaluationResults"]
    said = {
        result["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ConfigRuleName"]: result["ComplianceType"]
        for result in details
    }
    assert said == {
        RULES[0]: "NON_COMPLIANT",
        RULES[2]: "COMPLIANT",
        RULES[3]: "COMPLIANT",
        TAGGED: "COMPLIANT",
        RULES[5]: "NON_COMPLIANT",
    }
    pages = config.get_paginator("describe_compliance_by_resource").paginate(PaginationConfig={"PageSize": 11})
    assert [len(page["ComplianceByResources"]) for page in pages] == [11, 11, 8]
    assert config.describe_compliance_by_resource(ResourceType="AWS::S3::Bucket")["ComplianceByResources"] == []
    with pytest.raises(ClientError) as refused:
        config.get_compliance_details_by_resource(ResourceType=kind)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"


def test_a_round_can_be_asked_for(client, secrets):
    config = client("config")
    status = lambda: config.describe_config_rule_evaluation_status(ConfigRuleNames=[TAGGED])[
        "ConfigRulesEvaluationStatus"
    ][0]
    eventually(lambda: status()["FirstEvaluationStarted"], True)
    eventually(lambda: "LastSuccessfulEvaluationTime" in status(), True)
    before = status()["LastSuccessfulEvaluationTime"]
    config.start_config_rules_evaluation(ConfigRuleNames=[TAGGED])
    eventually(lambda: status()["LastSuccessfulEvaluationTime"] > before, True)


def test_what_is_not_there_or_not_allowed_is_refused(client, secrets):
    config, iam = client("config"), client("iam")
    for call in (
        lambda: config.describe_config_rules(ConfigRuleNames=["no-such-rule"]),
        lambda: config.get_compliance_details_by_config_rule(ConfigRuleName="no-such-rule"),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        assert refused.value.response["Error"]["Code"] == "NoSuchConfigRuleException"
        assert "'no-such-rule'" in refused.value.response["Error"]["Message"]
    with pytest.raises(ClientError) as refused:
        config.get_compliance_details_by_config_rule(ConfigRuleName=TAGGED, NextToken="junk")
    assert refused.value.response["Error"]["Code"] == "InvalidNextTokenException"
    name = f"auditor-{uuid.uuid4()}"
    iam.create_user(UserName=name)
    arn = config.describe_config_rules(ConfigRuleNames=[TAGGED])["ConfigRules"][0]["ConfigRuleArn"]
    policy = f'{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"config:*","Resource":"{arn}"}}]}}'
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
    auditor = client("config", iam.create_access_key(UserName=name)["AccessKey"])
    assert auditor.get_compliance_details_by_config_rule(ConfigRuleName=TAGGED)["EvaluationResults"]
    for call in (
        lambda: auditor.get_compliance_details_by_config_rule(ConfigRuleName=RULES[0]),
        lambda: auditor.describe_config_rules(),
        lambda: auditor.describe_compliance_by_config_rule(ConfigRuleNames=[TAGGED, RULES[0]]),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
