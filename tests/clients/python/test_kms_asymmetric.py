"""Asymmetric keys of KMS: signatures, RSA encryption, key agreement, data key pairs; held against OpenSSL."""

import hashlib

import pytest

import openssl
from checks import body, refused
from keys import User, key_policy, make_kms, statement

RSA_SIGNATURES = [f"RSASSA_{padding}_SHA_{bits}" for padding in ("PKCS1_V1_5", "PSS") for bits in (256, 384, 512)]
SIGNATURES = {
    "RSA_2048": RSA_SIGNATURES, "RSA_3072": RSA_SIGNATURES, "RSA_4096": RSA_SIGNATURES,
    "ECC_NIST_P256": ["ECDSA_SHA_256"], "ECC_NIST_P384": ["ECDSA_SHA_384"], "ECC_NIST_P521": ["ECDSA_SHA_512"],
    "ECC_SECG_P256K1": ["ECDSA_SHA_256"], "ECC_NIST_EDWARDS25519": ["ED25519_SHA_512"],
    "ML_DSA_44": ["ML_DSA_SHAKE_256"], "ML_DSA_65": ["ML_DSA_SHAKE_256"], "ML_DSA_87": ["ML_DSA_SHAKE_256"],
}
CURVES = {"ECC_NIST_P256": "P-256", "ECC_NIST_P384": "P-384", "ECC_NIST_P521": "P-521"}
ENCRYPTIONS = {"RSAES_OAEP_SHA_1": 214, "RSAES_OAEP_SHA_256": 190}
NO_CONTEXT = "EncryptionContext is not supported when encrypting/decrypting with asymmetric CMKs."


def created(kms, spec, usage, **more):
    return kms.create_key(KeySpec=spec, KeyUsage=usage, **more)["KeyMetadata"]


@pytest.fixture(scope="module")
def signers(kms):
    """A signing key of each spec, made when it is first asked for."""
    made = {}

    def signer(spec):
        if spec not in made:
            made[spec] = created(kms, spec, "SIGN_VERIFY")["Arn"]
        return made[spec]

    return signer


@pytest.fixture(scope="module")
def rsa(kms):
    """An RSA key that encrypts."""
    return created(kms, "RSA_2048", "ENCRYPT_DECRYPT")["Arn"]


@pytest.mark.parametrize("spec", SIGNATURES)
def test_a_signing_key_as_it_is_made(kms, signers, spec):
    shown = kms.describe_key(KeyId=signers(spec))["KeyMetadata"]
    assert shown["KeySpec"] == spec
    # The older member knows no newer specs.
    assert shown.get("CustomerMasterKeySpec", spec) == spec
    assert (shown["KeyUsage"], shown["KeyState"], shown["Origin"]) == ("SIGN_VERIFY", "Enabled", "AWS_KMS")
    assert sorted(shown["SigningAlgorithms"]) == sorted(SIGNATURES[spec])
    for absent in ("EncryptionAlgorithms", "KeyAgreementAlgorithms", "MacAlgorithms", "CurrentKeyMaterialId"):
        assert absent not in shown
    public = body(kms.get_public_key(KeyId=signers(spec)))
    assert sorted(public["SigningAlgorithms"]) == sorted(SIGNATURES[spec])
    assert (public["KeyId"], public["KeySpec"], public["KeyUsage"]) == (signers(spec), spec, "SIGN_VERIFY")
    if not spec.startswith("ML"):
        text = openssl.run("pkey", "-pubin", "-inform", "DER", "-in", "{public}", "-noout", "-text",
                           public=public["PublicKey"]).decode()
        assert spec.rsplit("_", 1)[1].lower().lstrip("p") in text.lower().replace("ed25519", "edwards25519")


@pytest.mark.parametrize("spec, algorithm", [(spec, name) for spec, names in SIGNATURES.items() for name in names])
def test_signatures(kms, signers, spec, algorithm):
    key, message = signers(spec), b"a message of some length"
    made = body(kms.sign(KeyId=key, Message=message, SigningAlgorithm=algorithm))
    signature = made.pop("Signature")
    assert made == {"KeyId": key, "SigningAlgorithm": algorithm}
    common = {"KeyId": key, "SigningAlgorithm": algorithm}
    good = {"KeyId": key, "SignatureValid": True, "SigningAlgorithm": algorithm}
    assert body(kms.verify(Message=message, Signature=signature, **common)) == good
    public = kms.get_public_key(KeyId=key)["PublicKey"]
    if not spec.startswith("ML"):
        assert openssl.verifies(public, algorithm, message, signature)
        assert not openssl.verifies(public, algorithm, message + b".", signature)
    broken = bytes([signature[0] ^ 1]) + signature[1:]
    for wrong in ({"Message": message + b".", "Signature": signature}, {"Message": message, "Signature": broken}):
        with refused("KMSInvalidSignatureException"):
            kms.verify(**wrong, **common)
    if algorithm.startswith(("ED", "ML")):
        return
    digest = hashlib.new("sha" + algorithm.rsplit("_", 1)[1], message).digest()
    of_digest = kms.sign(Message=digest, MessageType="DIGEST", **common)["Signature"]
    assert openssl.verifies(public, algorithm, message, of_digest)
    assert body(kms.verify(Message=message, MessageType="RAW", Signature=of_digest, **common)) == good
    assert body(kms.verify(Message=digest, MessageType="DIGEST", Signature=signature, **common)) == good
    text = f"Digest is invalid length for algorithm {algorithm}."
    for call in (kms.sign, lambda **more: kms.verify(Signature=signature, **more)):
        with refused("ValidationException", text):
            call(Message=digest[1:], MessageType="DIGEST", **common)


def test_types_of_messages_that_an_algorithm_does_not_have(kms, signers):
    edwards = {"KeyId": signers("ECC_NIST_EDWARDS25519"), "SigningAlgorithm": "ED25519_SHA_512"}
    with refused("ValidationException", "Message type DIGEST is incompatible with algorithm ED25519_SHA_512."):
        kms.sign(Message=b"x" * 64, MessageType="DIGEST", **edwards)
    with refused("ValidationException", "Message type EXTERNAL_MU is incompatible with key spec ECC_NIST_P256."):
        kms.sign(KeyId=signers("ECC_NIST_P256"), Message=b"x" * 64, MessageType="EXTERNAL_MU",
                 SigningAlgorithm="ECDSA_SHA_256")
    lattice = {"KeyId": signers("ML_DSA_44"), "SigningAlgorithm": "ML_DSA_SHAKE_256"}
    with refused("ValidationException", "Message type DIGEST is incompatible with key spec ML_DSA_44."):
        kms.sign(Message=b"x" * 64, MessageType="DIGEST", **lattice)
    with refused("UnsupportedOperationException"):
        kms.sign(Message=b"x" * 64, MessageType="EXTERNAL_MU", **lattice)
    with refused("UnsupportedOperationException"):
        kms.sign(KeyId=edwards["KeyId"], Message=b"x" * 64, MessageType="DIGEST", SigningAlgorithm="ED25519_PH_SHA_512")


def test_algorithms_and_usages_that_a_key_does_not_have(kms, signers, rsa, key):
    arn = signers("ECC_NIST_P256")
    text = "Algorithm RSASSA_PSS_SHA_256 is incompatible with key spec ECC_NIST_P256."
    with refused("InvalidKeyUsageException", text):
        kms.sign(KeyId=arn, Message=b"x", SigningAlgorithm="RSASSA_PSS_SHA_256")
    with refused("InvalidKeyUsageException", "Algorithm ECDSA_SHA_384 is incompatible with key spec ECC_NIST_P256."):
        kms.verify(KeyId=arn, Message=b"x", Signature=b"x", SigningAlgorithm="ECDSA_SHA_384")
    with refused("InvalidKeyUsageException", f"{rsa} key usage is ENCRYPT_DECRYPT which is not valid for Sign."):
        kms.sign(KeyId=rsa, Message=b"x", SigningAlgorithm="RSASSA_PSS_SHA_256")
    with refused("InvalidKeyUsageException", f"{arn} key usage is SIGN_VERIFY which is not valid for Encrypt."):
        kms.encrypt(KeyId=arn, Plaintext=b"x")
    with refused("InvalidKeyUsageException", f"{arn} key usage is SIGN_VERIFY which is not valid for DeriveSharedSecret."):
        kms.derive_shared_secret(KeyId=arn, KeyAgreementAlgorithm="ECDH", PublicKey=b"x")
    with refused("UnsupportedOperationException"):
        kms.get_public_key(KeyId=key)
    with refused("UnsupportedOperationException"):
        kms.enable_key_rotation(KeyId=arn)


@pytest.mark.parametrize("spec, usage", [
    ("RSA_2048", "KEY_AGREEMENT"), ("RSA_2048", "GENERATE_VERIFY_MAC"), ("ECC_NIST_P256", "ENCRYPT_DECRYPT"),
    ("ECC_SECG_P256K1", "KEY_AGREEMENT"), ("ECC_NIST_EDWARDS25519", "KEY_AGREEMENT"), ("ML_DSA_65", "ENCRYPT_DECRYPT"),
])
def test_usages_that_a_spec_does_not_have(kms, spec, usage):
    with refused("ValidationException", f"KeyUsage {usage} is not compatible with KeySpec {spec}"):
        kms.create_key(KeySpec=spec, KeyUsage=usage)
    text = "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."
    with refused("ValidationException", text):
        kms.create_key(KeySpec=spec)


@pytest.mark.parametrize("spec", ["SM2", "ML_KEM_512", "ML_KEM_768", "ML_KEM_1024"])
def test_specs_that_are_not_there(kms, spec):
    with refused("UnsupportedOperationException", f"KeySpec {spec} is not supported."):
        kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")


@pytest.mark.parametrize("algorithm", ENCRYPTIONS)
def test_rsa_encryption(kms, rsa, algorithm):
    common = {"KeyId": rsa, "EncryptionAlgorithm": algorithm}
    longest = ENCRYPTIONS[algorithm]
    public = kms.get_public_key(KeyId=rsa)
    assert sorted(public["EncryptionAlgorithms"]) == sorted(ENCRYPTIONS)
    for plain in (b"x", b"y" * longest):
        made = body(kms.encrypt(Plaintext=plain, **common))
        blob = made.pop("CiphertextBlob")
        assert made == common and len(blob) == 256
        outside = openssl.oaep(public["PublicKey"], algorithm.rsplit("_", 1)[1], plain)
        for sealed in (blob, outside):
            assert body(kms.decrypt(CiphertextBlob=sealed, **common)) == {"Plaintext": plain, **common}
        with refused("InvalidCiphertextException"):
            kms.decrypt(CiphertextBlob=blob[:-1] + bytes([blob[-1] ^ 1]), **common)
        with refused("InvalidCiphertextException"):
            kms.decrypt(CiphertextBlob=blob, EncryptionAlgorithm=algorithm)
    text = f"Algorithm {algorithm} and key spec RSA_2048 cannot encrypt data larger than {longest} bytes."
    with refused("ValidationException", text):
        kms.encrypt(Plaintext=b"x" * (longest + 1), **common)
    with refused("ValidationException", NO_CONTEXT):
        kms.encrypt(Plaintext=b"x", EncryptionContext={"a": "b"}, **common)
    with refused("ValidationException", NO_CONTEXT):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"}, **common)
    other = next(name for name in ENCRYPTIONS if name != algorithm)
    with refused("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob, KeyId=rsa, EncryptionAlgorithm=other)


def test_the_algorithm_has_to_be_named(kms, rsa, key):
    text = "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048."
    with refused("InvalidKeyUsageException", text):
        kms.encrypt(KeyId=rsa, Plaintext=b"x")
    with refused("InvalidKeyUsageException", text):
        kms.decrypt(KeyId=rsa, CiphertextBlob=b"x")
    with refused("InvalidKeyUsageException", "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT."):
        kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")


def test_re_encryption_between_kinds_of_keys(kms, rsa, key):
    symmetric = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    inner = kms.encrypt(KeyId=key, Plaintext=b"plain", EncryptionContext={"a": "b"})["CiphertextBlob"]
    made = kms.re_encrypt(CiphertextBlob=inner, SourceEncryptionContext={"a": "b"}, DestinationKeyId=rsa,
                          DestinationEncryptionAlgorithm="RSAES_OAEP_SHA_256")
    assert (made["SourceKeyId"], made["KeyId"]) == (symmetric, rsa)
    assert made["SourceEncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    assert made["DestinationEncryptionAlgorithm"] == "RSAES_OAEP_SHA_256"
    back = kms.re_encrypt(CiphertextBlob=made["CiphertextBlob"], SourceKeyId=rsa, DestinationKeyId=key,
                          SourceEncryptionAlgorithm="RSAES_OAEP_SHA_256", DestinationEncryptionContext={"c": "d"})
    opened = kms.decrypt(CiphertextBlob=back["CiphertextBlob"], EncryptionContext={"c": "d"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"plain", symmetric)
    with refused("InvalidCiphertextException"):
        kms.re_encrypt(CiphertextBlob=made["CiphertextBlob"], DestinationKeyId=key,
                       SourceEncryptionAlgorithm="RSAES_OAEP_SHA_256")


@pytest.mark.parametrize("spec", CURVES)
def test_key_agreement(kms, spec):
    made = created(kms, spec, "KEY_AGREEMENT")
    assert made["KeyAgreementAlgorithms"] == ["ECDH"] and "SigningAlgorithms" not in made
    public = kms.get_public_key(KeyId=made["Arn"])
    assert public["KeyAgreementAlgorithms"] == ["ECDH"]
    private, other = openssl.new_key("-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{CURVES[spec]}")
    derived = body(kms.derive_shared_secret(KeyId=made["Arn"], KeyAgreementAlgorithm="ECDH", PublicKey=other))
    assert derived == {"KeyId": made["Arn"], "KeyAgreementAlgorithm": "ECDH", "KeyOrigin": "AWS_KMS",
                       "SharedSecret": openssl.agreed(private, public["PublicKey"])}
    for wrong in (b"none", openssl.new_key("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1")[1]):
        with refused("ValidationException"):
            kms.derive_shared_secret(KeyId=made["Arn"], KeyAgreementAlgorithm="ECDH", PublicKey=wrong)


@pytest.mark.parametrize("spec", [spec for spec in SIGNATURES if not spec.startswith("ML")])
def test_data_key_pairs(kms, key, spec):
    context = {"for": spec}
    made = body(kms.generate_data_key_pair(KeyId=key, KeyPairSpec=spec, EncryptionContext=context))
    shown = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (made["KeyId"], made["KeyPairSpec"]) == (shown["Arn"], spec)
    assert made["KeyMaterialId"] == shown["CurrentKeyMaterialId"]
    private = made["PrivateKeyPlaintext"]
    assert openssl.public_half(private) == made["PublicKey"]
    opened = kms.decrypt(CiphertextBlob=made["PrivateKeyCiphertextBlob"], EncryptionContext=context)
    assert opened["Plaintext"] == private
    without = body(kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec=spec))
    assert set(without) == {"KeyId", "KeyPairSpec", "KeyMaterialId", "PrivateKeyCiphertextBlob", "PublicKey"}
    opened = kms.decrypt(CiphertextBlob=without["PrivateKeyCiphertextBlob"])
    assert openssl.public_half(opened["Plaintext"]) == without["PublicKey"] != made["PublicKey"]


def test_data_key_pairs_that_are_refused(kms, key, rsa):
    with refused("UnsupportedOperationException", "KeyPairSpec SM2 is not supported."):
        kms.generate_data_key_pair(KeyId=key, KeyPairSpec="SM2")
    with refused("InvalidKeyUsageException"):
        kms.generate_data_key_pair_without_plaintext(KeyId=rsa, KeyPairSpec="RSA_2048")
    with refused("DryRunOperationException"):
        kms.generate_data_key_pair(KeyId=key, KeyPairSpec="RSA_4096", DryRun=True)


def test_dry_runs(kms, signers, rsa):
    common = {"KeyId": signers("ECC_NIST_P256"), "SigningAlgorithm": "ECDSA_SHA_256", "Message": b"x"}
    signature = kms.sign(**common)["Signature"]
    with refused("DryRunOperationException"):
        kms.sign(DryRun=True, **common)
    with refused("DryRunOperationException"):
        kms.verify(DryRun=True, Signature=signature, **common)
    with refused("DryRunOperationException"):
        kms.encrypt(KeyId=rsa, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_1", DryRun=True)


def test_states(kms):
    made = created(kms, "ECC_NIST_P256", "SIGN_VERIFY")
    common = {"KeyId": made["KeyId"], "SigningAlgorithm": "ECDSA_SHA_256", "Message": b"x"}
    signature = kms.sign(**common)["Signature"]
    kms.disable_key(KeyId=made["KeyId"])
    for call in (lambda: kms.sign(**common), lambda: kms.verify(Signature=signature, **common),
                 lambda: kms.get_public_key(KeyId=made["KeyId"])):
        with refused("DisabledException", f"{made['Arn']} is disabled."):
            call()
    kms.enable_key(KeyId=made["KeyId"])
    assert kms.verify(Signature=signature, **common)["SignatureValid"]
    kms.schedule_key_deletion(KeyId=made["KeyId"])
    with refused("KMSInvalidStateException", f"{made['Arn']} is pending deletion."):
        kms.sign(**common)


def test_conditions_on_algorithms(kms, account, mark):
    user = User(mark)
    signing = {"StringEquals": {"kms:SigningAlgorithm": "ECDSA_SHA_256", "kms:MessageType": "DIGEST"}}
    agreeing = {"StringEquals": {"kms:KeyAgreementAlgorithm": "ECDH", "kms:KeySpec": "ECC_NIST_P256"}}
    pairs = {"StringEquals": {"kms:DataKeyPairSpec": "ECC_NIST_P256", "kms:EncryptionContext:a": "b"}}
    policy = key_policy(account, statement(user.arn, "kms:Sign", **signing), statement(user.arn, "kms:GetPublicKey"),
                        statement(user.arn, "kms:DeriveSharedSecret", **agreeing),
                        statement(user.arn, "kms:GenerateDataKeyPair", **pairs))
    signer = created(kms, "ECC_NIST_P256", "SIGN_VERIFY", Policy=policy)["Arn"]
    common = {"KeyId": signer, "SigningAlgorithm": "ECDSA_SHA_256", "Message": b"x" * 32}
    assert user.kms.sign(MessageType="DIGEST", **common)["Signature"]
    assert user.kms.get_public_key(KeyId=signer)["PublicKey"]
    with refused("AccessDeniedException"):
        user.kms.sign(**common)
    with refused("AccessDeniedException"):
        user.kms.verify(Signature=b"x", **common)
    agreeing = created(kms, "ECC_NIST_P256", "KEY_AGREEMENT", Policy=policy)["Arn"]
    other = openssl.new_key("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")[1]
    assert user.kms.derive_shared_secret(KeyId=agreeing, KeyAgreementAlgorithm="ECDH", PublicKey=other)["SharedSecret"]
    sealing = kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    wanted = {"KeyId": sealing, "KeyPairSpec": "ECC_NIST_P256", "EncryptionContext": {"a": "b"}}
    assert user.kms.generate_data_key_pair(**wanted)["PublicKey"]
    for wrong in ({"KeyPairSpec": "ECC_NIST_P384"}, {"EncryptionContext": {"a": "c"}}):
        with refused("AccessDeniedException"):
            user.kms.generate_data_key_pair(**{**wanted, **wrong})


def test_a_grant_to_sign(kms, signers, mark):
    user = User(mark)
    common = {"KeyId": signers("ECC_NIST_P256"), "SigningAlgorithm": "ECDSA_SHA_256", "Message": b"x"}
    with refused("AccessDeniedException"):
        user.kms.sign(**common)
    kms.create_grant(KeyId=common["KeyId"], GranteePrincipal=user.arn, Operations=["Sign", "GetPublicKey"])
    signature = user.kms.sign(**common)["Signature"]
    assert user.kms.get_public_key(KeyId=common["KeyId"])["PublicKey"]
    with refused("AccessDeniedException"):
        user.kms.verify(Signature=signature, **common)
    with refused("ValidationException"):
        kms.create_grant(KeyId=common["KeyId"], GranteePrincipal=user.arn, Operations=["Encrypt"])


def test_keys_of_other_accounts(abroad):
    home, other = abroad
    signer = home.kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY", Policy=key_policy(
        home.number, statement(other.root, "kms:Sign", "kms:Verify")))["KeyMetadata"]["Arn"]
    common = {"KeyId": signer, "SigningAlgorithm": "ECDSA_SHA_256", "Message": b"x"}
    signature = other.kms.sign(**common)["Signature"]
    assert other.kms.verify(Signature=signature, **common)["SignatureValid"]
    with refused("AccessDeniedException"):
        other.kms.get_public_key(KeyId=signer)


def test_members_that_are_missing_or_too_long(signers):
    loose = make_kms(parameter_validation=False)
    with refused("ValidationException"):
        loose.sign(KeyId=signers("ECC_NIST_P256"), SigningAlgorithm="ECDSA_SHA_256", Message=b"x" * 4097)
    with refused("ValidationException"):
        loose.sign(KeyId=signers("ECC_NIST_P256"), Message=b"x")
