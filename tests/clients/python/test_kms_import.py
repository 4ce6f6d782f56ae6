"""Imported key material of KMS: wrapped by OpenSSL, imported, expired, deleted, imported again."""

import datetime
import os
import time

import pytest

import openssl
from checks import body, refused
from keys import HMACS, User, key_policy, statement

KEEPS = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
ALGORITHMS = ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256"]
NO_END = "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"
END_TOO_MUCH = ("The parameter ValidTo cannot be specified for a key with an expiration model of "
                "KEY_MATERIAL_DOES_NOT_EXPIRE")
MATERIAL = bytes(range(32))


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def external(kms, **more):
    return kms.create_key(Origin="EXTERNAL", **more)["KeyMetadata"]


def parameters(kms, key, algorithm="RSAES_OAEP_SHA_256", spec="RSA_2048"):
    return kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec=spec)


def wrapped(algorithm, public, material):
    bits = algorithm.rsplit("_", 1)[1]
    if algorithm.startswith("RSAES"):
        return openssl.oaep(public, bits, material)
    kek = os.urandom(32)
    return openssl.oaep(public, bits, kek) + openssl.key_wrap(kek, material)


def imported(kms, key, material=MATERIAL, algorithm="RSAES_OAEP_SHA_256", **more):
    given = parameters(kms, key, algorithm)
    return kms.import_key_material(KeyId=key, ImportToken=given["ImportToken"],
                                   EncryptedKeyMaterial=wrapped(algorithm, given["PublicKey"], material),
                                   **(more or KEEPS))


def shown(kms, key):
    return kms.describe_key(KeyId=key)["KeyMetadata"]


def test_a_key_that_waits_for_its_material(kms):
    made = external(kms)
    assert (made["Origin"], made["KeyState"], made["Enabled"]) == ("EXTERNAL", "PendingImport", False)
    for absent in ("ExpirationModel", "ValidTo", "CurrentKeyMaterialId"):
        assert absent not in made
    pending = f"{made['Arn']} is pending import."
    for call in (lambda: kms.encrypt(KeyId=made["KeyId"], Plaintext=b"x"), lambda: kms.enable_key(KeyId=made["KeyId"]),
                 lambda: kms.generate_data_key(KeyId=made["KeyId"], KeySpec="AES_256")):
        with refused("KMSInvalidStateException", pending):
            call()
    origin = f"{made['Arn']} origin is EXTERNAL which is not valid for this operation."
    with refused("UnsupportedOperationException", origin):
        kms.enable_key_rotation(KeyId=made["KeyId"])


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_3072", "RSA_4096"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_way_of_wrapping(kms, algorithm, spec):
    made = external(kms)
    given = body(parameters(kms, made["Arn"], algorithm, spec))
    assert set(given) == {"KeyId", "ImportToken", "PublicKey", "ParametersValidTo"} and given["KeyId"] == made["Arn"]
    ahead = given["ParametersValidTo"] - now()
    assert datetime.timedelta(hours=23, minutes=59) < ahead < datetime.timedelta(hours=24, minutes=1)
    done = body(kms.import_key_material(
        KeyId=made["KeyId"], ImportToken=given["ImportToken"],
        EncryptedKeyMaterial=wrapped(algorithm, given["PublicKey"], MATERIAL), **KEEPS))
    described = shown(kms, made["KeyId"])
    assert done == {"KeyId": made["Arn"], "KeyMaterialId": described["CurrentKeyMaterialId"]}
    assert (described["KeyState"], described["Enabled"]) == ("Enabled", True)
    assert described["ExpirationModel"] == KEEPS["ExpirationModel"] and "ValidTo" not in described
    blob = kms.encrypt(KeyId=made["KeyId"], Plaintext=b"plain")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"plain"


def test_the_same_material_in_two_keys_opens_only_its_own_ciphertexts(kms):
    one, two = external(kms)["KeyId"], external(kms)["KeyId"]
    imported(kms, one), imported(kms, two)
    blob = kms.encrypt(KeyId=one, Plaintext=b"plain")["CiphertextBlob"]
    with refused("IncorrectKeyException"):
        kms.decrypt(CiphertextBlob=blob, KeyId=two)


def test_deleted_material_comes_back_only_as_the_same(kms):
    made = external(kms)
    key = made["KeyId"]
    first = imported(kms, key)["KeyMaterialId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"plain")["CiphertextBlob"]
    assert body(kms.delete_imported_key_material(KeyId=key)) == {"KeyId": made["Arn"], "KeyMaterialId": first}
    assert shown(kms, key)["KeyState"] == "PendingImport"
    with refused("KMSInvalidStateException", f"{made['Arn']} is pending import."):
        kms.decrypt(CiphertextBlob=blob)
    kms.delete_imported_key_material(KeyId=key)
    with refused("IncorrectKeyMaterialException"):
        imported(kms, key, bytes(32))
    assert shown(kms, key)["KeyState"] == "PendingImport"
    assert imported(kms, key)["KeyMaterialId"] == first
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"plain"
    with refused("IncorrectKeyMaterialException"):
        imported(kms, key, bytes(32))
    with refused("IncorrectKeyMaterialException"):
        imported(kms, key, KeyMaterialId="0" * 64, **KEEPS)
    with refused("NotFoundException"):
        kms.delete_imported_key_material(KeyId=key, KeyMaterialId="0" * 64)
    kms.delete_imported_key_material(KeyId=key, KeyMaterialId=first)
    assert shown(kms, key)["KeyState"] == "PendingImport"


def test_material_expires(kms):
    made = external(kms)
    key = made["KeyId"]
    end = now().replace(microsecond=0) + datetime.timedelta(seconds=4)
    imported(kms, key, ValidTo=end, ExpirationModel="KEY_MATERIAL_EXPIRES")
    described = shown(kms, key)
    assert (described["ExpirationModel"], described["ValidTo"]) == ("KEY_MATERIAL_EXPIRES", end)
    blob = kms.encrypt(KeyId=key, Plaintext=b"plain")["CiphertextBlob"]
    time.sleep(max(0.0, (end - now()).total_seconds()) + 0.2)
    described = shown(kms, key)
    assert described["KeyState"] == "PendingImport" and "ValidTo" not in described
    with refused("KMSInvalidStateException", f"{made['Arn']} is pending import."):
        kms.decrypt(CiphertextBlob=blob)
    imported(kms, key)
    assert "ValidTo" not in shown(kms, key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"plain"


def test_an_import_changes_when_the_material_expires(kms):
    key = external(kms)["KeyId"]
    end = now().replace(microsecond=0) + datetime.timedelta(days=3)
    imported(kms, key, ValidTo=end)
    assert shown(kms, key)["ValidTo"] == end
    imported(kms, key)
    assert shown(kms, key)["ExpirationModel"] == KEEPS["ExpirationModel"]


def test_expirations_that_are_refused(kms):
    key = external(kms)["KeyId"]
    given = parameters(kms, key)
    common = {"KeyId": key, "ImportToken": given["ImportToken"],
              "EncryptedKeyMaterial": wrapped("RSAES_OAEP_SHA_256", given["PublicKey"], MATERIAL)}
    tomorrow = now() + datetime.timedelta(days=1)
    with refused("ValidationException", NO_END):
        kms.import_key_material(**common)
    with refused("ValidationException", NO_END):
        kms.import_key_material(ExpirationModel="KEY_MATERIAL_EXPIRES", **common)
    with refused("ValidationException", END_TOO_MUCH):
        kms.import_key_material(ValidTo=tomorrow, **KEEPS, **common)
    for wrong in (now() - datetime.timedelta(seconds=5), now() + datetime.timedelta(days=366)):
        with refused("ValidationException"):
            kms.import_key_material(ValidTo=wrong, **common)
    assert kms.import_key_material(ValidTo=tomorrow, **common)["KeyMaterialId"]


def test_tokens_that_are_none_or_another_keys(kms):
    one, two = external(kms)["KeyId"], external(kms)["KeyId"]
    given, other = parameters(kms, one), parameters(kms, two)
    material = wrapped("RSAES_OAEP_SHA_256", given["PublicKey"], MATERIAL)
    token = given["ImportToken"]
    broken = token[:-1] + bytes([token[-1] ^ 1])
    for wrong in (b"none", broken, other["ImportToken"], token[:40]):
        with refused("InvalidImportTokenException"):
            kms.import_key_material(KeyId=one, ImportToken=wrong, EncryptedKeyMaterial=material, **KEEPS)
    with refused("InvalidCiphertextException"):
        kms.import_key_material(KeyId=two, ImportToken=other["ImportToken"], EncryptedKeyMaterial=material, **KEEPS)
    again = parameters(kms, one)
    with refused("InvalidCiphertextException"):
        kms.import_key_material(KeyId=one, ImportToken=again["ImportToken"], EncryptedKeyMaterial=material, **KEEPS)
    with refused("ValidationException", "Invalid encrypted key size."):
        kms.import_key_material(KeyId=one, ImportToken=token, EncryptedKeyMaterial=material[:-1], **KEEPS)
    assert kms.import_key_material(KeyId=one, ImportToken=token, EncryptedKeyMaterial=material, **KEEPS)


@pytest.mark.parametrize("size", [16, 31, 33])
def test_material_of_the_wrong_length(kms, size):
    with refused("IncorrectKeyMaterialException"):
        imported(kms, external(kms)["KeyId"], bytes(size))


@pytest.mark.parametrize("spec", HMACS)
def test_material_of_hmac_keys(kms, spec):
    import hmac
    made = external(kms, KeySpec=spec, KeyUsage="GENERATE_VERIFY_MAC")
    material = os.urandom(HMACS[spec])
    assert body(imported(kms, made["KeyId"], material)) == {"KeyId": made["Arn"]}
    algorithm = spec.replace("HMAC", "HMAC_SHA")
    mac = kms.generate_mac(KeyId=made["KeyId"], Message=b"message", MacAlgorithm=algorithm)["Mac"]
    assert mac == hmac.new(material, b"message", "sha" + spec.rsplit("_", 1)[1]).digest()
    with refused("IncorrectKeyMaterialException"):
        imported(kms, made["KeyId"], os.urandom(HMACS[spec]))


def test_material_of_an_asymmetric_key(kms):
    made = external(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    common = {"KeyId": made["KeyId"], "Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}
    with refused("KMSInvalidStateException", f"{made['Arn']} is pending import."):
        kms.sign(**common)
    private, public = openssl.new_key("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    wrong = openssl.new_key("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384")[0]
    with refused("IncorrectKeyMaterialException"):
        imported(kms, made["KeyId"], wrong, "RSA_AES_KEY_WRAP_SHA_256")
    assert body(imported(kms, made["KeyId"], private, "RSA_AES_KEY_WRAP_SHA_256")) == {"KeyId": made["Arn"]}
    assert kms.get_public_key(KeyId=made["KeyId"])["PublicKey"] == public
    assert openssl.verifies(public, "ECDSA_SHA_256", b"x", kms.sign(**common)["Signature"])


def test_keys_that_take_no_material(kms, key):
    arn = shown(kms, key)["Arn"]
    text = f"{arn} origin is AWS_KMS which is not valid for this operation."
    with refused("UnsupportedOperationException", text):
        parameters(kms, key)
    with refused("UnsupportedOperationException", text):
        kms.import_key_material(KeyId=key, ImportToken=b"x", EncryptedKeyMaterial=b"x", **KEEPS)
    with refused("UnsupportedOperationException", text):
        kms.delete_imported_key_material(KeyId=key)
    made = external(kms)
    kms.schedule_key_deletion(KeyId=made["KeyId"])
    with refused("KMSInvalidStateException", f"{made['Arn']} is pending deletion."):
        parameters(kms, made["KeyId"])


@pytest.mark.parametrize("algorithm, spec", [("RSAES_PKCS1_V1_5", "RSA_2048"), ("SM2PKE", "SM2")])
def test_ways_of_wrapping_that_are_not_there(kms, algorithm, spec):
    with refused("UnsupportedOperationException"):
        parameters(kms, external(kms)["KeyId"], algorithm, spec)


def test_a_disabled_key_stays_disabled(kms):
    key = external(kms)["KeyId"]
    imported(kms, key)
    kms.disable_key(KeyId=key)
    kms.delete_imported_key_material(KeyId=key)
    imported(kms, key)
    assert shown(kms, key)["KeyState"] == "Disabled"


def test_secrets_under_imported_material(kms, sm, name):
    key = external(kms)["KeyId"]
    imported(kms, key)
    sm.create_secret(Name=name, SecretString="value", KmsKeyId=key)
    kms.delete_imported_key_material(KeyId=key)
    with refused("DecryptionFailure"):
        sm.get_secret_value(SecretId=name)
    imported(kms, key)
    assert sm.get_secret_value(SecretId=name)["SecretString"] == "value"


def test_conditions(kms, account, mark):
    user = User(mark)
    wrapping = {"StringEquals": {"kms:WrappingAlgorithm": "RSAES_OAEP_SHA_256", "kms:WrappingKeySpec": "RSA_2048"}}
    soon = (now() + datetime.timedelta(days=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    expiring = {"StringEquals": {"kms:ExpirationModel": "KEY_MATERIAL_EXPIRES"}, "DateLessThan": {"kms:ValidTo": soon}}
    key = external(kms, Policy=key_policy(account, statement(user.arn, "kms:GetParametersForImport", **wrapping),
                                          statement(user.arn, "kms:ImportKeyMaterial", **expiring)))["KeyId"]
    for wrong in (("RSAES_OAEP_SHA_1", "RSA_2048"), ("RSAES_OAEP_SHA_256", "RSA_3072")):
        with refused("AccessDeniedException"):
            parameters(user.kms, key, *wrong)
    for wrong in (KEEPS, {"ValidTo": now() + datetime.timedelta(days=11)}):
        with refused("AccessDeniedException"):
            imported(user.kms, key, **wrong)
    assert imported(user.kms, key, ValidTo=now() + datetime.timedelta(days=9))["KeyMaterialId"]
    with refused("AccessDeniedException"):
        user.kms.delete_imported_key_material(KeyId=key)
