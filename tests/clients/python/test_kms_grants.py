"""Grants of KMS: who may use a key beside its policy, how far, and who takes that away."""

import pytest

from checks import body, refused
from keys import User, key_policy, make_kms, statement
from roles import assume, trusting

CRYPTO = ["Encrypt", "Decrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"]
CONTEXT = {"tenant": "one", "stage": "test"}


@pytest.fixture
def user(mark):
    """A user without any policy."""
    return User(mark)


@pytest.fixture
def arn(kms, key):
    return kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]


def grant(kms, key, grantee, *operations, **more):
    return body(kms.create_grant(KeyId=key, GranteePrincipal=grantee, Operations=list(operations), **more))


def listed(kms, key, **more):
    pages = kms.get_paginator("list_grants").paginate(KeyId=key, **more)
    return [entry for page in pages for entry in page["Grants"]]


def test_a_grant_from_making_to_revoking(kms, key, arn, user, account):
    with refused("AccessDeniedException"):
        user.kms.encrypt(KeyId=key, Plaintext=b"x")
    made = grant(kms, key, user.arn, "Encrypt", "Decrypt", Name="one", RetiringPrincipal=user.arn,
                 Constraints={"EncryptionContextSubset": CONTEXT})
    assert set(made) == {"GrantId", "GrantToken"} and len(made["GrantId"]) == 64 and int(made["GrantId"], 16)
    entry, = listed(kms, key)
    assert entry.pop("CreationDate")
    assert entry == {
        "KeyId": arn, "GrantId": made["GrantId"], "Name": "one", "GranteePrincipal": user.arn,
        "RetiringPrincipal": user.arn, "IssuingAccount": f"arn:aws:iam::{account}:root",
        "Operations": ["Encrypt", "Decrypt"], "Constraints": {"EncryptionContextSubset": CONTEXT}}
    blob = user.kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=CONTEXT)["CiphertextBlob"]
    assert user.kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["Plaintext"] == b"x"
    kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    assert listed(kms, key) == []
    with refused("AccessDeniedException"):
        user.kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
    with refused(("NotFoundException", "InvalidGrantIdException")):
        kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])


def test_only_what_is_granted(kms, key, user):
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    calls = {
        "Encrypt": lambda: user.kms.encrypt(KeyId=key, Plaintext=b"x"),
        "Decrypt": lambda: user.kms.decrypt(CiphertextBlob=blob),
        "GenerateDataKey": lambda: user.kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
        "GenerateDataKeyWithoutPlaintext":
            lambda: user.kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256"),
        "DescribeKey": lambda: user.kms.describe_key(KeyId=key),
    }
    for operation in calls:
        made = grant(kms, key, user.arn, operation)
        for other, call in calls.items():
            if other == operation:
                call()
                continue
            with refused("AccessDeniedException"):
                call()
        kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    grant(kms, key, user.arn, *CRYPTO, "DescribeKey", "CreateGrant", "RetireGrant")
    for call in (lambda: user.kms.disable_key(KeyId=key), lambda: user.kms.get_key_policy(KeyId=key),
                 lambda: user.kms.schedule_key_deletion(KeyId=key), lambda: user.kms.list_grants(KeyId=key),
                 lambda: user.kms.put_key_policy(KeyId=key, Policy="{}")):
        with refused("AccessDeniedException"):
            call()


def test_re_encryption_needs_a_grant_on_both_sides(kms, key, user):
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    grant(kms, key, user.arn, "ReEncryptFrom")
    with refused("AccessDeniedException"):
        user.kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)
    grant(kms, other, user.arn, "ReEncryptTo")
    moved = user.kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=moved)["Plaintext"] == b"x"
    with refused("AccessDeniedException"):
        user.kms.re_encrypt(CiphertextBlob=moved, DestinationKeyId=key)


@pytest.mark.parametrize("kind, allowed, denied", [
    ("EncryptionContextEquals", [CONTEXT], [{}, {**CONTEXT, "more": "x"}, {"tenant": "one"},
                                            {"tenant": "One", "stage": "test"}, {"Tenant": "one", "stage": "test"}]),
    ("EncryptionContextSubset", [CONTEXT, {**CONTEXT, "more": "x"}],
     [{}, {"tenant": "one"}, {"tenant": "two", "stage": "test"}]),
])
def test_constraints(kms, key, user, kind, allowed, denied):
    grant(kms, key, user.arn, "Encrypt", "Decrypt", "DescribeKey", Constraints={kind: CONTEXT})
    for context in allowed:
        blob = user.kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)["CiphertextBlob"]
        assert user.kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == b"x"
    for context in denied:
        with refused("AccessDeniedException"):
            user.kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)
    # What has no encryption context is not bound by one.
    assert user.kms.describe_key(KeyId=key)["KeyMetadata"]["KeyId"] == key


def test_grants_that_cannot_be(kms, key, user, account):
    mac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    loose = make_kms(parameter_validation=False)
    for one, operation in ((key, "GenerateMac"), (key, "Sign"), (mac, "Encrypt"), (mac, "GenerateDataKey")):
        with refused("ValidationException"):
            grant(kms, one, user.arn, operation)
    for constraints in ({"EncryptionContextEquals": CONTEXT}, {"EncryptionContextSubset": CONTEXT}):
        with refused("ValidationException"):
            grant(kms, mac, user.arn, "GenerateMac", Constraints=constraints)
    for operations in ([], ["Everything"], ["encrypt"]):
        with refused("ValidationException"):
            loose.create_grant(KeyId=key, GranteePrincipal=user.arn, Operations=operations)
    with refused("ValidationException"):
        grant(kms, key, user.arn, "Encrypt",
              Constraints={"EncryptionContextEquals": CONTEXT, "EncryptionContextSubset": CONTEXT})
    for name in (f"arn:aws:iam::{account}:user/absent-{user.name}", f"arn:aws:iam::{account}:role/absent", "nobody"):
        with refused("InvalidArnException"):
            grant(kms, key, name, "Encrypt")
        with refused("InvalidArnException"):
            grant(kms, key, user.arn, "Encrypt", RetiringPrincipal=name)
    with refused("ValidationException"):
        loose.create_grant(KeyId=key, Operations=["Encrypt"])
    assert listed(kms, key) == []


def test_a_name_makes_repeated_requests_one(kms, key, user):
    first = grant(kms, key, user.arn, "Encrypt", Name="same")
    assert grant(kms, key, user.arn, "Encrypt", Name="same")["GrantId"] == first["GrantId"]
    assert grant(kms, key, user.arn, "Decrypt", Name="same")["GrantId"] != first["GrantId"]
    nameless = {grant(kms, key, user.arn, "Encrypt")["GrantId"] for _ in range(2)}
    assert len(nameless) == 2 and len(listed(kms, key)) == 4


def test_lists_by_pages_and_by_who_and_which(kms, key, user, mark):
    other = User(f"{mark}-b")
    made = [grant(kms, key, user.arn, "Encrypt")["GrantId"] for _ in range(5)]
    theirs = [grant(kms, key, other.arn, "Encrypt")["GrantId"] for _ in range(3)]
    paged = kms.get_paginator("list_grants").paginate(KeyId=key, PaginationConfig={"PageSize": 3})
    assert [len(page["Grants"]) for page in paged] == [3, 3, 2]
    assert {entry["GrantId"] for entry in listed(kms, key, PaginationConfig={"PageSize": 3})} == set(made + theirs)
    mine = listed(kms, key, GranteePrincipal=user.arn, PaginationConfig={"PageSize": 2})
    assert {entry["GrantId"] for entry in mine} == set(made)
    assert [entry["GrantId"] for entry in listed(kms, key, GrantId=theirs[1])] == [theirs[1]]
    for page_of in ({"GrantId": made[0]}, {"GranteePrincipal": user.arn}):
        marker = kms.list_grants(KeyId=key, Limit=1)["NextMarker"]
        with refused("InvalidMarkerException"):
            kms.list_grants(KeyId=key, Marker=marker, **page_of)


def test_grants_are_retired_by_whoever_may(kms, key, arn, user, mark, account):
    retiring, third = User(f"{mark}-r"), User(f"{mark}-t")

    def fresh(*operations):
        return grant(kms, key, user.arn, *operations, RetiringPrincipal=retiring.arn)

    made = fresh("Encrypt")
    for other in (user, third):
        with refused("AccessDeniedException"):
            other.kms.retire_grant(GrantToken=made["GrantToken"])
        with refused("AccessDeniedException"):
            other.kms.retire_grant(KeyId=arn, GrantId=made["GrantId"])
    retiring.kms.retire_grant(GrantToken=made["GrantToken"])
    retiring.kms.retire_grant(KeyId=arn, GrantId=fresh("Encrypt")["GrantId"])
    user.kms.retire_grant(GrantToken=fresh("Encrypt", "RetireGrant")["GrantToken"])
    kms.retire_grant(KeyId=arn, GrantId=fresh("Encrypt")["GrantId"])
    third.may("kms:RetireGrant")
    third.kms.retire_grant(KeyId=arn, GrantId=fresh("Encrypt")["GrantId"])
    assert listed(kms, key) == []
    with refused("AccessDeniedException"):
        retiring.kms.revoke_grant(KeyId=key, GrantId=fresh("Encrypt")["GrantId"])


def test_how_a_grant_to_retire_is_named(kms, key, arn, user):
    made = grant(kms, key, user.arn, "Encrypt")
    for wrong in ({}, {"KeyId": arn}, {"GrantId": made["GrantId"]}):
        with refused("ValidationException"):
            kms.retire_grant(**wrong)
    with refused("InvalidGrantTokenException"):
        kms.retire_grant(GrantToken="nonsense")
    with refused(("NotFoundException", "InvalidGrantIdException")):
        kms.retire_grant(KeyId=arn, GrantId="0" * 64)
    with refused("DryRunOperationException"):
        kms.retire_grant(GrantToken=made["GrantToken"], DryRun=True)
    with refused("DryRunOperationException"):
        kms.revoke_grant(KeyId=key, GrantId=made["GrantId"], DryRun=True)
    with refused("DryRunOperationException"):
        grant(kms, key, user.arn, "Encrypt", DryRun=True)
    assert [entry["GrantId"] for entry in listed(kms, key)] == [made["GrantId"]]
    kms.retire_grant(GrantToken=made["GrantToken"])
    with refused("InvalidGrantTokenException"):
        kms.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[made["GrantToken"]])


def test_grants_that_somebody_may_retire(kms, key, user, mark):
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    made = {grant(kms, one, user.arn, "Encrypt", RetiringPrincipal=user.arn)["GrantId"] for one in (key, other, key)}
    grant(kms, key, user.arn, "Encrypt")
    first = kms.list_retirable_grants(RetiringPrincipal=user.arn, Limit=2)
    assert first["Truncated"] and len(first["Grants"]) == 2
    second = kms.list_retirable_grants(RetiringPrincipal=user.arn, Marker=first["NextMarker"])
    assert second["Truncated"] is False
    assert {entry["GrantId"] for entry in first["Grants"] + second["Grants"]} == made
    with refused("AccessDeniedException"):
        user.kms.list_retirable_grants(RetiringPrincipal=user.arn)
    user.may("kms:ListRetirableGrants")
    assert len(user.kms.list_retirable_grants(RetiringPrincipal=user.arn)["Grants"]) == 3
    with refused("InvalidArnException"):
        kms.list_retirable_grants(RetiringPrincipal="arn:aws:iam::444455556666:root")


def test_grants_pass_on_at_most_what_they_have(kms, key, user, mark):
    third = User(f"{mark}-t")
    free = grant(kms, key, user.arn, "CreateGrant", "Encrypt")
    for operations in (["Decrypt"], ["Encrypt", "RetireGrant"]):
        with refused("AccessDeniedException"):
            grant(user.kms, key, third.arn, *operations)
    passed = grant(user.kms, key, third.arn, "Encrypt")
    third.kms.encrypt(KeyId=key, Plaintext=b"x")
    for made in (free, passed):
        kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    grant(kms, key, user.arn, "CreateGrant", "Encrypt", "Decrypt", Constraints={"EncryptionContextSubset": CONTEXT})
    more = {"Constraints": {"EncryptionContextSubset": {**CONTEXT, "more": "x"}}}
    for operations in (["GenerateDataKey"], ["Encrypt", "DescribeKey"]):
        with refused("AccessDeniedException"):
            grant(user.kms, key, third.arn, *operations, **more)
    for wider in ({}, {"Constraints": {"EncryptionContextSubset": {"tenant": "one"}}},
                  {"Constraints": {"EncryptionContextEquals": {"tenant": "one"}}}):
        with refused("AccessDeniedException"):
            grant(user.kms, key, third.arn, "Encrypt", **wider)
    grant(user.kms, key, third.arn, "Encrypt", **more)
    third.kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={**CONTEXT, "more": "x"})
    with refused("AccessDeniedException"):
        third.kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=CONTEXT)


def test_a_denial_counts_more_than_a_grant(kms, account, user):
    denied = statement(user.arn, "kms:Encrypt", effect="Deny")
    key = kms.create_key(Policy=key_policy(account, denied))["KeyMetadata"]["KeyId"]
    grant(kms, key, user.arn, "Encrypt", "Decrypt")
    with refused("AccessDeniedException"):
        user.kms.encrypt(KeyId=key, Plaintext=b"x")
    user.kms.decrypt(CiphertextBlob=kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"])


def test_a_new_user_of_an_old_name_has_no_grant(kms, key, user, mark):
    grant(kms, key, user.arn, "Encrypt", RetiringPrincipal=user.arn)
    user.kms.encrypt(KeyId=key, Plaintext=b"x")
    user.iam.delete_access_key(UserName=mark, AccessKeyId=user.key["AccessKeyId"])
    user.iam.delete_user(UserName=mark)
    again = User(mark)
    with refused("AccessDeniedException"):
        again.kms.encrypt(KeyId=key, Plaintext=b"x")


def test_grants_to_another_account(abroad, mark):
    own, other = abroad
    key = own.kms.create_key()["KeyMetadata"]["Arn"]
    user, third = other.user(mark), other.user(f"{mark}-t")
    for everybody in (user, third, other):
        with refused("AccessDeniedException"):
            everybody.kms.encrypt(KeyId=key, Plaintext=b"x")
    grant(own.kms, key, user.arn, "Encrypt", "Decrypt", RetiringPrincipal=user.arn)
    blob = user.kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert user.kms.decrypt(CiphertextBlob=blob)["KeyId"] == key
    for everybody in (third, other):
        with refused("AccessDeniedException"):
            everybody.kms.decrypt(CiphertextBlob=blob)
    entry, = other.kms.list_retirable_grants(RetiringPrincipal=user.arn)["Grants"]
    user.kms.retire_grant(KeyId=key, GrantId=entry["GrantId"])
    with refused("AccessDeniedException"):
        user.kms.decrypt(CiphertextBlob=blob)


def test_a_grant_to_an_account_is_for_its_root(abroad, mark):
    own, other = abroad
    key = own.kms.create_key()["KeyMetadata"]["Arn"]
    third = other.user(mark)
    grant(own.kms, key, other.root, "Encrypt", "DescribeKey")
    other.kms.encrypt(KeyId=key, Plaintext=b"x")
    with refused("AccessDeniedException"):
        third.kms.encrypt(KeyId=key, Plaintext=b"x")


def test_a_grant_to_a_role_is_for_its_sessions(kms, key, user, mark):
    role = user.iam.create_role(RoleName=mark, AssumeRolePolicyDocument=trusting(user.arn))["Role"]
    grant(kms, key, role["Arn"], "Encrypt")
    session = make_kms(assume(user.key, role)["Credentials"])
    session.encrypt(KeyId=key, Plaintext=b"x")
    with refused("AccessDeniedException"):
        user.kms.encrypt(KeyId=key, Plaintext=b"x")


def test_grants_of_a_key_pending_deletion_can_go(kms, key, user):
    made = [grant(kms, key, user.arn, "Encrypt") for _ in range(2)]
    kms.schedule_key_deletion(KeyId=key)
    kms.revoke_grant(KeyId=key, GrantId=made[0]["GrantId"])
    kms.retire_grant(GrantToken=made[1]["GrantToken"])
    assert listed(kms, key) == []
