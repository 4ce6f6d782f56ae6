"""Operations that later releases bring: until then each answers a client error that says so, and changes nothing."""

import pytest

from botocore.exceptions import ClientError
from checks import body

REPLICA = "arn:aws:secretsmanager:us-east-1:210987654321:secret:replica-AbCdEf"
LAMBDA = "arn:aws:lambda:us-east-1:123456789012:function:rotate"
REQUESTS = {
    "rotate_secret": {"RotationLambdaARN": LAMBDA, "RotationRules": {"AutomaticallyAfterDays": 7}, "RotateImmediately": False},
    "cancel_rotate_secret": {},
    "replicate_secret_to_regions": {"AddReplicaRegions": [{"Region": "eu-west-1"}], "ForceOverwriteReplicaSecret": True},
    "remove_regions_from_replication": {"RemoveReplicaRegions": ["eu-west-1"]},
    "stop_replication_to_replica": {},
    "validate_resource_policy": {"ResourcePolicy": '{"Version":"2012-10-17","Statement":[]}'},
    "associate_cross_account_replica": {"CrossAccountReplicaARN": REPLICA, "ReplicaRestriction": "NoRestriction"},
    "disassociate_cross_account_replica": {"CrossAccountReplicaARN": REPLICA},
}


@pytest.mark.parametrize("operation", REQUESTS)
def test_a_clear_refusal(sm, secret, name, operation):
    before = body(sm.describe_secret(SecretId=name))
    with pytest.raises(ClientError) as caught:
        getattr(sm, operation)(SecretId=name, **REQUESTS[operation])
    error = caught.value.response
    assert 400 <= error["ResponseMetadata"]["HTTPStatusCode"] < 500, error
    assert error["Error"]["Code"] and len(error["Error"]["Message"]) > 10, error
    assert body(sm.describe_secret(SecretId=name)) == before
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "first"
