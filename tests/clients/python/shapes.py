"""Holds answers against botocore's model: what may be there, in which JSON type, and what must be left out."""

import json
import re

REQUEST_ID = re.compile(r"[0-9a-fA-F-]{16,64}")
# Members that an answer of the operation always has, though the model marks none of them as required.
ALWAYS = {
    "BatchGetSecretValue": {"SecretValues"},
    "CancelRotateSecret": {"ARN", "Name"},
    "CreateSecret": {"ARN", "Name"},
    "DeleteResourcePolicy": {"ARN", "Name"},
    "DeleteSecret": {"ARN", "Name", "DeletionDate"},
    "DescribeSecret": {"ARN", "Name", "CreatedDate", "LastChangedDate"},
    "GetRandomPassword": {"RandomPassword"},
    "GetResourcePolicy": {"ARN", "Name"},
    "GetSecretValue": {"ARN", "Name", "VersionId", "CreatedDate"},
    "ListResourcePolicies": {"ResourcePolicies"},
    "ListSecretVersionIds": {"ARN", "Name", "Versions"},
    "ListSecrets": {"SecretList"},
    "PutResourcePolicy": {"ARN", "Name"},
    "PutSecretValue": {"ARN", "Name", "VersionId", "VersionStages"},
    "RestoreSecret": {"ARN", "Name"},
    "UpdateSecret": {"ARN", "Name"},
    "UpdateSecretVersionStage": {"ARN", "Name"},
}
JSON_TYPES = {
    "string": str,
    "blob": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "timestamp": (int, float),
    "structure": dict,
    "map": dict,
    "list": list,
}


def check_answer(http_response, model, **_):
    """Called by botocore after each request with what came over the wire."""
    headers = http_response.headers
    assert REQUEST_ID.fullmatch(headers.get("x-amzn-requestid", "")), f"no request id: {dict(headers)}"
    assert headers.get("content-type") == "application/x-amz-json-1.1", headers.get("content-type")
    body = http_response.content
    if http_response.status_code != 200:
        check_error(http_response.status_code, json.loads(body))
    elif model.output_shape is None:
        assert body in (b"", b"{}"), body
    else:
        check_value(json.loads(body), model.output_shape, model.name)
        missing = ALWAYS.get(model.name, set()) - set(json.loads(body))
        assert not missing, f"{model.name} answered without {missing}"


def check_error(status, body):
    """An error names its code, has a text, and has nothing beside those two."""
    assert 400 <= status < 600, status
    assert re.fullmatch(r"([\w.]+#)?\w+", body["__type"]), body
    assert set(body) <= {"__type", "Message", "message"}, body
    text = body.get("Message", body.get("message"))
    assert text is None or (isinstance(text, str) and text), body


def check_value(value, shape, path):
    """The JSON value is of the shape: no unknown member, no null, no empty text where the model wants some."""
    kind = shape.type_name
    assert isinstance(value, JSON_TYPES[kind]), f"{path} is {type(value).__name__}, not {kind}"
    assert kind == "boolean" or not isinstance(value, bool), f"{path} is a boolean"
    if kind == "structure":
        unknown = set(value) - set(shape.members)
        assert not unknown, f"{path} has {unknown}"
        missing = set(shape.required_members) - set(value)
        assert not missing, f"{path} lacks {missing}"
        for key, member in value.items():
            check_value(member, shape.members[key], f"{path}.{key}")
    elif kind == "list":
        for index, member in enumerate(value):
            check_value(member, shape.member, f"{path}[{index}]")
    elif kind == "map":
        for key, member in value.items():
            check_value(member, shape.value, f"{path}[{key}]")
    elif kind == "timestamp":
        assert round(value, 3) == value, f"{path} is finer than a millisecond: {value}"
    if kind in ("string", "list"):
        assert len(value) >= shape.metadata.get("min", 0), f"{path} is shorter than the model allows"
    if "enum" in shape.metadata:
        assert value in shape.metadata["enum"], f"{path}: {value}"
