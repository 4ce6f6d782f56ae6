"""Every operation of IAM and STS: what botocore's serializer writes is understood, and botocore's parser reads back what
is answered. The codecs are driven as a filter (crates/wire/examples/query_codec.rs); no server takes part."""

import base64
import datetime
import json
import pathlib
import re
import subprocess
import urllib.parse

import botocore.parsers
import botocore.serialize
import botocore.session
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
SERVICES = ("iam", "sts")
MOMENT = datetime.datetime(2024, 2, 29, 23, 59, 58, tzinfo=datetime.timezone.utc)
# Tried in turn for a text with a pattern.
CANDIDATES = ("text-1", "text1", "text", "123456789012", "/path/to/", "v3", "A1", "{}", "a b")
# What XML, JSON and forms have to escape, and what takes more than one byte.
AWKWARD = "a<b>&\"'\\ é€😀%20+=;"


def operations():
    """All operations that the code is generated for, with botocore's model of each."""
    out = []
    for service in SERVICES:
        model = botocore.session.get_session().get_service_model(service)
        source = (ROOT / "crates/wire/src" / service / "operations.rs").read_text()
        names = re.findall(r'^ +Self::\w+ => "(\w+)",$', source, re.MULTILINE)
        assert names, source
        out += [(service, model.operation_model(name)) for name in names]
    return out


OPERATIONS = operations()
IDS = [f"{service}-{model.name}" for service, model in OPERATIONS]


def text_of(shape, valid):
    """A text that the shape admits; an awkward one where nothing is checked."""
    if shape.enum:
        return shape.enum[len(shape.name) % len(shape.enum)]
    if not valid:
        return AWKWARD
    pattern = re.sub(r"\\p\{\w\}", r"\\w", shape.metadata.get("pattern", ".*"))
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 10**6)
    for candidate in CANDIDATES:
        # Of a text that is too short, more of the same is tried.
        text = candidate * max(1, -(-low // len(candidate)))
        for length in (len(text), min(len(text), high)):
            if low <= length <= high and re.fullmatch(pattern, text[:length]):
                return text[:length]
    raise AssertionError(f"no text for {shape.name}: {shape.metadata}")


def sample(shape, valid, only_required=False):
    """A value of the shape with every member, two elements in each list, two entries in each map."""
    kind = shape.type_name
    if kind == "structure":
        names = shape.required_members if only_required else list(shape.members)
        names = names[:1] if getattr(shape, "is_tagged_union", False) else names
        # Inside, all members: an empty structure has no way to be written.
        return {name: sample(shape.members[name], valid) for name in names}
    if kind == "list":
        return [sample(shape.member, valid)] * max(2, shape.metadata.get("min", 0))
    if kind == "map":
        keys = shape.key.enum[:2] if shape.key.enum else ["first", "second"]
        return {key: sample(shape.value, valid) for key in keys}
    if kind in ("integer", "long"):
        return max(7, shape.metadata.get("min", 0)) if valid else 7
    if kind in ("float", "double"):
        return 0.5
    if kind == "boolean":
        return True
    if kind == "timestamp":
        return MOMENT
    if kind == "blob":
        return b"\x00\xff<bytes>"
    return text_of(shape, valid)


def as_json(value):
    """A value as the JSON codec has it."""
    if isinstance(value, dict):
        return {key: as_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.datetime):
        return int(value.timestamp())
    return value


def form_of(model, parameters):
    """The body that botocore sends."""
    serializer = botocore.serialize.create_serializer("query", include_validation=True)
    body = serializer.serialize_to_request(parameters, model)["body"]
    return urllib.parse.urlencode(body)


def read(model, answer):
    """What botocore makes of an answer, with policy documents decoded as its handler for IAM does."""
    parser = botocore.parsers.create_parser("query")
    parsed = parser.parse({"body": answer.encode(), "headers": {}, "status_code": 200}, model.output_shape)
    metadata = parsed.pop("ResponseMetadata")
    assert metadata["RequestId"] == "00000000-0000-4000-8000-000000000000", metadata
    return decoded(parsed, model.output_shape)


def decoded(value, shape):
    if shape is None:
        return value
    if shape.type_name == "structure":
        return {name: decoded(inner, shape.members[name]) for name, inner in value.items()}
    if shape.type_name == "list":
        return [decoded(inner, shape.member) for inner in value]
    if shape.type_name == "map":
        return {key: decoded(inner, shape.value) for key, inner in value.items()}
    if shape.name == "policyDocumentType":
        assert re.fullmatch(r"([A-Za-z0-9._~-]|%[0-9A-F]{2})*", value), value
        return urllib.parse.unquote(value)
    return value


@pytest.fixture(scope="module")
def exchange():
    """Sends requests and outputs through the filter, one line each."""
    build = ["cargo", "build", "--quiet", "--locked", "-p", "strongroom-wire", "--example", "query_codec"]
    subprocess.run(build, cwd=ROOT, check=True)
    target = subprocess.run(
        ["cargo", "metadata", "--format-version=1", "--no-deps", "--locked"], cwd=ROOT, check=True, capture_output=True
    )
    program = pathlib.Path(json.loads(target.stdout)["target_directory"]) / "debug/examples/query_codec"
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:

        def send(service, form, output=None):
            child.stdin.write(json.dumps({"service": service, "form": form, "output": output}) + "\n")
            child.stdin.flush()
            return json.loads(child.stdout.readline())

        yield send
        child.stdin.close()


@pytest.mark.parametrize("service, model", OPERATIONS, ids=IDS)
@pytest.mark.parametrize("only_required", [False, True], ids=["full", "required"])
def test_requests_and_answers_are_what_botocore_writes_and_reads(exchange, service, model, only_required):
    shapes = model.input_shape, model.output_shape
    parameters = sample(shapes[0], True, only_required) if shapes[0] else {}
    output = sample(shapes[1], False, only_required) if shapes[1] else None
    answered = exchange(service, form_of(model, parameters), None if output is None else as_json(output))
    assert "error" not in answered, (answered, parameters)
    assert answered["operation"] == f"{service}:{model.name}"
    assert json.loads(answered["input"]) == as_json(parameters)
    assert read(model, answered["answer"]) == (output or {})
    json.loads(answered["record"])


def test_empty_lists_are_understood_and_answered(exchange):
    answered = exchange("iam", "Action=ListUsers&Version=2010-05-08", {"Users": [], "IsTruncated": False})
    model = dict(zip(IDS, OPERATIONS))["iam-ListUsers"][1]
    assert read(model, answered["answer"]) == {"Users": [], "IsTruncated": False}
    form = "Action=CreateUser&Version=2010-05-08&UserName=a&Tags="
    assert json.loads(exchange("iam", form)["input"]) == {"UserName": "a", "Tags": []}


@pytest.mark.parametrize(
    "service, operation, parameters, secret",
    [
        ("iam", "CreateLoginProfile", {"UserName": "a", "Password": "hunter2"}, "hunter2"),
        ("iam", "ChangePassword", {"OldPassword": "hunter1", "NewPassword": "hunter2"}, "hunter"),
        (
            "iam",
            "EnableMFADevice",
            {"UserName": "a", "SerialNumber": "serial-no", "AuthenticationCode1": "314159", "AuthenticationCode2": "265358"},
            "314159",
        ),
        ("sts", "GetSessionToken", {"SerialNumber": "serial-no", "TokenCode": "314159"}, "314159"),
        (
            "sts",
            "AssumeRoleWithWebIdentity",
            {"RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "s1", "WebIdentityToken": "hunter.2"},
            "hunter",
        ),
    ],
)
def test_records_show_no_secret(exchange, service, operation, parameters, secret):
    model = dict(zip(IDS, OPERATIONS))[f"{service}-{operation}"][1]
    answered = exchange(service, form_of(model, parameters))
    assert json.loads(answered["input"]) == parameters
    assert secret not in answered["record"]
    shown = {name[0].lower() + name[1:] for name, value in parameters.items() if secret[:4] not in value}
    assert shown - {"authenticationCode2"} <= set(json.loads(answered["record"])) | {"authenticationCode2"}


@pytest.mark.parametrize(
    "service, form, text",
    [
        (
            "iam",
            f"Action=CreateRole&RoleName={'r' * 65}&AssumeRolePolicyDocument=x",
            f"1 validation error detected: Value '{'r' * 65}' at 'roleName' failed to satisfy constraint: "
            "Member must have length less than or equal to 64",
        ),
        (
            "iam",
            "Action=CreateRole&RoleName=a/b&AssumeRolePolicyDocument=x",
            "The specified value for roleName is invalid. "
            "It must contain only alphanumeric characters and/or the following: +=,.@_-",
        ),
        (
            "iam",
            "Action=CreateUser&UserName=a&Path=b",
            "The specified value for path is invalid. "
            "It must begin and end with / and contain only alphanumeric characters and/or / characters.",
        ),
        (
            "iam",
            "Action=CreateUser&UserName=a&Tags.member.1.Key=k&Tags.member.1.Value=v&Tags.member.2.Key=k&Tags.member.2.Value=(",
            "1 validation error detected: Value at 'tags.2.member.value' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]*",
        ),
        (
            "iam",
            "Action=CreateAccountAlias&AccountAlias=a--b",
            "1 validation error detected: Value 'a--b' at 'accountAlias' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$",
        ),
        (
            "sts",
            "Action=AssumeRole&RoleArn=arn:aws:iam::123456789012:role/r&RoleSessionName=a+b&DurationSeconds=1",
            "2 validation errors detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: [\w+=,.@-]*; Value '1' at 'durationSeconds' "
            "failed to satisfy constraint: Member must have value greater than or equal to 900",
        ),
        (
            "sts",
            "Action=GetFederationToken",
            "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null",
        ),
    ],
)
def test_broken_constraints_are_told_as_aws_tells_them(exchange, service, form, text):
    version = {"iam": "2010-05-08", "sts": "2011-06-15"}[service]
    assert exchange(service, f"{form}&Version={version}") == {"error": text, "code": "ValidationError", "status": 400}
