"""Bad input for every operation of the model: AWS's error each time, nothing changed, and the server stays up."""

import json
import uuid

import pytest

import requests_of
from requests_of import LATER, OPERATIONS, all_places, dotted

WRONG = {
    "string": [7, True, [], ["x"], {}, {"x": "y"}],
    "blob": [7, True, [], {}],
    "integer": ["seven", True, [], {}],
    "long": ["seven", True, [], {}],
    "boolean": ["perhaps", 7, [], {}],
    "list": ["x", 7, True, {}, {"Key": "x"}],
    "structure": ["x", 7, True, []],
}
NOT_BASE64 = ["=", "A", "AAAAA", "AAA", "AA=A", "!!!!", "A A=", "QUJD\u00fc", "QQ", "-_-_", "QQ==QQ=="]
MALFORMED = {
    "nothing": b"",
    "blanks": b"   ",
    "array": b"[]",
    "text": b'"SecretId"',
    "number": b"7",
    "null": b"null",
    "true": b"true",
    "cut": b'{"SecretId":"x"',
    "cut in a name": b'{"Secr',
    "comma": b'{"SecretId":"x",}',
    "two values": b'{"SecretId":"x"}{"SecretId":"x"}',
    "tail": b'{"SecretId":"x"} x',
    "quotes": b"{'SecretId':'x'}",
    "no quotes": b"{SecretId:x}",
    "comment": b'{"SecretId":"x"/* */}',
    "nan": b'{"SecretId":NaN}',
    "control character": b'{"SecretId":"a\x01b"}',
    "raw newline": b'{"SecretId":"a\nb"}',
    "bad escape": b'{"SecretId":"\\x41"}',
    "half a surrogate": b'{"SecretId":"\\ud800"}',
    "no utf-8": b'{"SecretId":"\xff\xfe"}',
    "overlong utf-8": b'{"SecretId":"\xc0\xaf"}',
    "utf-16": '{"SecretId":"x"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"SecretId":"x"}',
    "zero bytes": b"\x00" * 64,
    "noise": bytes(range(256)),
    "query": b"Action=GetSecretValue&SecretId=x",
    "xml": b"<GetSecretValue><SecretId>x</SecretId></GetSecretValue>",
    "huge number": b'{"SecretId":' + b"9" * 5000 + b"}",
    "deep arrays": b'{"SecretId":' + b"[" * 50000 + b"]" * 50000 + b"}",
    "deep objects": b'{"a":' * 20000 + b"1" + b"}" * 20000,
    "deep and open": b"[" * 60000,
}


@pytest.fixture(scope="module")
def canary(sm):
    """A secret that all bad requests aim at. After all of them it is exactly as before."""
    name = "bad" + uuid.uuid4().hex
    made = sm.create_secret(Name=name, SecretString="untouched", Description="still", Tags=[{"Key": "k", "Value": "v"}])
    sm.put_resource_policy(SecretId=name, ResourcePolicy=requests_of.POLICY)
    before = seen(sm, name)
    yield name, made["VersionId"]
    assert seen(sm, name) == before
    listed = sm.list_secrets(Filters=[{"Key": "name", "Values": [name]}], IncludePlannedDeletion=True)["SecretList"]
    assert [entry["Name"] for entry in listed] == [name]


def seen(sm, name):
    """All that a caller can see of a secret."""
    answers = [sm.get_secret_value(SecretId=name), sm.describe_secret(SecretId=name), sm.get_resource_policy(SecretId=name),
               sm.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)]
    for answer in answers:
        del answer["ResponseMetadata"]
    return json.dumps(answers, default=str, sort_keys=True)


@pytest.fixture(scope="module")
def line(endpoint):
    """One connection for all bad requests of this file: an error must not cost it."""
    connection = endpoint.connect()
    yield connection
    connection.close()


def refuses(answer, operation, codes):
    """The answer is the wanted refusal; an operation of a later release may refuse in its own words."""
    assert answer.headers.get("x-amzn-requestid"), answer.headers
    if operation in LATER:
        assert 400 <= answer.status < 500 and answer.code, answer
    else:
        assert (answer.status, answer.code in codes) == (400, True), answer


PLACES = list(all_places())


@pytest.mark.parametrize("operation, path, shape, put", PLACES, ids=[f"{place[0]}-{dotted(place[1])}" for place in PLACES])
def test_wrong_types(endpoint, line, canary, operation, path, shape, put):
    for wrong in WRONG[shape.type_name]:
        request = requests_of.valid(operation, *canary)
        request[path[0]] = put(wrong)
        refuses(endpoint.call(operation, request, line), operation, {"SerializationException"})


@pytest.mark.parametrize("operation", ["CreateSecret", "PutSecretValue", "UpdateSecret"])
@pytest.mark.parametrize("text", NOT_BASE64)
def test_bad_base64(endpoint, line, canary, operation, text):
    request = requests_of.valid(operation, *canary)
    request.pop("SecretString", None)
    answer = endpoint.call(operation, {**request, "SecretBinary": text}, line)
    refuses(answer, operation, {"SerializationException"})
    assert text not in answer.text or text in ("A", "=")


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_bodies(endpoint, line, canary, kind):
    for operation in OPERATIONS:
        answer = endpoint.call(operation, MALFORMED[kind], line)
        if kind in ("nothing", "blanks", "huge number") and answer.status == 200:
            # Nothing is as good as `{}` to an operation without required members, and so is a member it does not know.
            assert operation in ("GetRandomPassword", "ListSecrets"), answer
            continue
        refuses(answer, operation, {"SerializationException", "ValidationException", "InvalidParameterException"}
                if kind in ("nothing", "blanks", "null", "deep objects", "half a surrogate", "huge number", "byte order mark")
                else {"SerializationException"})


@pytest.mark.parametrize("operation", OPERATIONS)
def test_deep_bodies_in_unknown_members(endpoint, line, canary, operation):
    request = json.dumps(requests_of.valid(operation, *canary)).encode()
    deep = b"[" * 100000 + b"]" * 100000
    answer = endpoint.call(operation, request[:-1] + (b"," if len(request) > 2 else b"") + b'"Deep":' + deep + b"}", line)
    refuses(answer, operation, {"SerializationException"})


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one not in LATER])
def test_unknown_members_are_ignored(sm, endpoint, line, name, operation):
    made = sm.create_secret(Name=name, SecretString="v")
    unknown = {"Colour": "blue", "secretid": "elsewhere", "x": None, "Nested": {"deep": [1, 2.5, {"a": [None]}]}, "": 0}
    answer = endpoint.call(operation, {**unknown, **requests_of.valid(operation, name, made["VersionId"])}, line)
    assert answer.status == 200, answer


def test_unknown_members_inside_members_are_ignored(sm, endpoint, secret, name):
    tags = [{"Key": "k", "Value": "v", "Colour": "blue"}]
    assert endpoint.call("TagResource", {"SecretId": name, "Tags": tags}).status == 200
    assert sm.describe_secret(SecretId=name)["Tags"] == [{"Key": "k", "Value": "v"}]


@pytest.mark.parametrize(
    "target",
    ["secretsmanager.NoSuchOperation", "secretsmanager.", "secretsmanager.getsecretvalue", "SecretsManager.GetSecretValue",
     "GetSecretValue", ".GetSecretValue", "secretsmanager.GetSecretValue.x", "nosuchservice.GetSecretValue", "x",
     "secretsmanager.GetSecretValue\u00fc", "secretsmanager." + "x" * 2000],
)
def test_unknown_operations(endpoint, canary, target):
    body = json.dumps({"SecretId": canary[0]}).encode()
    prepared = endpoint.sign("secretsmanager.GetSecretValue", body, extra={"X-Amz-Target": target})
    if not target.isascii():
        # A header that is no ASCII cannot be signed by an SDK: any client error will do.
        prepared.headers["X-Amz-Target"] = target.encode()
        assert 400 <= endpoint.send(prepared).status < 500
        return
    prepared = endpoint.sign(None, body, extra={"X-Amz-Target": target})
    answer = endpoint.send(prepared)
    assert (answer.status in (400, 404), answer.code) == (True, "UnknownOperationException"), answer


def test_no_target(endpoint, canary):
    answer = endpoint.call(None, {"SecretId": canary[0]})
    assert (answer.status in (400, 404), answer.code) == (True, "UnknownOperationException"), answer


@pytest.mark.parametrize("size", [1 << 20, 8 << 20, 64 << 20])
def test_huge_bodies(sm, endpoint, canary, size):
    for body in (b'{"SecretId":"' + b"x" * size + b'"}', b"x" * size):
        try:
            answer = endpoint.call("GetSecretValue", body)
        except OSError:
            # The server may hang up on a body that it will not read to its end.
            continue
        assert 400 <= answer.status < 500, answer
    assert sm.get_secret_value(SecretId=canary[0])["SecretString"] == "untouched"


def test_a_huge_value_is_not_kept(sm, endpoint, canary, name):
    value = {"Name": name, "ClientRequestToken": str(uuid.uuid4()), "SecretString": "x" * (1 << 20)}
    try:
        assert 400 <= endpoint.call("CreateSecret", value).status < 500
    except OSError:
        pass
    with pytest.raises(sm.exceptions.ResourceNotFoundException):
        sm.describe_secret(SecretId=name)


def test_a_member_twice(endpoint, canary):
    answer = endpoint.call("DescribeSecret", b'{"SecretId":"no-such","SecretId":"' + canary[0].encode() + b'"}')
    assert answer.status in (200, 400), answer


@pytest.mark.parametrize("number", ["1e2", "1.5", "-0", "1E400", "99999999999999999999999999", "0x10", "01"])
def test_odd_numbers(endpoint, line, number):
    answer = endpoint.call("ListSecrets", b'{"MaxResults":' + number.encode() + b"}", line)
    assert answer.status in (200, 400), answer
    if number in ("0x10", "01", "99999999999999999999999999", "1E400"):
        assert answer.code in ("SerializationException", "ValidationException"), answer


def test_the_server_still_answers(sm, endpoint, line, canary):
    assert endpoint.call("GetSecretValue", {"SecretId": canary[0]}, line).json["SecretString"] == "untouched"
    assert sm.get_secret_value(SecretId=canary[0])["SecretString"] == "untouched"
