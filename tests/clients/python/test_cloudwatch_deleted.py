"""The alarm on reading a secret that is scheduled for deletion, as the User Guide builds it; what alarms tell whom."""

import json
import pathlib

import pytest

import functions
import watching
from functions import refused

TOPIC = "arn:aws:sns:us-east-1:123456789012:secrets"
RUNTIMES = pathlib.Path(__file__).parents[3] / "target" / "runtimes"
GROUP = "CloudTrail/DefaultLogGroup"
PATTERN = '{ ($.eventName = *) && ($.errorMessage = "*secret because it was marked for deletion*") }'
HANDLER = "import json\ndef handler(event, context):\n    return event['alarmData']['alarmName']\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = watching.start(tmp_path_factory.mktemp("deleted"), f'topics = {{ "{TOPIC}" = "log" }}\n'
                            f'[functions]\nruntimes = "{RUNTIMES}"\n')
    yield server
    server.stop()


@pytest.fixture(scope="module")
def logs(server):
    return watching.client(server, "logs")


@pytest.fixture(scope="module")
def cw(server):
    return watching.client(server, "cloudwatch")


@pytest.fixture(scope="module")
def sm(server):
    return watching.client(server, "secretsmanager")


def put_filter(logs, name, **transformation):
    made = {"metricName": name, "metricNamespace": "SecretsMonitoring", "metricValue": "1", **transformation}
    logs.put_metric_filter(
        logGroupName=GROUP, filterName=name, filterPattern=PATTERN, metricTransformations=[made])


def put_alarm(cw, name, **more):
    cw.put_metric_alarm(
        AlarmName=name, Namespace="SecretsMonitoring", MetricName=name, Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanOrEqualToThreshold", **more)


def in_state(cw, name, state):
    def look():
        [alarm] = cw.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return alarm["StateValue"] == state and alarm
    return watching.until(look, f"{name} in {state}")


def history(cw, name, kind):
    items = cw.describe_alarm_history(AlarmName=name, HistoryItemType=kind)["AlarmHistoryItems"]
    return [item["HistorySummary"] for item in items]


def test_reading_a_secret_that_waits_for_deletion_raises_the_alarm(server, logs, cw, sm):
    [group] = logs.describe_log_groups(logGroupNamePrefix="CloudTrail")["logGroups"]
    assert group["logGroupName"] == GROUP
    put_filter(logs, "AttemptsToAccessDeletedSecretsFilter", defaultValue=0.0)
    put_alarm(cw, "AttemptsToAccessDeletedSecretsFilter", AlarmActions=[TOPIC], TreatMissingData="notBreaching")
    sm.create_secret(Name="gone", SecretString="x")
    sm.delete_secret(SecretId="gone", RecoveryWindowInDays=7)
    assert refused(sm.get_secret_value, SecretId="gone")[1:] == (
        "InvalidRequestException",
        "You can't perform this operation on the secret because it was marked for deletion.")
    alarm = in_state(cw, "AttemptsToAccessDeletedSecretsFilter", "ALARM")
    assert alarm["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoint [1.0 (")
    told = watching.until(
        lambda: history(cw, "AttemptsToAccessDeletedSecretsFilter", "Action"), "the topic was told")
    assert told == [f"Successfully executed action {TOPIC}"]
    log = (server.directory / "log").read_text()
    assert '\\"NewStateValue\\":\\"ALARM\\"' in log or '"NewStateValue":"ALARM"' in log


def test_a_function_is_told_of_an_alarm(server, logs, cw, sm):
    iam, lam = watching.client(server, "iam"), watching.client(server, "lambda")
    role = functions.make_role(iam, "told")
    iam.attach_role_policy(RoleName="told", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    code = functions.package({"index.py": HANDLER})
    function = lam.create_function(
        FunctionName="told", Runtime="python3.13", Role=role, Handler="index.handler", Code={"ZipFile": code})
    arn = function["FunctionArn"]
    put_alarm(cw, "telling", AlarmActions=[arn], OKActions=[arn])
    cw.set_alarm_state(AlarmName="telling", StateValue="ALARM", StateReason="tried")
    refusal = watching.until(lambda: history(cw, "telling", "Action"), "an action")
    assert refusal[0].startswith(f"Failed to execute action {arn}") and "does not let" in refusal[0]
    lam.add_permission(
        FunctionName="told", StatementId="alarms", Action="lambda:InvokeFunction",
        Principal="lambda.alarms.cloudwatch.amazonaws.com",
        SourceArn=cw.describe_alarms(AlarmNames=["telling"])["MetricAlarms"][0]["AlarmArn"])
    cw.set_alarm_state(AlarmName="telling", StateValue="OK", StateReason="tried")
    done = watching.until(lambda: len(history(cw, "telling", "Action")) > 1 and history(cw, "telling", "Action"), "both")
    assert done[0] == f"Successfully executed action {arn}", done
    states = history(cw, "telling", "StateUpdate")
    assert states[-2:] == ["Alarm updated from ALARM to OK", "Alarm updated from INSUFFICIENT_DATA to ALARM"]


def test_metric_filters_are_kept(logs):
    put_filter(logs, "kept", metricValue="$.requestParameters.size", dimensions={"Name": "$.eventName"}, unit="Bytes")
    [kept] = logs.describe_metric_filters(logGroupName=GROUP, filterNamePrefix="kept")["metricFilters"]
    assert kept["filterPattern"] == PATTERN and kept["logGroupName"] == GROUP
    assert kept["metricTransformations"] == [{
        "metricName": "kept", "metricNamespace": "SecretsMonitoring", "metricValue": "$.requestParameters.size",
        "dimensions": {"Name": "$.eventName"}, "unit": "Bytes"}]
    assert [f["filterName"] for f in logs.describe_metric_filters(
        metricName="kept", metricNamespace="SecretsMonitoring")["metricFilters"]] == ["kept"]
    logs.delete_metric_filter(logGroupName=GROUP, filterName="kept")
    assert refused(logs.delete_metric_filter, logGroupName=GROUP, filterName="kept")[1] == "ResourceNotFoundException"
    made = {"metricName": "a", "metricNamespace": "b", "metricValue": "1"}

    def put(pattern=PATTERN, group=GROUP, **more):
        return refused(logs.put_metric_filter, logGroupName=group, filterName="bad", filterPattern=pattern,
                       metricTransformations=[{**made, **more}])

    assert put(group="other")[1:] == ("ResourceNotFoundException", "The specified log group does not exist.")
    assert put(pattern="{ $.a = }")[1:] == ("InvalidParameterException", "Invalid filter pattern")
    assert put(defaultValue=0.0, dimensions={"a": "$.b"})[2].endswith("are mutually exclusive properties.")
    assert put(metricValue="x")[1] == "InvalidParameterException"


def test_patterns_can_be_tried(logs):
    message = json.dumps({"eventName": "GetSecretValue", "errorMessage": "… secret because it was marked for deletion."})
    answer = logs.test_metric_filter(filterPattern=PATTERN, logEventMessages=['{"eventName":"x"}', message, "words"])
    [match] = answer["matches"]
    assert (match["eventNumber"], match["eventMessage"]) == (2, message)
    assert match["extractedValues"]["$.eventName"] == "GetSecretValue"


def test_events_are_counted_by_what_they_say(logs, cw, sm):
    logs.put_metric_filter(
        logGroupName=GROUP, filterName="calls", filterPattern='{ $.eventSource = "secretsmanager.*" }',
        metricTransformations=[{"metricName": "Calls", "metricNamespace": "ByName", "metricValue": "1",
                                "dimensions": {"Operation": "$.eventName"}}])
    for _ in range(3):
        sm.list_secrets()

    def counted():
        points = cw.get_metric_statistics(
            Namespace="ByName", MetricName="Calls", Dimensions=[{"Name": "Operation", "Value": "ListSecrets"}],
            Period=3600, Statistics=["Sum"], **watching.stretch(2))["Datapoints"]
        return sum(point["Sum"] for point in points) == 3

    watching.until(counted, "three calls of ListSecrets")
