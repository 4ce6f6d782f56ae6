"""CloudWatch: metrics of calls and secrets, points that are put, alarms, in each protocol that clients speak."""

import datetime
import gzip
import json
import math

import botocore.exceptions
import pytest

import watching
from functions import refused


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = watching.start(tmp_path_factory.mktemp("cloudwatch"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def sm(server):
    return watching.client(server, "secretsmanager")


@pytest.fixture(scope="module")
def cw(server):
    return watching.client(server, "cloudwatch")


def test_boto3_speaks_cbor_and_calls_are_counted(cw, sm):
    assert cw.meta.service_model.metadata["protocol"] == "smithy-rpc-v2-cbor"
    sm.create_secret(Name="counted", SecretString="one")
    for _ in range(5):
        sm.get_secret_value(SecretId="counted")
    # A refused call is a call.
    assert refused(sm.get_secret_value, SecretId="nowhere")[1] == "ResourceNotFoundException"
    dimensions = watching.calls_of("GetSecretValue")

    def summed():
        points = cw.get_metric_statistics(
            Namespace="AWS/Usage", MetricName="CallCount", Dimensions=dimensions, Period=60, Statistics=["Sum"],
            **watching.stretch())["Datapoints"]
        return sum(point["Sum"] for point in points) == 6 and points

    points = watching.until(summed, "six calls")
    assert points[0]["Unit"] == "None"
    listed = cw.list_metrics(Namespace="AWS/Usage", Dimensions=[{"Name": "Resource", "Value": "GetSecretValue"}])
    assert [metric["MetricName"] for metric in listed["Metrics"]] == ["CallCount"]
    assert {d["Name"]: d["Value"] for d in listed["Metrics"][0]["Dimensions"]} == {
        "Service": "Secrets Manager", "Type": "API", "Resource": "GetSecretValue", "Class": "None"}
    query = {"Id": "calls", "Label": "${PROP('Dim.Resource')} ${SUM}", "MetricStat": {
        "Metric": {"Namespace": "AWS/Usage", "MetricName": "CallCount", "Dimensions": dimensions},
        "Period": 3600, "Stat": "Sum"}}
    data = cw.get_metric_data(MetricDataQueries=[query], **watching.stretch(2))
    [result] = data["MetricDataResults"]
    assert sum(result["Values"]) == 6 and result["StatusCode"] == "Complete"
    assert result["Label"] == "GetSecretValue 6"


def test_secrets_are_counted_with_those_that_wait_for_deletion(cw, sm):
    def counted():
        return cw.get_metric_statistics(
            Namespace="AWS/SecretsManager", MetricName="ResourceCount", Dimensions=watching.COUNT, Period=3600,
            Statistics=["Maximum"], **watching.stretch())["Datapoints"]

    assert watching.until(counted, "a number of secrets")[0]["Maximum"] >= 0
    assert cw.list_metrics(Namespace="AWS/SecretsManager")["Metrics"][0]["MetricName"] == "ResourceCount"


def test_points_are_put_and_read(cw):
    when = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
    metric = {"MetricName": "Latency", "Dimensions": [{"Name": "Host", "Value": "a"}], "Timestamp": when}
    cw.put_metric_data(Namespace="Mine", MetricData=[
        {**metric, "Values": [1.0, 2.0, 3.0], "Counts": [1.0, 1.0, 2.0], "Unit": "Milliseconds"},
        {**metric, "Value": 10.5, "Unit": "Milliseconds"},
        {"MetricName": "Known", "Timestamp": when, "StatisticValues": {
            "SampleCount": 4, "Sum": 8, "Minimum": 1, "Maximum": 3}},
    ])
    [point] = cw.get_metric_statistics(
        Namespace="Mine", MetricName="Latency", Dimensions=metric["Dimensions"], Period=60, Unit="Milliseconds",
        Statistics=["SampleCount", "Average", "Sum", "Minimum", "Maximum"], ExtendedStatistics=["p50", "p100"],
        **watching.stretch())["Datapoints"]
    assert (point["SampleCount"], point["Sum"], point["Minimum"], point["Maximum"]) == (5, 19.5, 1, 10.5)
    assert math.isclose(point["Average"], 3.9) and point["Unit"] == "Milliseconds"
    assert point["ExtendedStatistics"] == {"p50": 3, "p100": 10.5}
    assert point["Timestamp"] == when

    def query(name, stat, **more):
        return {"Id": name, "MetricStat": {"Metric": {"Namespace": "Mine", "MetricName": "Known"}, "Period": 60,
                                           "Stat": stat}, **more}
    queries = [query("low", "Minimum"), query("high", "Maximum"), query("unseen", "Sum", ReturnData=False)]
    first = cw.get_metric_data(MetricDataQueries=queries, MaxDatapoints=1, **{**watching.stretch()})
    assert [(r["Id"], r["Values"]) for r in first["MetricDataResults"]] == [("low", [1])]
    window = watching.stretch()
    pages = list(cw.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, PaginationConfig={"PageSize": 1}, **window))
    assert [(r["Id"], r["Values"]) for page in pages for r in page["MetricDataResults"]] == [
        ("low", [1]), ("high", [3])]


def test_a_large_request_comes_compressed(cw, server):
    data = [{"MetricName": f"m{n}", "Value": float(n)} for n in range(400)]
    sent = []
    cw.meta.events.register("before-send.cloudwatch", lambda request, **_: sent.append(request) and None)
    cw.put_metric_data(Namespace="Large", MetricData=data)
    assert sent[-1].headers.get("Content-Encoding") in (b"gzip", "gzip") and gzip.decompress(sent[-1].body)
    query = watching.in_protocol(server, "query")
    query.put_metric_data(Namespace="LargeToo", MetricData=data[:200])
    for namespace, count in (("Large", 400), ("LargeToo", 200)):
        pages = cw.get_paginator("list_metrics").paginate(Namespace=namespace)
        assert sum(len(page["Metrics"]) for page in pages) == count


def test_what_is_not_in_order_is_refused(cw):
    stat = {"Metric": {"Namespace": "A", "MetricName": "B"}, "Period": 60, "Stat": "Sum"}
    window = watching.stretch()

    def data(*queries, **more):
        return refused(cw.get_metric_data, MetricDataQueries=list(queries), **{**window, **more})

    status, code, text = data({"Id": "e1", "Expression": "m1 * 2"})
    assert (status, code) == (400, "ValidationError") and "Metric math" in text
    assert data({"Id": "Upper", "MetricStat": stat})[1:] == (
        "ValidationError",
        "The value Upper for parameter MetricDataQueries.member.1.Id is not matching the expected pattern "
        "^[a-z][a-zA-Z0-9_]*$.")
    assert data({"Id": "a", "MetricStat": stat}, {"Id": "a", "MetricStat": stat})[2] == (
        "The values for parameter Id in MetricDataQueries are not unique.")
    assert data({"Id": "a", "MetricStat": {**stat, "Period": 61}})[1] == "ValidationError"
    assert data({"Id": "a", "MetricStat": {**stat, "Stat": "tm99"}})[1] == "ValidationError"
    assert data({"Id": "a", "MetricStat": stat}, NextToken="nothing")[1] == "InvalidNextToken"
    with pytest.raises(cw.exceptions.InvalidNextToken):
        cw.get_metric_data(MetricDataQueries=[{"Id": "a", "MetricStat": stat}], NextToken="nothing", **window)
    statistics = {"Namespace": "A", "MetricName": "B", "Period": 60, "Statistics": ["Sum"], **window}
    swapped = {"StartTime": window["EndTime"], "EndTime": window["StartTime"]}
    assert refused(cw.get_metric_statistics, **{**statistics, **swapped})[1:] == (
        "InvalidParameterValue", "The parameter StartTime must be less than the parameter EndTime.")
    status, code, text = refused(cw.get_metric_statistics, **{**statistics, **watching.stretch(72)})
    assert code == "InvalidParameterCombination" and text.startswith("You have requested up to 4,3")
    assert refused(cw.put_metric_data, Namespace="AWS/Mine", MetricData=[{"MetricName": "a", "Value": 1.0}])[1:] == (
        "InvalidParameterValue", "The value AWS/Mine for parameter Namespace is invalid.")
    assert refused(cw.put_metric_data, Namespace="A", MetricData=[{"MetricName": "a"}])[1] == "MissingParameter"
    with pytest.raises(cw.exceptions.InvalidParameterCombinationException):
        cw.put_metric_data(Namespace="A", MetricData=[{"MetricName": "a", "Value": 1.0, "Values": [1.0]}])
    old = window["StartTime"] - datetime.timedelta(days=15)
    assert refused(cw.put_metric_data, Namespace="A", MetricData=[
        {"MetricName": "a", "Value": 1.0, "Timestamp": old}])[1] == "InvalidParameterValue"


def test_alarms_follow_their_metric(cw):
    alarm = {"AlarmName": "busy", "Namespace": "Alarms", "MetricName": "Load", "Statistic": "Sum", "Period": 10,
             "EvaluationPeriods": 1, "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold",
             "TreatMissingData": "notBreaching"}
    cw.put_metric_alarm(**alarm, Tags=[{"Key": "team", "Value": "blue"}], AlarmDescription="too much")
    [shown] = cw.describe_alarms(AlarmNames=["busy"])["MetricAlarms"]
    assert (shown["StateValue"], shown["StateReason"]) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")
    assert shown["AlarmDescription"] == "too much" and shown["ActionsEnabled"] is True

    def state(wanted):
        [shown] = cw.describe_alarms(AlarmNames=["busy"])["MetricAlarms"]
        return shown["StateValue"] == wanted and shown

    assert watching.until(lambda: state("OK"), "OK")["StateReason"].startswith(
        "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching]")

    def loaded():
        cw.put_metric_data(Namespace="Alarms", MetricData=[{"MetricName": "Load", "Value": 9.0}])
        return state("ALARM")

    shown = watching.until(loaded, "ALARM")
    assert shown["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoint [")
    assert "was greater than the threshold (5.0) (minimum 1 datapoint for OK -> ALARM transition)." in shown["StateReason"]
    assert json.loads(shown["StateReasonData"])["threshold"] == 5.0
    assert [a["AlarmName"] for a in cw.describe_alarms_for_metric(
        Namespace="Alarms", MetricName="Load")["MetricAlarms"]] == ["busy"]
    history = cw.describe_alarm_history(AlarmName="busy")["AlarmHistoryItems"]
    assert history[-1]["HistorySummary"] == 'Alarm "busy" created'
    assert "Alarm updated from OK to ALARM" in [item["HistorySummary"] for item in history]
    cw.disable_alarm_actions(AlarmNames=["busy"])
    assert cw.describe_alarms(AlarmNames=["busy"])["MetricAlarms"][0]["ActionsEnabled"] is False
    arn = shown["AlarmArn"]
    cw.tag_resource(ResourceARN=arn, Tags=[{"Key": "cost", "Value": "1"}])
    cw.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert cw.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "cost", "Value": "1"}]
    cw.delete_alarms(AlarmNames=["busy"])
    assert cw.describe_alarms(AlarmNames=["busy"])["MetricAlarms"] == []
    assert refused(cw.delete_alarms, AlarmNames=["busy"])[1] == "ResourceNotFound"


def test_alarms_that_cannot_be_kept_are_refused(cw, server):
    alarm = {"AlarmName": "no", "Namespace": "A", "MetricName": "B", "Statistic": "Sum", "Period": 60,
             "EvaluationPeriods": 1, "Threshold": 5.0, "ComparisonOperator": "GreaterThanThreshold"}

    def put(**more):
        return refused(cw.put_metric_alarm, **{**alarm, **more})

    status, code, text = put(AlarmActions=["arn:aws:sns:us-east-1:111111111111:ops"])
    assert (status, code) == (400, "ValidationError") and "cloudwatch.topics" in text
    assert put(Period=61)[1] == "ValidationError"
    assert "EvaluationPeriods * Period must be <= 86400" in put(EvaluationPeriods=1441)[2]
    assert put(TreatMissingData="x")[1] == "ValidationError"
    assert put(ComparisonOperator="GreaterThanUpperThreshold")[1] == "ValidationError"
    assert refused(cw.set_alarm_state, AlarmName="no", StateValue="OK", StateReason="x")[1] == "ResourceNotFound"


@pytest.mark.parametrize("protocol", ["query", "json"])
def test_older_protocols_are_spoken(server, cw, protocol):
    older = watching.in_protocol(server, protocol)
    assert older.meta.service_model.metadata["protocol"] == protocol
    older.put_metric_data(Namespace=protocol, MetricData=[
        {"MetricName": "m", "Value": 1.5, "Dimensions": [{"Name": "a", "Value": "b"}], "Unit": "Count"}])
    [metric] = older.list_metrics(Namespace=protocol)["Metrics"]
    assert metric == {"Namespace": protocol, "MetricName": "m", "Dimensions": [{"Name": "a", "Value": "b"}]}
    query = {"Id": "a", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
    [result] = older.get_metric_data(MetricDataQueries=[query], **watching.stretch())["MetricDataResults"]
    assert result["Values"] == [1.5] and isinstance(result["Timestamps"][0], datetime.datetime)
    older.put_metric_alarm(
        AlarmName=protocol, Namespace=protocol, MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1e300, ComparisonOperator="GreaterThanThreshold")
    [alarm] = older.describe_alarms(AlarmNamePrefix=protocol)["MetricAlarms"]
    assert (alarm["Threshold"], alarm["Statistic"]) == (1e300, "Sum")
    assert refused(older.get_metric_data, MetricDataQueries=[{"Id": "A"}], **watching.stretch())[1] == "ValidationError"
    with pytest.raises(botocore.exceptions.ClientError) as told:
        older.list_metrics(NextToken="nothing")
    assert told.value.response["Error"]["Code"] == "InvalidNextToken"
    older.delete_alarms(AlarmNames=[protocol])


def test_values_beyond_all_numbers_spoil_nothing(cw):
    for counts in ([1.5e308], [1.5e308], [1.0]):
        data = [{"MetricName": "huge", "Values": [2e108], "Counts": counts}]
        cw.put_metric_data(Namespace="Huge", MetricData=data)
    statistics = cw.get_metric_statistics(
        Namespace="Huge", MetricName="huge", Period=3600, Statistics=["Maximum"], **watching.stretch())["Datapoints"]
    assert {point["Maximum"] for point in statistics} == {2e108}
