"""The constraints of the model: for every member of every operation, one step outside, and the text that follows."""

import re
import uuid

import pytest

import requests_of
from requests_of import LATER, all_places, dotted, shown_path

SENSITIVE = {"SecretString", "SecretBinary", "RotationToken"}


def breaches():
    """(operation, path, outermost member, its value, phrase, the value shown) for each constraint of the model."""
    for operation, path, shape, put in all_places():
        limits, kind = shape.metadata, shape.type_name
        if kind in ("string", "list", "blob"):
            if "max" in limits:
                wanted = f"length less than or equal to {limits['max']}"
                yield operation, path, put(too_long(shape)), wanted
            if limits.get("min", 0) > 0 and not takes_empty(path):
                wanted = f"length greater than or equal to {limits['min']}"
                yield operation, path, put([] if kind == "list" else ""), wanted
        if kind in ("integer", "long"):
            for bound, step, phrase in (("max", 1, "less"), ("min", -1, "greater")):
                if bound in limits:
                    yield operation, path, put(limits[bound] + step), f"value {phrase} than or equal to {limits[bound]}"
        if "enum" in limits:
            yield operation, path, put("no-such-choice"), "satisfy enum value set: ["
        if "pattern" in limits:
            yield operation, path, put("\u00a7" * max(1, limits.get("min", 1))), "satisfy regular expression pattern: "


def takes_empty(path):
    """Where something else than the model's least length answers an empty value."""
    return path[-1] in ("SecretString", "SecretBinary") or path == ("Filters", 1, "Values")


def too_long(shape):
    if shape.type_name == "list":
        return [requests_of.sample(shape.member)] * (shape.metadata["max"] + 1)
    if shape.type_name == "blob":
        # One byte more than may be, in base64.
        return "A" * (shape.metadata["max"] // 3 * 4) + "AAA=" if shape.metadata["max"] % 3 == 1 else None
    return "x" * (shape.metadata["max"] + 1)


BREACHES = list(breaches())


@pytest.fixture(scope="module")
def target(sm):
    """A secret that no refused request may change: its name."""
    made = sm.create_secret(Name="val" + uuid.uuid4().hex, SecretString="untouched")
    yield made["Name"]
    shown = sm.describe_secret(SecretId=made["ARN"])
    assert shown["VersionIdsToStages"] == {made["VersionId"]: ["AWSCURRENT"]}
    assert shown["LastChangedDate"] == shown["CreatedDate"]
    assert "Tags" not in shown and "Description" not in shown
    assert sm.get_secret_value(SecretId=made["ARN"])["SecretString"] == "untouched"
    assert "ResourcePolicy" not in sm.get_resource_policy(SecretId=made["ARN"])


@pytest.mark.parametrize(
    "operation, path, value, phrase", BREACHES,
    ids=[f"{operation}-{dotted(path)}-{phrase.split(' ')[1]}" for operation, path, _, phrase in BREACHES],
)
def test_one_step_outside(endpoint, target, operation, path, value, phrase):
    request = requests_of.valid(operation, target, "0" * 32)
    if path[0] == "SecretBinary":
        request.pop("SecretString", None)
    if path[0] == "SecretIdList":
        request.pop("Filters")
    answer = endpoint.call(operation, {**request, path[0]: value})
    if operation in LATER and answer.code != "ValidationException":
        assert 400 <= answer.status < 500 and answer.text, answer
        return
    assert (answer.status, answer.code) == (400, "ValidationException"), answer
    assert re.match(r"\d+ validation errors? detected: ", answer.text), answer
    # A breach inside a list of texts may be told of the list or of its member.
    at = re.escape(shown_path(path[:-1])) + r"(\.1\.member)?" if path[-1] == 1 else re.escape(shown_path(path))
    assert re.search(rf" at '{at}' failed to satisfy constraint: Member must .*{re.escape(phrase)}", answer.text), answer
    if path[0] in SENSITIVE:
        assert "xxx" not in answer.text and "AAA" not in answer.text, answer


@pytest.mark.parametrize(
    "operation, member",
    [(operation, member) for operation in requests_of.OPERATIONS
     for member in requests_of.MODEL.operation_model(operation).input_shape.required_members],
)
@pytest.mark.parametrize("how", ["absent", "null"])
def test_required_members(endpoint, target, operation, member, how):
    request = requests_of.valid(operation, target, "0" * 32)
    del request[member]
    if how == "null":
        request[member] = None
    answer = endpoint.call(operation, request)
    if operation in LATER and answer.code != "ValidationException":
        assert 400 <= answer.status < 500 and answer.text, answer
        return
    assert (answer.status, answer.code) == (400, "ValidationException"), answer
    wanted = (f"1 validation error detected: Value null at '{requests_of.lower_camel(member)}' failed to satisfy "
              "constraint: Member must not be null")
    assert answer.text == wanted


@pytest.mark.parametrize("operation", [one for one in requests_of.OPERATIONS if one not in LATER])
def test_an_optional_null_is_absent(sm, endpoint, name, operation):
    made = sm.create_secret(Name=name, SecretString="v")
    request = requests_of.valid(operation, name, made["VersionId"])
    shape = requests_of.MODEL.operation_model(operation).input_shape
    nulls = {member: None for member in shape.members if member not in request}
    answer = endpoint.call(operation, {**nulls, **request})
    assert answer.status == 200, answer


def test_several_at_once(endpoint):
    answer = endpoint.call("ListSecrets", {"MaxResults": 101, "SortOrder": "up", "NextToken": ""})
    assert (answer.status, answer.code) == (400, "ValidationException")
    head, parts = answer.text.split(" detected: ", 1)
    assert head == "3 validation errors"
    assert sorted(re.findall(r"at '(\w+)' failed to satisfy constraint: Member must", parts)) == [
        "maxResults", "nextToken", "sortOrder"]
    assert parts.count("; ") == 2


def test_lists_count_from_one(endpoint, target):
    tags = [{"Key": "fine", "Value": "v"}, {"Key": "", "Value": "v"}, {"Key": "k", "Value": "x" * 257}]
    answer = endpoint.call("TagResource", {"SecretId": target, "Tags": tags})
    assert answer.text.startswith("2 validation errors detected: "), answer
    assert "at 'tags.2.member.key'" in answer.text and "at 'tags.3.member.value'" in answer.text


def test_the_number_is_shown(endpoint):
    answer = endpoint.call("GetRandomPassword", {"PasswordLength": 5000})
    assert answer.text == ("1 validation error detected: Value '5000' at 'passwordLength' failed to satisfy constraint: "
                           "Member must have value less than or equal to 4096")


@pytest.mark.parametrize("operation", ["CreateSecret", "PutSecretValue", "UpdateSecret"])
@pytest.mark.parametrize("member", ["SecretString", "SecretBinary"])
def test_values_are_never_shown(endpoint, target, operation, member):
    request = requests_of.valid(operation, target)
    request.pop("SecretString", None)
    planted = "UExBTlRFRA" * 8800
    answer = endpoint.call(operation, {**request, member: planted})
    assert (answer.status, answer.code) == (400, "ValidationException"), answer
    assert requests_of.lower_camel(member) in answer.text
    assert "PLANTED" not in answer.text and "UExBTlRFRA" not in answer.text


def test_a_value_is_measured_in_bytes(sm, endpoint, target):
    made = {"SecretId": target, "ClientRequestToken": "t" * 32, "SecretString": "\u5bc6" * 30000}
    answer = endpoint.call("PutSecretValue", made)
    assert answer.status == 400, answer
    assert "\u5bc6" not in answer.text


@pytest.mark.parametrize("operation", ["CreateSecret", "PutSecretValue", "UpdateSecret"])
def test_an_empty_binary_is_never_a_value(sm, endpoint, secret, prefix, operation):
    request = requests_of.valid(operation, secret["Name"])
    request.pop("SecretString", None)
    if operation == "CreateSecret":
        request["Name"] = prefix + "binary"
    answer = endpoint.call(operation, {**request, "SecretBinary": ""})
    assert answer.status in (200, 400), answer
    assert "VersionId" not in answer.json
    assert sm.get_secret_value(SecretId=secret["Name"])["SecretString"] == "first"
