"""Who may use a KMS key: its policy, IAM policies that it delegates to, conditions, and the policies of another account."""

import uuid

import pytest

from checks import refused
from keys import User, key_policy, make_kms, statement
from roles import assume, policy, trusting

VIA = "secretsmanager.us-east-1.amazonaws.com"


@pytest.fixture
def user(mark):
    """A user without any policy."""
    return User(mark)


def new_key(kms, *rest, **more):
    return kms.create_key(Policy=key_policy(*rest), **more)["KeyMetadata"]["Arn"]


def closed_key(kms, account, *statements, **more):
    """A key whose policy does not delegate to IAM."""
    text = key_policy(account, *statements, delegates=False)
    return kms.create_key(Policy=text, **more)["KeyMetadata"]["Arn"]


def encrypts(client, key, **more):
    """Whether the client may encrypt."""
    try:
        client.encrypt(KeyId=key, Plaintext=b"x", **more)
    except client.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDeniedException", error
        return False
    return True


def test_iam_policies_count_where_the_key_policy_delegates(kms, account, user, mark):
    key = new_key(kms, account)
    assert not encrypts(user.kms, key)
    user.may("kms:Encrypt", resource=key)
    assert encrypts(user.kms, key)
    assert not encrypts(user.kms, new_key(kms, account))
    text = (f"User: {user.arn} is not authorized to perform: kms:DescribeKey on resource: {key} because no "
            "identity-based policy allows the kms:DescribeKey action")
    with refused("AccessDeniedException", text):
        user.kms.describe_key(KeyId=key)
    user.may("kms:*", resource=f"arn:aws:kms:us-east-1:{account}:alias/*")
    assert not encrypts(user.kms, key)
    user.may("kms:*")
    assert encrypts(user.kms, key)
    user.iam.put_user_policy(UserName=mark, PolicyName="not", PolicyDocument=policy("kms:Encrypt", effect="Deny"))
    assert not encrypts(user.kms, key)


def test_iam_policies_alone_open_no_closed_key(kms, account, user):
    key = closed_key(kms, account)
    user.may("*")
    assert not encrypts(user.kms, key)
    text = (f"User: {user.arn} is not authorized to perform: kms:DescribeKey on resource: {key} because no "
            "resource-based policy allows the kms:DescribeKey action")
    with refused("AccessDeniedException", text):
        user.kms.describe_key(KeyId=key)
    assert encrypts(kms, key)


def test_a_key_policy_alone_is_enough(kms, account, user, mark):
    key = closed_key(kms, account, statement(user.arn, "kms:Encrypt"))
    assert encrypts(user.kms, key) and not encrypts(User(f"{mark}-b").kms, key)
    with refused("AccessDeniedException"):
        user.kms.generate_data_key(KeyId=key, KeySpec="AES_256")


def test_a_denial_in_the_key_policy_counts_more(kms, account, user):
    user.may("kms:*")
    key = new_key(kms, account, statement(user.arn, "kms:Encrypt", effect="Deny"))
    text = (f"User: {user.arn} is not authorized to perform: kms:Encrypt on resource: {key} with an explicit deny in a "
            "resource-based policy")
    with refused("AccessDeniedException", text):
        user.kms.encrypt(KeyId=key, Plaintext=b"x")
    user.kms.describe_key(KeyId=key)


def test_sessions_of_a_role(kms, account, user, mark):
    role = user.iam.create_role(RoleName=mark, AssumeRolePolicyDocument=trusting(user.arn))["Role"]
    key = closed_key(kms, account, statement(role["Arn"], "kms:Encrypt"))
    assert encrypts(make_kms(assume(user.key, role)["Credentials"]), key)
    assert not encrypts(user.kms, key)
    narrowed = assume(user.key, role, Policy=policy("kms:Decrypt"))["Credentials"]
    assert not encrypts(make_kms(narrowed), key)


def test_what_is_not_there_is_not_told_to_those_who_may_nothing(kms, account, user):
    absent = f"arn:aws:kms:us-east-1:{account}:key/{uuid.uuid4()}"
    with refused("AccessDeniedException"):
        user.kms.describe_key(KeyId=absent)
    user.may("kms:DescribeKey")
    with refused("NotFoundException", f"Key '{absent}' does not exist"):
        user.kms.describe_key(KeyId=absent)


@pytest.mark.parametrize("operator, key, value, allowed, denied", [
    ("StringEquals", "kms:EncryptionContext:tenant", "one", {"tenant": "one", "x": "y"}, {"tenant": "two"}),
    ("StringLike", "kms:EncryptionContext:tenant", "o*", {"tenant": "one"}, {"tenant": "two"}),
    ("ForAllValues:StringEquals", "kms:EncryptionContextKeys", ["tenant", "stage"], {"tenant": "x"}, {"other": "x"}),
    ("Null", "kms:EncryptionContextKeys", "false", {"a": "b"}, {}),
    ("StringEquals", "kms:EncryptionContext:tenant", "one", {"tenant": "one"}, {}),
])
def test_conditions_on_the_encryption_context(kms, account, user, operator, key, value, allowed, denied):
    user.may("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", **{operator: {key: value}})
    one = new_key(kms, account)
    assert encrypts(user.kms, one, EncryptionContext=allowed) and not encrypts(user.kms, one, EncryptionContext=denied)
    user.kms.generate_data_key(KeyId=one, KeySpec="AES_256", EncryptionContext=allowed)
    blob = kms.encrypt(KeyId=one, Plaintext=b"x", EncryptionContext=allowed)["CiphertextBlob"]
    user.kms.decrypt(CiphertextBlob=blob, EncryptionContext=allowed)
    user.kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=allowed, DestinationKeyId=one,
                        DestinationEncryptionContext=allowed)
    for call in (
        lambda: user.kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=allowed, DestinationKeyId=one,
                                    DestinationEncryptionContext=denied),
        lambda: user.kms.decrypt(CiphertextBlob=kms.encrypt(KeyId=one, Plaintext=b"x", EncryptionContext=denied)
                                 ["CiphertextBlob"], EncryptionContext=denied),
        lambda: user.kms.generate_data_key_without_plaintext(KeyId=one, KeySpec="AES_256", EncryptionContext=denied),
    ):
        with refused("AccessDeniedException"):
            call()


def test_no_pair_hides_another_from_a_denial_by_the_case_of_its_name(kms, account, user):
    user.may("kms:Encrypt")
    closed = {"kms:EncryptionContext:tenant": "closed"}
    key = new_key(kms, account, statement(user.arn, "kms:Encrypt", effect="Deny", StringEquals=closed))
    assert encrypts(user.kms, key, EncryptionContext={"Tenant": "open", "tenant": "open"})
    for context in ({"tenant": "closed"}, {"Tenant": "open", "tenant": "closed"}, {"TENANT": "closed", "tenant": "open"}):
        assert not encrypts(user.kms, key, EncryptionContext=context), context


def test_conditions_on_the_request(kms, account, user):
    key = new_key(kms, account)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    other = new_key(kms, account)
    user.may("kms:ReEncrypt*", Bool={"kms:ReEncryptOnSameKey": "true"})
    user.kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key)
    with refused("AccessDeniedException"):
        user.kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)
    user.may("kms:ScheduleKeyDeletion", NumericGreaterThanEquals={"kms:ScheduleKeyDeletionPendingWindowInDays": "20"})
    for days in ({"PendingWindowInDays": 19}, {"PendingWindowInDays": 7}):
        with refused("AccessDeniedException"):
            user.kms.schedule_key_deletion(KeyId=other, **days)
    user.kms.schedule_key_deletion(KeyId=other, PendingWindowInDays=20)
    user.may("kms:EnableKeyRotation", NumericLessThanEquals={"kms:RotationPeriodInDays": "100"})
    with refused("AccessDeniedException"):
        user.kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=101)
    user.kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=100)
    user.may("kms:GetKeyPolicy", StringEquals={"kms:PolicyName": "default"})
    user.kms.get_key_policy(KeyId=key)
    with refused("AccessDeniedException"):
        user.kms.get_key_policy(KeyId=key, PolicyName="AWS_RAM")
    user.may("kms:PutKeyPolicy", Bool={"kms:BypassPolicyLockoutSafetyCheck": "false"})
    text = kms.get_key_policy(KeyId=key)["Policy"]
    user.kms.put_key_policy(KeyId=key, Policy=text)
    with refused("AccessDeniedException"):
        user.kms.put_key_policy(KeyId=key, Policy=text, BypassPolicyLockoutSafetyCheck=True)


def test_conditions_on_grants(kms, account, user):
    key = new_key(kms, account)

    def grants(*operations, **more):
        try:
            user.kms.create_grant(KeyId=key, GranteePrincipal=more.pop("grantee", user.arn), Operations=list(operations), **more)
        except user.kms.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDeniedException", error
            return False
        return True

    user.may("kms:CreateGrant", **{"ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt", "Decrypt"]}})
    assert grants("Encrypt") and grants("Encrypt", "Decrypt") and not grants("Encrypt", "GenerateDataKey")
    user.may("kms:CreateGrant", StringEquals={"kms:GrantConstraintType": "EncryptionContextSubset"})
    assert grants("Encrypt", Constraints={"EncryptionContextSubset": {"a": "b"}})
    assert not grants("Encrypt", Constraints={"EncryptionContextEquals": {"a": "b"}}) and not grants("Encrypt")
    user.may("kms:CreateGrant", StringEquals={"kms:GranteePrincipal": user.arn})
    assert grants("Encrypt") and not grants("Encrypt", grantee=f"arn:aws:iam::{account}:root")
    user.may("kms:CreateGrant", Bool={"kms:GrantIsForAWSResource": "true"})
    assert not grants("Encrypt")


def test_conditions_on_new_keys(kms, user):
    def creates(**members):
        try:
            user.kms.create_key(**members)
        except user.kms.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDeniedException", error
            return False
        return True

    hmac = {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}
    user.may("kms:CreateKey", StringEquals={"kms:KeySpec": "SYMMETRIC_DEFAULT"})
    assert creates() and not creates(**hmac)
    user.may("kms:CreateKey", StringEquals={"kms:KeyUsage": "GENERATE_VERIFY_MAC"})
    assert creates(**hmac) and not creates()
    user.may("kms:CreateKey", Bool={"kms:MultiRegion": "false"})
    assert creates() and not creates(MultiRegion=True)
    user.may("kms:CreateKey", StringEquals={"aws:RequestTag/team": "red"})
    red = [{"TagKey": "team", "TagValue": "red"}]
    assert not creates() and not creates(Tags=red), "tags take leave to tag"
    user.may("kms:CreateKey", "kms:TagResource", StringEquals={"aws:RequestTag/team": "red"})
    assert creates(Tags=red) and not creates(Tags=[{"TagKey": "team", "TagValue": "blue"}])


def test_conditions_on_what_the_key_is(kms, account, user, mark):
    alias = f"alias/{mark}"
    key = new_key(kms, account)
    user.may("kms:Encrypt", **{"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}})
    assert not encrypts(user.kms, key)
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    assert encrypts(user.kms, key) and encrypts(user.kms, alias)
    kms.delete_alias(AliasName=alias)
    assert not encrypts(user.kms, key)
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    user.may("kms:Encrypt", StringEquals={"kms:RequestAlias": alias})
    assert encrypts(user.kms, alias) and not encrypts(user.kms, key)
    assert encrypts(user.kms, f"arn:aws:kms:us-east-1:{account}:{alias}")
    user.may("kms:Encrypt", StringEquals={"aws:ResourceTag/team": "red"})
    assert not encrypts(user.kms, key)
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "team", "TagValue": "red"}])
    assert encrypts(user.kms, key)
    kms.untag_resource(KeyId=key, TagKeys=["team"])
    assert not encrypts(user.kms, key)
    user.may("kms:Encrypt", StringEquals={"kms:KeyOrigin": "AWS_KMS", "kms:KeySpec": "SYMMETRIC_DEFAULT"})
    assert encrypts(user.kms, key)
    user.may("kms:Encrypt", Bool={"kms:MultiRegion": "true"})
    assert not encrypts(user.kms, key) and encrypts(user.kms, kms.create_key(MultiRegion=True)["KeyMetadata"]["Arn"])


def test_conditions_on_the_caller(kms, account, user):
    anybody = statement("*", "kms:Encrypt", StringEquals={"kms:CallerAccount": account})
    assert encrypts(user.kms, closed_key(kms, account, anybody))
    nobody = statement("*", "kms:Encrypt", StringEquals={"kms:CallerAccount": "444455556666"})
    assert not encrypts(user.kms, closed_key(kms, account, nobody))
    tagged = statement("*", "kms:Encrypt", StringEquals={"aws:PrincipalTag/team": "red"})
    key = closed_key(kms, account, tagged)
    assert not encrypts(user.kms, key)
    user.iam.tag_user(UserName=user.name, Tags=[{"Key": "team", "Value": "red"}])
    assert encrypts(user.kms, key)


def test_use_through_a_service_is_not_direct_use(kms, account, user):
    key = closed_key(kms, account, statement(user.arn, "kms:*", StringEquals={"kms:ViaService": VIA}))
    assert not encrypts(user.kms, key)
    user.may("kms:*", StringEquals={"kms:ViaService": VIA})
    assert not encrypts(user.kms, new_key(kms, account))


def test_a_key_of_another_account_takes_both_policies(abroad, mark):
    own, other = abroad
    user = other.user(mark)
    key = own.kms.create_key(Policy=key_policy(own.number, statement(other.root, "kms:Encrypt", "kms:DescribeKey")))[
        "KeyMetadata"]["Arn"]
    assert encrypts(other.kms, key) and not encrypts(user.kms, key)
    user.may("kms:Encrypt", resource=key)
    assert encrypts(user.kms, key)
    with refused("AccessDeniedException"):
        user.kms.describe_key(KeyId=key)
    named = own.kms.create_key(Policy=key_policy(own.number, statement(user.arn, "kms:Encrypt")))["KeyMetadata"]["Arn"]
    assert not encrypts(user.kms, named) and not encrypts(other.kms, named)
    user.may("kms:*")
    assert encrypts(user.kms, named) and encrypts(user.kms, key)
    assert not encrypts(user.kms, own.kms.create_key()["KeyMetadata"]["Arn"])


def test_what_is_hidden_from_another_account(abroad):
    own, other = abroad
    there = own.kms.create_key()["KeyMetadata"]["Arn"]
    absent = f"arn:aws:kms:us-east-1:{own.number}:key/{uuid.uuid4()}"
    said = set()
    for key in (there, absent):
        with refused("AccessDeniedException") as refusal:
            other.kms.describe_key(KeyId=key)
        said.add(refusal.text.replace(key, "KEY"))
    assert all("kms:DescribeKey" in text for text in said)


def test_no_policy_opens_administration_to_another_account(abroad):
    own, other = abroad
    key = own.kms.create_key(Policy=key_policy(own.number, statement(other.root, "kms:*")))["KeyMetadata"]["Arn"]
    calls = {
        "cancel_key_deletion": {}, "disable_key": {}, "disable_key_rotation": {}, "enable_key": {},
        "enable_key_rotation": {}, "get_key_policy": {}, "list_key_policies": {}, "list_key_rotations": {},
        "list_resource_tags": {}, "put_key_policy": {"Policy": key_policy(other.number)}, "rotate_key_on_demand": {},
        "schedule_key_deletion": {}, "tag_resource": {"Tags": [{"TagKey": "a", "TagValue": "b"}]},
        "untag_resource": {"TagKeys": ["a"]}, "update_key_description": {"Description": "d"},
    }
    for operation, members in calls.items():
        with refused("AccessDeniedException"):
            getattr(other.kms, operation)(KeyId=key, **members)
    assert encrypts(other.kms, key)
    other.kms.describe_key(KeyId=key)
    other.kms.get_key_rotation_status(KeyId=key)
    made = other.kms.create_grant(KeyId=key, GranteePrincipal=other.root, Operations=["Encrypt"])
    assert len(other.kms.list_grants(KeyId=key)["Grants"]) == 1
    other.kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
