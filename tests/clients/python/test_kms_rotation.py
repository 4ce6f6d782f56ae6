"""Rotation of the material of KMS keys."""

import datetime

import pytest

from checks import body, refused
from keys import make_kms


def status(kms, key):
    return body(kms.get_key_rotation_status(KeyId=key))


@pytest.fixture
def arn(kms, key):
    return kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]


def test_automatic_rotation_on_and_off(kms, key, arn):
    assert status(kms, key) == {"KeyId": arn, "KeyRotationEnabled": False}
    now = datetime.datetime.now(datetime.timezone.utc)
    kms.enable_key_rotation(KeyId=key)
    shown = status(kms, key)
    assert (shown["KeyRotationEnabled"], shown["RotationPeriodInDays"]) == (True, 365)
    assert abs((shown["NextRotationDate"] - now).total_seconds() - 365 * 86400) < 60
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    shown = status(kms, key)
    assert shown["RotationPeriodInDays"] == 90
    assert abs((shown["NextRotationDate"] - now).total_seconds() - 90 * 86400) < 60
    for _ in range(2):
        kms.disable_key_rotation(KeyId=key)
        assert status(kms, key) == {"KeyId": arn, "KeyRotationEnabled": False}


@pytest.mark.parametrize("days", [1, 89, 2561])
def test_periods_that_are_too_short_or_long(kms, key, days):
    with refused("ValidationException"):
        make_kms(parameter_validation=False).enable_key_rotation(KeyId=key, RotationPeriodInDays=days)
    assert status(kms, key)["KeyRotationEnabled"] is False


def test_old_ciphertexts_open_after_every_rotation(kms, key, arn):
    def materials():
        return kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]

    first = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    one, = materials()
    assert (one["KeyMaterialId"], one["KeyMaterialState"]) == (first, "CURRENT") and "RotationDate" not in one
    blobs, ids = [], [first]
    for number in range(4):
        blobs.append(kms.encrypt(KeyId=key, Plaintext=b"%d" % number, EncryptionContext={"n": "1"})["CiphertextBlob"])
        assert body(kms.rotate_key_on_demand(KeyId=key)) == {"KeyId": arn}
        ids.append(kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"])
        assert kms.generate_data_key(KeyId=key, KeySpec="AES_256")["KeyMaterialId"] == ids[-1]
        opened = [kms.decrypt(CiphertextBlob=blob, EncryptionContext={"n": "1"})["Plaintext"] for blob in blobs]
        assert opened == [b"%d" % one for one in range(number + 1)]
    assert len(set(ids)) == 5
    listed = kms.list_key_rotations(KeyId=key)
    assert [one["KeyMaterialId"] for one in listed["Rotations"]] == ids[1:] and listed["Truncated"] is False
    assert {one["RotationType"] for one in listed["Rotations"]} == {"ON_DEMAND"}
    assert all(one["KeyId"] == arn and one["RotationDate"] for one in listed["Rotations"])
    assert [one["KeyMaterialId"] for one in materials()] == ids
    assert [one["KeyMaterialState"] for one in materials()] == ["NON_CURRENT"] * 4 + ["CURRENT"]
    pages = list(kms.get_paginator("list_key_rotations").paginate(KeyId=key, PaginationConfig={"PageSize": 3}))
    assert [len(page["Rotations"]) for page in pages] == [3, 1]
    kms.disable_key(KeyId=key)
    with refused("DisabledException"):
        kms.decrypt(CiphertextBlob=blobs[0], EncryptionContext={"n": "1"})
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blobs[0], EncryptionContext={"n": "1"})["Plaintext"] == b"0"


def test_which_material_opens_is_told(kms, key):
    first = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.rotate_key_on_demand(KeyId=key)
    second = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert kms.decrypt(CiphertextBlob=blob)["KeyMaterialId"] == first != second
    moved = kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key)
    assert (moved["SourceKeyMaterialId"], moved["DestinationKeyMaterialId"]) == (first, second)
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["KeyMaterialId"] == second


def test_rotation_on_demand_leaves_the_schedule_alone(kms, key):
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=180)
    before = status(kms, key)
    kms.rotate_key_on_demand(KeyId=key)
    assert status(kms, key) == before


def test_twenty_five_rotations_on_demand_at_most(kms, key, arn):
    for _ in range(25):
        kms.rotate_key_on_demand(KeyId=key)
    text = ("The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be "
            f"performed for this key: {arn}")
    with refused("LimitExceededException", text):
        kms.rotate_key_on_demand(KeyId=key)


def test_keys_that_are_not_enabled(kms, key, arn):
    kms.enable_key_rotation(KeyId=key)
    kms.disable_key(KeyId=key)
    for operation in ("enable_key_rotation", "disable_key_rotation", "rotate_key_on_demand"):
        with refused("DisabledException", f"{arn} is disabled."):
            getattr(kms, operation)(KeyId=key)
    assert status(kms, key)["KeyRotationEnabled"] is True
    kms.schedule_key_deletion(KeyId=key)
    assert status(kms, key) == {"KeyId": arn, "KeyRotationEnabled": False}
    assert kms.list_key_rotations(KeyId=key)["Rotations"] == []
    kms.cancel_key_deletion(KeyId=key)
    assert status(kms, key)["KeyRotationEnabled"] is True


def test_markers_of_other_lists(kms, key):
    with refused("InvalidMarkerException"):
        kms.list_key_rotations(KeyId=key, Marker="x")
