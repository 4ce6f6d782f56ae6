"""AWS's rates: refused in AWS's words, and borne by the SDK's retries."""

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from servers import Server, binary


@pytest.fixture
def server(tmp_path):
    """A server that throttles, as it does by default."""
    server = Server(binary(), tmp_path, '[quotas.rates]\n"sts:GetCallerIdentity" = 5\n"lambda:ListFunctions" = 5\n', throttle=True)
    server.start()
    yield server
    server.stop()


def client(server, service, **retries):
    key = server.key()
    return boto3.client(
        service,
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        config=Config(retries=retries),
    )


def refused(call, times):
    """What calls in a row are refused with."""
    for _ in range(times):
        try:
            call()
        except ClientError as error:
            return error.response
    raise AssertionError("nothing was refused")


def test_above_the_rate_is_refused_and_retries_get_through(server):
    once = client(server, "secretsmanager", total_max_attempts=1)
    answer = refused(lambda: once.get_random_password(), 400)
    assert answer["Error"] == {"Code": "ThrottlingException", "Message": "Rate exceeded"}
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    for mode in ("standard", "adaptive", "legacy"):
        patient = client(server, "secretsmanager", mode=mode, total_max_attempts=10)
        for _ in range(70):
            assert patient.get_random_password()["RandomPassword"]


def test_services_of_other_protocols_say_it_in_their_words(server):
    sts = client(server, "sts", total_max_attempts=1)
    answer = refused(sts.get_caller_identity, 20)
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("Throttling", 400)
    functions = client(server, "lambda", total_max_attempts=1)
    answer = refused(functions.list_functions, 20)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert answer["Error"]["Code"] == "TooManyRequestsException"
