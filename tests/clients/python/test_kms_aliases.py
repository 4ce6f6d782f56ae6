"""Aliases of KMS."""

import datetime

import pytest

from checks import refused
from keys import User, key_policy, make_kms, statement

PREFIX = ('Alias must start with the prefix "alias/". Please see '
          "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html")


@pytest.fixture(scope="module")
def loose_kms():
    """The client without botocore's own checks."""
    return make_kms(parameter_validation=False)


@pytest.fixture
def alias(mark):
    return f"alias/{mark}"


def names(kms, **more):
    pages = kms.get_paginator("list_aliases").paginate(**more)
    return [entry["AliasName"] for page in pages for entry in page["Aliases"]]


def target(kms, alias):
    return kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"]


def test_an_alias_from_making_to_removing(kms, key, alias, account):
    now = datetime.datetime.now(datetime.timezone.utc)
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    arn = f"arn:aws:kms:us-east-1:{account}:{alias}"
    entry, = kms.list_aliases(KeyId=key)["Aliases"]
    for member in ("CreationDate", "LastUpdatedDate"):
        assert abs((entry.pop(member) - now).total_seconds()) < 60
    assert entry == {"AliasName": alias, "AliasArn": arn, "TargetKeyId": key}
    with refused("AlreadyExistsException", f"An alias with the name {arn} already exists"):
        kms.create_alias(AliasName=alias, TargetKeyId=key)
    assert target(kms, alias) == target(kms, arn) == key
    kms.delete_alias(AliasName=alias)
    assert names(kms, KeyId=key) == []
    with refused("NotFoundException", f"Alias {arn} is not found."):
        kms.delete_alias(AliasName=alias)
    with refused("NotFoundException", f"Alias {arn} is not found."):
        kms.encrypt(KeyId=alias, Plaintext=b"x")


def test_an_alias_leads_to_another_key(kms, key, alias):
    other = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    blob = kms.encrypt(KeyId=alias, Plaintext=b"x")["CiphertextBlob"]
    before, = kms.list_aliases(KeyId=key)["Aliases"]
    for _ in range(2):
        kms.update_alias(AliasName=alias, TargetKeyId=other)
    assert names(kms, KeyId=key) == [] and names(kms, KeyId=other) == [alias]
    after, = kms.list_aliases(KeyId=other)["Aliases"]
    assert after["CreationDate"] == before["CreationDate"] and after["LastUpdatedDate"] >= before["LastUpdatedDate"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    with refused("IncorrectKeyException"):
        kms.decrypt(CiphertextBlob=blob, KeyId=alias)


def test_a_key_of_another_kind_is_no_target(kms, key, alias):
    mac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    with refused("ValidationException"):
        kms.update_alias(AliasName=alias, TargetKeyId=mac)
    assert target(kms, alias) == key


def test_update_needs_the_alias_and_the_key(kms, key, alias, account):
    with refused("NotFoundException", f"Alias arn:aws:kms:us-east-1:{account}:{alias} is not found."):
        kms.update_alias(AliasName=alias, TargetKeyId=key)
    absent = "1234abcd-12ab-34cd-56ef-1234567890ab"
    for call in (kms.create_alias, kms.update_alias):
        with refused("NotFoundException", f"Key 'arn:aws:kms:us-east-1:{account}:key/{absent}' does not exist"):
            call(AliasName=alias, TargetKeyId=absent)


def test_targets_are_keys_that_stay(kms, key, alias):
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    kms.schedule_key_deletion(KeyId=other)
    with refused("KMSInvalidStateException"):
        kms.update_alias(AliasName=alias, TargetKeyId=other)
    kms.cancel_key_deletion(KeyId=other)
    kms.schedule_key_deletion(KeyId=key)
    kms.update_alias(AliasName=alias, TargetKeyId=other)
    assert target(kms, alias) == other
    with refused("ValidationException", "Aliases must refer to keys. Not aliases"):
        kms.create_alias(AliasName=alias + "-b", TargetKeyId=alias)


@pytest.mark.parametrize("name", ["x", "Alias/x", "alias", "alias/", "/alias/x"])
def test_names_that_do_not_begin_so(kms, key, name):
    for call in (lambda: kms.create_alias(AliasName=name, TargetKeyId=key),
                 lambda: kms.update_alias(AliasName=name, TargetKeyId=key), lambda: kms.delete_alias(AliasName=name)):
        with refused("ValidationException", PREFIX):
            call()


@pytest.mark.parametrize("name", ["alias/a b", "alias/a:b", "alias/ä", "alias/a.b", "", "alias/" + "x" * 251])
def test_names_with_wrong_characters(loose_kms, key, name):
    for call in (lambda: loose_kms.create_alias(AliasName=name, TargetKeyId=key),
                 lambda: loose_kms.delete_alias(AliasName=name)):
        with refused(("ValidationException", "InvalidAliasNameException")):
            call()


def test_the_longest_name_and_every_character(kms, key, mark):
    for name in ("alias/" + mark + "x" * (250 - len(mark)), f"alias/{mark}/a_B-9/"):
        kms.create_alias(AliasName=name, TargetKeyId=key)
        assert target(kms, name) == key
    kms.create_alias(AliasName=f"alias/{mark}".upper().replace("ALIAS", "alias"), TargetKeyId=key)


def test_names_of_services_are_reserved(kms, key, secret):
    for call in (lambda: kms.create_alias(AliasName="alias/aws/mine", TargetKeyId=key),
                 lambda: kms.update_alias(AliasName="alias/aws/secretsmanager", TargetKeyId=key),
                 lambda: kms.delete_alias(AliasName="alias/aws/secretsmanager")):
        with refused("NotAuthorizedException"):
            call()
    assert kms.describe_key(KeyId="alias/aws/secretsmanager")["KeyMetadata"]["KeyManager"] == "AWS"


def test_lists_by_pages(abroad, mark):
    own, other = abroad
    first, second = (other.kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    made = [f"alias/{mark}-{number}" for number in range(7)]
    for number, name in enumerate(made):
        other.kms.create_alias(AliasName=name, TargetKeyId=second if number % 3 == 0 else first)
    assert [name for name in names(other.kms, PaginationConfig={"PageSize": 2}) if name in made] == made
    assert names(other.kms, KeyId=second, PaginationConfig={"PageSize": 2}) == made[::3]
    page = other.kms.list_aliases(Limit=2)
    assert page["Truncated"] and len(page["Aliases"]) == 2
    for call in (lambda: other.kms.list_aliases(Marker="x"), lambda: own.kms.list_aliases(Marker=page["NextMarker"]),
                 lambda: other.kms.list_aliases(Marker=page["NextMarker"], KeyId=first)):
        with refused("InvalidMarkerException"):
            call()
    assert not set(made) & set(names(own.kms))


def test_fifty_aliases_of_a_key_at_most(kms, key, alias):
    for number in range(50):
        kms.create_alias(AliasName=f"{alias}-{number}", TargetKeyId=key)
    with refused("LimitExceededException"):
        kms.create_alias(AliasName=f"{alias}-50", TargetKeyId=key)
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=f"{alias}-50", TargetKeyId=other)
    with refused("LimitExceededException"):
        kms.update_alias(AliasName=f"{alias}-50", TargetKeyId=key)


def test_leave_is_needed_on_the_alias_and_on_the_key(kms, account, alias, mark):
    user = User(mark)
    key = kms.create_key(Policy=key_policy(account, delegates=False))["KeyMetadata"]["KeyId"]
    user.may("kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias", "kms:DescribeKey")
    with refused("AccessDeniedException"):
        user.kms.create_alias(AliasName=alias, TargetKeyId=key)
    allowed = statement(user.arn, "kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias")
    kms.put_key_policy(KeyId=key, Policy=key_policy(account, allowed, delegates=False))
    user.kms.create_alias(AliasName=alias, TargetKeyId=key)
    user.may_nothing()
    for call in (lambda: user.kms.create_alias(AliasName=alias + "-b", TargetKeyId=key),
                 lambda: user.kms.update_alias(AliasName=alias, TargetKeyId=key),
                 lambda: user.kms.delete_alias(AliasName=alias), user.kms.list_aliases):
        with refused("AccessDeniedException"):
            call()
    user.may("kms:DeleteAlias")
    user.kms.delete_alias(AliasName=alias)


def test_an_alias_reaches_no_key_of_another_account(abroad, alias):
    own, other = abroad
    policy = key_policy(other.number, statement(own.root, "kms:*"))
    key = other.kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    with refused(("NotFoundException", "AccessDeniedException")):
        own.kms.create_alias(AliasName=alias, TargetKeyId=key)
    other.kms.create_alias(AliasName=alias, TargetKeyId=key)
    theirs = f"arn:aws:kms:us-east-1:{other.number}:{alias}"
    assert own.kms.encrypt(KeyId=theirs, Plaintext=b"x")["KeyId"] == key
    with refused("NotFoundException"):
        own.kms.encrypt(KeyId=alias, Plaintext=b"x")
