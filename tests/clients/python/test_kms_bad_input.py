"""Bad input for every operation of KMS: AWS's error each time, nothing changed, and the server stays up."""

import base64
import json
import uuid

import botocore.session
import pytest

import keys
import openssl
from requests_of import all_places, dotted, sample
from test_bad_input import MALFORMED, NOT_BASE64, WRONG

MODEL = botocore.session.get_session().get_service_model("kms")
# The operations that are offered.
OPERATIONS = (
    "CancelKeyDeletion", "CreateAlias", "CreateGrant", "CreateKey", "Decrypt", "DeleteAlias", "DeleteImportedKeyMaterial",
    "DeriveSharedSecret", "DescribeKey", "DisableKey", "DisableKeyRotation", "EnableKey", "EnableKeyRotation", "Encrypt",
    "GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext",
    "GenerateMac", "GenerateRandom", "GetKeyPolicy", "GetKeyRotationStatus", "GetParametersForImport", "GetPublicKey",
    "ImportKeyMaterial", "ListAliases", "ListGrants", "ListKeyPolicies", "ListKeyRotations", "ListKeys", "ListResourceTags",
    "ListRetirableGrants", "PutKeyPolicy", "ReEncrypt", "RetireGrant", "RevokeGrant", "RotateKeyOnDemand",
    "ScheduleKeyDeletion", "Sign", "TagResource", "UntagResource", "UpdateAlias", "UpdateKeyDescription", "Verify",
    "VerifyMac",
)
WRONG = {**WRONG, "map": ["x", 7, True, []], "timestamp": ["yesterday", True, [], {}]}
BODILESS = {"CreateKey", "ListAliases", "ListKeys"}
PLACES = list(all_places(MODEL, OPERATIONS))


def base(data):
    return base64.b64encode(data).decode()


class Aim:
    """A key, a key for MACs, and what belongs to them: requests that are right for them."""

    def __init__(self, kms, account):
        self.kms, self.account = kms, account
        self.key = kms.create_key(Description="still")["KeyMetadata"]["KeyId"]
        self.mac_key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
        self.blob = kms.encrypt(KeyId=self.key, Plaintext=b"x")["CiphertextBlob"]
        self.mac = kms.generate_mac(KeyId=self.mac_key, Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]
        self.external = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
        self.given = kms.get_parameters_for_import(
            KeyId=self.external, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
        self.material = openssl.oaep(self.given["PublicKey"], "256", bytes(32))
        curve = {"KeySpec": "ECC_NIST_P256"}
        self.signing = kms.create_key(KeyUsage="SIGN_VERIFY", **curve)["KeyMetadata"]["KeyId"]
        self.agreeing = kms.create_key(KeyUsage="KEY_AGREEMENT", **curve)["KeyMetadata"]["KeyId"]
        self.public = kms.get_public_key(KeyId=self.agreeing)["PublicKey"]
        signed = kms.sign(KeyId=self.signing, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")
        self.signature = signed["Signature"]
        self.root = f"arn:aws:iam::{account}:root"
        self.grant = kms.create_grant(KeyId=self.key, GranteePrincipal=self.root, Operations=["Decrypt"])["GrantId"]
        self.alias = "alias/bad" + uuid.uuid4().hex
        kms.create_alias(AliasName=self.alias, TargetKeyId=self.key)

    def valid(self, operation):
        """A request that the operation accepts, with as few members as it takes."""
        mac = {"KeyId": self.mac_key, "Message": base(b"m"), "MacAlgorithm": "HMAC_SHA_256"}
        arn = f"arn:aws:kms:us-east-1:{self.account}:key/{self.key}"
        own = {
            "CreateAlias": {"AliasName": self.alias + "-b", "TargetKeyId": self.key},
            "UpdateAlias": {"AliasName": self.alias, "TargetKeyId": self.key}, "DeleteAlias": {"AliasName": self.alias},
            "CreateKey": {}, "ListKeys": {}, "ListAliases": {}, "GenerateRandom": {"NumberOfBytes": 1},
            "Decrypt": {"CiphertextBlob": base(self.blob)}, "GenerateMac": mac, "VerifyMac": {**mac, "Mac": base(self.mac)},
            "ReEncrypt": {"CiphertextBlob": base(self.blob), "DestinationKeyId": self.key},
            "ListRetirableGrants": {"RetiringPrincipal": self.root}, "RetireGrant": {"KeyId": arn, "GrantId": self.grant},
        }
        message = {"KeyId": self.signing, "Message": base(b"m"), "SigningAlgorithm": "ECDSA_SHA_256"}
        own |= {
            "Sign": message, "Verify": {**message, "Signature": base(self.signature)},
            "GetPublicKey": {"KeyId": self.signing}, "DeleteImportedKeyMaterial": {"KeyId": self.external},
            "DeriveSharedSecret": {"KeyId": self.agreeing, "PublicKey": base(self.public), "KeyAgreementAlgorithm": "ECDH"},
            "GetParametersForImport": {
                "KeyId": self.external, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"},
            "ImportKeyMaterial": {
                "KeyId": self.external, "ImportToken": base(self.given["ImportToken"]),
                "EncryptedKeyMaterial": base(self.material), "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"},
        }
        more = {
            "GenerateDataKeyPair": {"KeyPairSpec": "ECC_NIST_P256"},
            "GenerateDataKeyPairWithoutPlaintext": {"KeyPairSpec": "ECC_NIST_P256"},
            "CreateGrant": {"GranteePrincipal": self.root, "Operations": ["Decrypt"]},
            "Encrypt": {"Plaintext": base(b"x")}, "GenerateDataKey": {"NumberOfBytes": 1},
            "GenerateDataKeyWithoutPlaintext": {"NumberOfBytes": 1}, "PutKeyPolicy": {"Policy": keys.key_policy(self.account)},
            "RevokeGrant": {"GrantId": self.grant}, "TagResource": {"Tags": [{"TagKey": "k", "TagValue": "v"}]},
            "UntagResource": {"TagKeys": ["absent"]}, "UpdateKeyDescription": {"Description": "d"},
        }
        return own[operation] if operation in own else {"KeyId": self.key, **more.get(operation, {})}

    def seen(self):
        """All that a caller can see of the key."""
        kms, key = self.kms, self.key
        answers = [kms.describe_key(KeyId=key), kms.get_key_policy(KeyId=key), kms.list_grants(KeyId=key),
                   kms.list_aliases(KeyId=key), kms.list_resource_tags(KeyId=key), kms.get_key_rotation_status(KeyId=key),
                   kms.list_key_rotations(KeyId=key)]
        answers += [kms.describe_key(KeyId=other) for other in (self.mac_key, self.external, self.signing, self.agreeing)]
        for answer in answers:
            del answer["ResponseMetadata"]
        return json.dumps(answers, default=str, sort_keys=True)


@pytest.fixture(scope="module")
def aim(kms, account):
    """What all bad requests aim at. After all of them it is exactly as before."""
    aim = Aim(kms, account)
    before = aim.seen()
    yield aim
    assert aim.seen() == before
    assert kms.decrypt(CiphertextBlob=aim.blob)["Plaintext"] == b"x"


@pytest.fixture(scope="module")
def line(endpoint):
    """One connection for all bad requests of this file: an error must not cost it."""
    connection = endpoint.connect()
    yield connection
    connection.close()


@pytest.fixture
def call(endpoint, line):
    """Sends a request to an operation of KMS."""
    return lambda operation, request: endpoint.call(f"TrentService.{operation}", request, line, service="kms")


def refuses(answer, codes, text=""):
    assert answer.headers.get("x-amzn-requestid"), answer.headers
    assert (answer.status, answer.code in codes, text in answer.text) == (400, True, True), answer


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_right_is_answered(kms, account, call, operation):
    aim = Aim(kms, account)
    if operation == "CancelKeyDeletion":
        kms.schedule_key_deletion(KeyId=aim.key)
    unknown = {"Colour": "blue", "keyid": "elsewhere", "x": None, "Nested": {"deep": [1, 2.5, {"a": [None]}]}, "": 0}
    answer = call(operation, {**unknown, **aim.valid(operation)})
    assert answer.status == 200, answer


@pytest.mark.parametrize("operation, path, shape, put", PLACES, ids=[f"{place[0]}-{dotted(place[1])}" for place in PLACES])
def test_wrong_types(call, aim, operation, path, shape, put):
    for wrong in WRONG[shape.type_name]:
        refuses(call(operation, {**aim.valid(operation), path[0]: put(wrong)}), {"SerializationException"})


BLOBS = [(operation, path[0]) for operation, path, shape, _ in PLACES if shape.type_name == "blob" and len(path) == 1]


@pytest.mark.parametrize("operation, member", BLOBS, ids=[f"{operation}-{member}" for operation, member in BLOBS])
def test_bad_base64(call, aim, operation, member):
    for text in NOT_BASE64:
        refuses(call(operation, {**aim.valid(operation), member: text}), {"SerializationException"})


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_bodies(call, aim, kind):
    for operation in OPERATIONS:
        answer = call(operation, MALFORMED[kind])
        if kind in ("nothing", "blanks", "huge number") and answer.status == 200:
            # Nothing is as good as `{}` to an operation without required members, and so is a member it does not know.
            assert operation in BODILESS, answer
            continue
        refuses(answer, {"SerializationException", "ValidationException"}
                if kind in ("nothing", "blanks", "null", "deep objects", "half a surrogate", "huge number", "byte order mark")
                else {"SerializationException"})


@pytest.mark.parametrize("operation", OPERATIONS)
def test_deep_bodies_in_unknown_members(call, aim, operation):
    request = json.dumps(aim.valid(operation)).encode()
    deep = b"[" * 100000 + b"]" * 100000
    answer = call(operation, request[:-1] + (b"," if len(request) > 2 else b"") + b'"Deep":' + deep + b"}")
    refuses(answer, {"SerializationException"})


REQUIRED = [(operation, member) for operation in OPERATIONS
            for member in MODEL.operation_model(operation).input_shape.required_members]


@pytest.mark.parametrize("operation, member", REQUIRED, ids=[f"{operation}-{member}" for operation, member in REQUIRED])
def test_missing_members(call, aim, operation, member):
    request = aim.valid(operation)
    shown = member[0].lower() + member[1:]
    for without in ({key: value for key, value in request.items() if key != member}, {**request, member: None}):
        refuses(call(operation, without), {"ValidationException"},
                f"'{shown}' failed to satisfy constraint: Member must not be null")


def breaches():
    """(operation, path, outermost member's value, phrase) for each constraint of the model, one step outside."""
    for operation, path, shape, put in PLACES:
        limits, kind = shape.metadata, shape.type_name
        if kind in ("string", "list") and "max" in limits:
            long = "x" * (limits["max"] + 1) if kind == "string" else [sample(shape.member)] * (limits["max"] + 1)
            yield operation, path, put(long), f"length less than or equal to {limits['max']}"
        if kind == "blob" and "max" in limits:
            yield operation, path, put(base(b"x" * (limits["max"] + 1))), f"length less than or equal to {limits['max']}"
        if kind in ("string", "list", "blob") and limits.get("min", 0) > 0:
            wanted = f"length greater than or equal to {limits['min']}"
            yield operation, path, put([] if kind == "list" else ""), wanted
        if kind == "integer":
            for bound, step, phrase in (("max", 1, "less"), ("min", -1, "greater")):
                if bound in limits:
                    yield operation, path, put(limits[bound] + step), f"value {phrase} than or equal to {limits[bound]}"
        if "enum" in limits:
            yield operation, path, put("no-such-choice"), "satisfy enum value set: ["
        if "pattern" in limits:
            yield operation, path, put("\u4e00" * max(1, limits.get("min", 1))), "satisfy regular expression pattern: "


BREACHES = list(breaches())


@pytest.mark.parametrize("operation, path, value, phrase", BREACHES,
                         ids=[f"{one[0]}-{dotted(one[1])}-{one[3].split()[0]}" for one in BREACHES])
def test_values_outside_the_model(call, aim, operation, path, value, phrase):
    answer = call(operation, {**aim.valid(operation), path[0]: value})
    refuses(answer, {"ValidationException"}, phrase)
    assert "failed to satisfy constraint: Member must " in answer.text, answer


@pytest.mark.parametrize("target", ["TrentService.NoSuchOperation", "TrentService.", "TrentService.encrypt",
                                    "trentservice.Encrypt", "TrentService.GetSecretValue"])
def test_unknown_operations(endpoint, target):
    answer = endpoint.call(target, {}, service="kms")
    assert (answer.status in (400, 404), answer.code) == (True, "UnknownOperationException"), answer


def test_a_signature_for_another_service_is_none(endpoint, aim):
    answer = endpoint.call("TrentService.DescribeKey", {"KeyId": aim.key}, service="secretsmanager")
    assert 400 <= answer.status < 500 and answer.code, answer
