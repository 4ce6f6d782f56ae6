"""Cryptography with keys of KMS: encryption, data keys, random bytes, MACs, and what refuses them."""

import base64
import uuid

import pytest

from checks import body, refused
from keys import HMACS, make_kms

SYMMETRIC = "SYMMETRIC_DEFAULT"
CONTEXT = {"purpose": "test", "tenant": "ä"}
WRONG_KEY = "The key ID in the request does not identify a CMK that can perform this operation."


@pytest.fixture(scope="module")
def loose_kms():
    """The client without botocore's own checks."""
    return make_kms(parameter_validation=False)


@pytest.fixture
def arn(kms, key):
    return kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]


@pytest.fixture
def mac_key(kms):
    return kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]


def sealed(kms, key, plain=b"plain", **more):
    return kms.encrypt(KeyId=key, Plaintext=plain, **more)["CiphertextBlob"]


@pytest.mark.parametrize("size", [1, 32, 4096])
def test_what_is_encrypted_is_decrypted(kms, key, arn, size):
    plain = bytes(number % 256 for number in range(size))
    made = body(kms.encrypt(KeyId=key, Plaintext=plain))
    blob = made.pop("CiphertextBlob")
    assert made == {"KeyId": arn, "EncryptionAlgorithm": SYMMETRIC}
    assert plain not in blob or size == 1
    material = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    opened = {"KeyId": arn, "Plaintext": plain, "EncryptionAlgorithm": SYMMETRIC, "KeyMaterialId": material}
    assert body(kms.decrypt(CiphertextBlob=blob)) == opened
    assert body(kms.decrypt(CiphertextBlob=blob, KeyId=key, EncryptionAlgorithm=SYMMETRIC)) == opened
    assert sealed(kms, key, plain) != blob


def test_plaintexts_that_are_too_long_or_empty(kms, key, loose_kms):
    for plain in (b"", b"x" * 4097):
        with refused("ValidationException"):
            loose_kms.encrypt(KeyId=key, Plaintext=plain)


@pytest.mark.parametrize("form", ["id", "arn", "alias", "alias arn"])
def test_every_form_of_a_name(kms, key, arn, mark, form):
    alias = f"alias/{mark}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    name = {"id": key, "arn": arn, "alias": alias, "alias arn": arn.replace(f"key/{key}", alias)}[form]
    blob = sealed(kms, name)
    opened = kms.decrypt(KeyId=name, CiphertextBlob=blob)
    assert (opened["KeyId"], opened["Plaintext"]) == (arn, b"plain")
    moved = kms.re_encrypt(CiphertextBlob=blob, SourceKeyId=name, DestinationKeyId=name)
    assert (moved["SourceKeyId"], moved["KeyId"]) == (arn, arn)
    assert kms.generate_data_key(KeyId=name, KeySpec="AES_256")["KeyId"] == arn
    assert kms.generate_data_key_without_plaintext(KeyId=name, KeySpec="AES_128")["KeyId"] == arn
    assert kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] == arn


def test_the_encryption_context_has_to_be_the_same(kms, key):
    blob = sealed(kms, key, EncryptionContext=CONTEXT)
    same = dict(reversed(CONTEXT.items()))
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=same)["Plaintext"] == b"plain"
    for other in ({}, {"purpose": "test"}, {**CONTEXT, "more": "x"}, {**CONTEXT, "purpose": "Test"},
                  {"Purpose": "test", "tenant": "ä"}, {"purpose": "ä", "tenant": "test"}):
        with refused("InvalidCiphertextException"):
            kms.decrypt(CiphertextBlob=blob, EncryptionContext=other)
    with refused("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=sealed(kms, key), EncryptionContext=CONTEXT)


def test_names_and_values_of_a_context_do_not_run_into_each_other(kms, key):
    blob = sealed(kms, key, EncryptionContext={"ab": "c"})
    for other in ({"a": "bc"}, {"abc": ""}, {"": "abc"}, {"ab": "c", "": ""}):
        with refused("InvalidCiphertextException"):
            kms.decrypt(CiphertextBlob=blob, EncryptionContext=other)


def test_a_blob_of_another_key(kms, key):
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    with refused("IncorrectKeyException", WRONG_KEY):
        kms.decrypt(KeyId=other, CiphertextBlob=sealed(kms, key))
    with refused("IncorrectKeyException", WRONG_KEY):
        kms.re_encrypt(SourceKeyId=other, CiphertextBlob=sealed(kms, key), DestinationKeyId=key)


def test_altered_blobs(kms, key):
    blob = sealed(kms, key)
    for at in range(len(blob)):
        altered = bytearray(blob)
        altered[at] ^= 1
        # A blob whose head names another key names one that is not there.
        with refused(("InvalidCiphertextException", "NotFoundException", "AccessDeniedException")):
            kms.decrypt(CiphertextBlob=bytes(altered))
        with refused(("InvalidCiphertextException", "IncorrectKeyException")):
            kms.decrypt(CiphertextBlob=bytes(altered), KeyId=key)
    for bad in (blob[:-1], blob + b"x", blob[1:], b"x", b"x" * 6144, blob[:20], blob + blob):
        with refused("InvalidCiphertextException"):
            kms.decrypt(CiphertextBlob=bad)


def test_re_encryption_changes_key_and_context(kms, key, arn):
    other = kms.create_key()["KeyMetadata"]["Arn"]
    blob = sealed(kms, key, EncryptionContext=CONTEXT)
    moved = body(kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=CONTEXT, DestinationKeyId=other,
                                DestinationEncryptionContext={"new": "one"}))
    fresh = moved.pop("CiphertextBlob")
    assert moved.pop("SourceKeyMaterialId") != moved.pop("DestinationKeyMaterialId")
    assert moved == {"SourceKeyId": arn, "KeyId": other, "SourceEncryptionAlgorithm": SYMMETRIC,
                     "DestinationEncryptionAlgorithm": SYMMETRIC}
    opened = kms.decrypt(CiphertextBlob=fresh, EncryptionContext={"new": "one"})
    assert (opened["KeyId"], opened["Plaintext"]) == (other, b"plain")
    with refused("InvalidCiphertextException"):
        kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["Plaintext"] == b"plain"


@pytest.mark.parametrize("wanted, size", [({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16),
                                          ({"NumberOfBytes": 1}, 1), ({"NumberOfBytes": 1024}, 1024)])
def test_data_keys(kms, key, arn, wanted, size):
    made = kms.generate_data_key(KeyId=key, EncryptionContext=CONTEXT, **wanted)
    assert (made["KeyId"], len(made["Plaintext"])) == (arn, size)
    assert made["KeyMaterialId"] == kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == made["Plaintext"]
    closed = body(kms.generate_data_key_without_plaintext(KeyId=key, EncryptionContext=CONTEXT, **wanted))
    assert set(closed) == {"CiphertextBlob", "KeyId", "KeyMaterialId"}
    opened = kms.decrypt(CiphertextBlob=closed["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert len(opened["Plaintext"]) == size
    if size > 1:
        assert opened["Plaintext"] != made["Plaintext"]


def test_data_keys_of_no_length_or_two(kms, key, loose_kms):
    for operation in ("generate_data_key", "generate_data_key_without_plaintext"):
        for wanted in ({}, {"KeySpec": "AES_256", "NumberOfBytes": 32}):
            with refused("ValidationException", "Please specify either number of bytes or key spec."):
                getattr(kms, operation)(KeyId=key, **wanted)
        for wanted in ({"NumberOfBytes": 0}, {"NumberOfBytes": 1025}, {"NumberOfBytes": -1}, {"KeySpec": "AES_192"}):
            with refused("ValidationException"):
                getattr(loose_kms, operation)(KeyId=key, **wanted)


def test_random_bytes(kms, loose_kms):
    for size in (1, 32, 1024):
        assert len(kms.generate_random(NumberOfBytes=size)["Plaintext"]) == size
    assert kms.generate_random(NumberOfBytes=32)["Plaintext"] != kms.generate_random(NumberOfBytes=32)["Plaintext"]
    for size in (0, 1025, -1):
        with refused("ValidationException"):
            loose_kms.generate_random(NumberOfBytes=size)
    with refused("ValidationException"):
        kms.generate_random()


@pytest.mark.parametrize("spec", HMACS)
def test_macs(kms, spec):
    key = kms.create_key(KeySpec=spec, KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]
    algorithm = spec.replace("HMAC", "HMAC_SHA")
    made = body(kms.generate_mac(KeyId=key, Message=b"message", MacAlgorithm=algorithm))
    mac = made.pop("Mac")
    assert (made, len(mac)) == ({"KeyId": key, "MacAlgorithm": algorithm}, HMACS[spec])
    assert kms.generate_mac(KeyId=key, Message=b"message", MacAlgorithm=algorithm)["Mac"] == mac
    verified = body(kms.verify_mac(KeyId=key, Message=b"message", MacAlgorithm=algorithm, Mac=mac))
    assert verified == {"KeyId": key, "MacAlgorithm": algorithm, "MacValid": True}
    for message, wrong in ((b"messagf", mac), (b"message", mac[:-1]), (b"message", mac + b"x"), (b"message", b"x")):
        with refused("KMSInvalidMacException"):
            kms.verify_mac(KeyId=key, Message=message, MacAlgorithm=algorithm, Mac=wrong)
    other = next(one for one in HMACS if one != spec).replace("HMAC", "HMAC_SHA")
    with refused("InvalidKeyUsageException", f"Algorithm {other} is incompatible with key spec {spec}."):
        kms.generate_mac(KeyId=key, Message=b"message", MacAlgorithm=other)


def test_keys_for_another_use(kms, key, arn, mac_key):
    text = f"{mac_key} key usage is GENERATE_VERIFY_MAC which is not valid for "
    calls = {"Encrypt": lambda: kms.encrypt(KeyId=mac_key, Plaintext=b"x"),
             "GenerateDataKey": lambda: kms.generate_data_key(KeyId=mac_key, KeySpec="AES_256"),
             "GenerateDataKeyWithoutPlaintext":
                 lambda: kms.generate_data_key_without_plaintext(KeyId=mac_key, KeySpec="AES_256"),
             "ReEncrypt": lambda: kms.re_encrypt(CiphertextBlob=sealed(kms, key), DestinationKeyId=mac_key)}
    for operation, call in calls.items():
        with refused("InvalidKeyUsageException", text + operation + "."):
            call()
    for operation, more in {"generate_mac": {}, "verify_mac": {"Mac": b"x"}}.items():
        name = operation.title().replace("_", "")
        with refused("InvalidKeyUsageException", f"{arn} key usage is ENCRYPT_DECRYPT which is not valid for {name}."):
            getattr(kms, operation)(KeyId=key, Message=b"m", MacAlgorithm="HMAC_SHA_256", **more)
    with refused("InvalidKeyUsageException"):
        kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    with refused("InvalidKeyUsageException"):
        kms.decrypt(KeyId=key, CiphertextBlob=sealed(kms, key), EncryptionAlgorithm="RSAES_OAEP_SHA_1")


def uses(kms, key, mac_key, blob, mac, **more):
    """Every use of the two keys, by operation."""
    return {
        "encrypt": lambda: kms.encrypt(KeyId=key, Plaintext=b"x", **more),
        "decrypt": lambda: kms.decrypt(CiphertextBlob=blob, **more),
        "decrypt by key": lambda: kms.decrypt(KeyId=key, CiphertextBlob=blob, **more),
        "re_encrypt": lambda: kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key, **more),
        "generate_data_key": lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256", **more),
        "generate_data_key_without_plaintext":
            lambda: kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256", **more),
        "generate_mac":
            lambda: kms.generate_mac(KeyId=mac_key, Message=b"m", MacAlgorithm="HMAC_SHA_256", **more),
        "verify_mac":
            lambda: kms.verify_mac(KeyId=mac_key, Message=b"m", MacAlgorithm="HMAC_SHA_256", Mac=mac, **more),
    }


@pytest.fixture
def all_uses(kms, key, mac_key):
    blob = sealed(kms, key)
    mac = kms.generate_mac(KeyId=mac_key, Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]
    return lambda **more: uses(kms, key, mac_key, blob, mac, **more)


def test_keys_that_are_not_enabled(kms, arn, mac_key, all_uses, account):
    for disable, code, text in (
        (kms.disable_key, "DisabledException", "is disabled."),
        (kms.schedule_key_deletion, "KMSInvalidStateException", "is pending deletion."),
    ):
        for one in (arn, mac_key):
            disable(KeyId=one)
        for operation, call in all_uses().items():
            with refused(code, f"{mac_key if 'mac' in operation else arn} {text}"):
                call()
        with refused(code, f"{arn} {text}"):
            kms.create_grant(KeyId=arn, GranteePrincipal=f"arn:aws:iam::{account}:root", Operations=["Decrypt"])
    for one in (arn, mac_key):
        kms.cancel_key_deletion(KeyId=one)
        kms.enable_key(KeyId=one)
    for call in all_uses().values():
        call()


def test_dry_runs_do_nothing_and_say_so(kms, all_uses, key, mac_key):
    said = "The request would have succeeded, but the DryRun option is set."
    for call in all_uses(DryRun=True).values():
        with refused("DryRunOperationException", said):
            call()
    for call in all_uses(DryRun=False).values():
        call()
    kms.disable_key(KeyId=key)
    kms.disable_key(KeyId=mac_key)
    for call in all_uses(DryRun=True).values():
        with refused("DisabledException"):
            call()


def test_dry_runs_without_a_ciphertext(kms, key, arn):
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    dry = {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}
    for blob in ({}, {"CiphertextBlob": b"nonsense"}, {"CiphertextBlob": sealed(kms, other)}):
        with refused("DryRunOperationException"):
            kms.decrypt(KeyId=key, **dry, **blob)
        with refused("DryRunOperationException"):
            kms.re_encrypt(SourceKeyId=key, DestinationKeyId=other, **dry, **blob)
    null = "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null"
    with refused("ValidationException", null.format("keyId")):
        kms.decrypt(CiphertextBlob=sealed(kms, key), **dry)
    dry["DryRun"] = False
    with refused("ValidationException", null.format("ciphertextBlob")):
        kms.decrypt(KeyId=key, **dry)
    with refused("ValidationException", null.format("ciphertextBlob")):
        kms.re_encrypt(SourceKeyId=key, DestinationKeyId=other, **dry)
    assert kms.decrypt(CiphertextBlob=sealed(kms, key), **dry)["Plaintext"] == b"plain"
    kms.disable_key(KeyId=key)
    with refused("DisabledException"):
        kms.decrypt(KeyId=key, **{**dry, "DryRun": True})


def test_grant_tokens(all_uses, kms, key, account):
    made = kms.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{account}:root", Operations=["Decrypt"])
    for call in all_uses(GrantTokens=[made["GrantToken"]]).values():
        call()
    for token in ("nonsense", base64.b64encode(b"nonsense").decode(), base64.b64encode(b"\xff\xfe").decode()):
        for call in all_uses(GrantTokens=[token]).values():
            with refused("InvalidGrantTokenException"):
                call()
        with refused("InvalidGrantTokenException"):
            kms.describe_key(KeyId=key, GrantTokens=[token])


def test_a_recipient_is_not_answered_in_the_clear(kms, key):
    recipient = {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": b"x" * 64}
    for call in (lambda: kms.decrypt(CiphertextBlob=sealed(kms, key), Recipient=recipient),
                 lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256", Recipient=recipient),
                 lambda: kms.generate_random(NumberOfBytes=32, Recipient=recipient)):
        with refused("UnsupportedOperationException"):
            call()


def test_a_multi_region_key_encrypts_too(kms):
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]["Arn"]
    opened = kms.decrypt(CiphertextBlob=sealed(kms, key))
    assert (opened["KeyId"], opened["Plaintext"]) == (key, b"plain")


def test_absent_keys(kms, account):
    arn = f"arn:aws:kms:us-east-1:{account}:key/{uuid.uuid4()}"
    text = f"Key '{arn}' does not exist"
    for call in (lambda: kms.encrypt(KeyId=arn, Plaintext=b"x"), lambda: kms.decrypt(KeyId=arn, CiphertextBlob=b"x" * 90),
                 lambda: kms.generate_data_key(KeyId=arn, KeySpec="AES_256"),
                 lambda: kms.generate_mac(KeyId=arn, Message=b"m", MacAlgorithm="HMAC_SHA_256")):
        with refused(("NotFoundException", "InvalidCiphertextException")) as refusal:
            call()
        assert refusal.code == "InvalidCiphertextException" or refusal.text == text


def test_a_long_encryption_context_is_refused(kms, key, account):
    context = {"k": "v" * 8191}
    blob = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == b"x"
    absent = f"arn:aws:kms:us-east-1:{account}:key/00000000-0000-0000-0000-000000000000"
    for members in ({"k": "v" * 8192}, {f"{number:04}": "v" * 100 for number in range(80)}):
        for asked in (key, absent):
            with refused("ValidationException"):
                kms.encrypt(KeyId=asked, Plaintext=b"x", EncryptionContext=members)
        with refused("ValidationException"):
            kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=members)
        with refused("ValidationException"):
            kms.decrypt(CiphertextBlob=blob, EncryptionContext=members)
        with refused("ValidationException"):
            kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=context, DestinationKeyId=key,
                           DestinationEncryptionContext=members)
