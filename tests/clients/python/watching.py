"""For the tests of CloudWatch: servers whose points and looks at alarms come every few seconds, and clients in each protocol."""

import datetime
import time

import boto3
import botocore.config

import servers

SECONDS = 2
SETTINGS = f"""
[account]
region = "us-east-1"
[cloudwatch]
resolution_seconds = {SECONDS}
"""
ENDED_SECONDS_MAX = 60
CALLS = [{"Name": "Service", "Value": "Secrets Manager"}, {"Name": "Type", "Value": "API"},
         {"Name": "Class", "Value": "None"}]
COUNT = [{"Name": "Service", "Value": "Secrets Manager"}, {"Name": "Type", "Value": "Resource"},
         {"Name": "Resource", "Value": "SecretCount"}, {"Name": "Class", "Value": "None"}]


def start(directory, settings=""):
    """A server of its own."""
    server = servers.Server(servers.binary(), directory, SETTINGS + settings)
    server.start()
    return server


def client(server, service, key=None):
    """A client that never retries."""
    key = key or server.key()
    return boto3.session.Session().client(
        service, region_name="us-east-1", endpoint_url=server.url, aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"], config=botocore.config.Config(retries={"total_max_attempts": 1}),
    )


def in_protocol(server, protocol):
    """A client of CloudWatch as SDKs have it that prefer, or only know, another protocol."""
    session = boto3.session.Session()
    loader = session._session.get_component("data_loader")
    original = loader.load_service_model

    def load(service_name, type_name, api_version=None):
        model = original(service_name, type_name, api_version)
        if service_name == "cloudwatch" and type_name == "service-2":
            metadata = {**model["metadata"], "protocol": protocol, "protocols": [protocol]}
            model = {**model, "metadata": metadata}
        return model

    loader.load_service_model = load
    key = server.key()
    return session.client(
        "cloudwatch", region_name="us-east-1", endpoint_url=server.url, aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"], config=botocore.config.Config(retries={"total_max_attempts": 1}),
    )


def until(look, what):
    """What `look` gives once it gives something."""
    for _ in range(ENDED_SECONDS_MAX * 4):
        found = look()
        if found:
            return found
        time.sleep(0.25)
    raise AssertionError(f"never: {what}")


def stretch(hours=1):
    """The last hours, and a minute to come."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return {"StartTime": now - datetime.timedelta(hours=hours), "EndTime": now + datetime.timedelta(minutes=1)}


def calls_of(operation):
    """The dimensions of the calls of an operation."""
    return [*CALLS, {"Name": "Resource", "Value": operation}]
