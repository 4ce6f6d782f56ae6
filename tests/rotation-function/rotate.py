"""Rotates a secret that is one generated value: the four steps of a rotation function, for no database at all.

Secrets Manager calls `handler` four times for a rotation, each time with another Step and the same ClientRequestToken, which
is the id of the new version. A step may be called again after it has succeeded and must then do no harm.
"""

import json
import logging
import os

import boto3

log = logging.getLogger()
log.setLevel(logging.INFO)


def handler(event, context):
    """The entry: decides which step it is, once it is sure that the version may be rotated to."""
    secret, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    client = boto3.client("secretsmanager", endpoint_url=os.environ["SECRETS_MANAGER_ENDPOINT"])

    metadata = client.describe_secret(SecretId=secret)
    if not metadata["RotationEnabled"]:
        raise ValueError(f"{secret} has no rotation")
    stages = metadata["VersionIdsToStages"].get(token)
    if stages is None:
        raise ValueError(f"{secret} has no version {token}")
    if "AWSCURRENT" in stages:
        log.info("version %s is the current one already", token)
        return
    if "AWSPENDING" not in stages:
        raise ValueError(f"version {token} of {secret} is not pending")

    steps = {
        "createSecret": create_secret,
        "setSecret": set_secret,
        "testSecret": test_secret,
        "finishSecret": finish_secret,
    }
    if step not in steps:
        raise ValueError(f"no step is called {step}")
    log.info("%s of version %s", step, token)
    steps[step](client, event)


def create_secret(client, event):
    """Makes the new value, unless an earlier attempt has made it: a second one would be another value."""
    secret, token = event["SecretId"], event["ClientRequestToken"]
    current = json.loads(client.get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")["SecretString"])
    try:
        client.get_secret_value(SecretId=secret, VersionId=token, VersionStage="AWSPENDING")
        return
    except client.exceptions.ResourceNotFoundException:
        pass
    generated = client.get_random_password(
        PasswordLength=int(os.environ.get("PASSWORD_LENGTH", "32")),
        ExcludeCharacters=os.environ.get("EXCLUDE_CHARACTERS", "/@\"'\\"),
    )
    current["password"] = generated["RandomPassword"]
    put = {
        "SecretId": secret,
        "ClientRequestToken": token,
        "SecretString": json.dumps(current),
        "VersionStages": ["AWSPENDING"],
    }
    # The proof that this call is part of the rotation, which a function of another account has to give.
    if event.get("RotationToken"):
        put["RotationToken"] = event["RotationToken"]
    client.put_secret_value(**put)


def set_secret(client, event):
    """Would set the password where it is used. There is nothing outside: the step proves that the value is there."""
    pending(client, event)


def test_secret(client, event):
    """Would log in with the new value. Here the value has to be a new one."""
    new = pending(client, event)
    old = json.loads(client.get_secret_value(SecretId=event["SecretId"], VersionStage="AWSCURRENT")["SecretString"])
    if new["password"] == old.get("password"):
        raise ValueError("the new password is the old one")


def finish_secret(client, event):
    """Makes the new version the current one."""
    secret, token = event["SecretId"], event["ClientRequestToken"]
    versions = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
    current = next(version for version, stages in versions.items() if "AWSCURRENT" in stages)
    client.update_secret_version_stage(
        SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
    )
    log.info("version %s is the current one now", token)


def pending(client, event):
    """The new value."""
    answer = client.get_secret_value(
        SecretId=event["SecretId"], VersionId=event["ClientRequestToken"], VersionStage="AWSPENDING"
    )
    return json.loads(answer["SecretString"])
