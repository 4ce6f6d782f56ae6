"""What IAM tells of an account as a whole: its summary, its credential report, and when services were last used."""

import csv
import datetime
import io
import uuid

import pytest

from checks import body, refused
from roles import assume, client, make_iam, policy, trust, trusting
from servers import Server, binary

COLUMNS = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
    "access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,"
    "access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,"
    "cert_1_last_rotated,cert_2_active,cert_2_last_rotated"
)
NAMES = {
    "iam": "AWS Identity and Access Management",
    "secretsmanager": "AWS Secrets Manager",
    "sts": "AWS Security Token Service",
}


@pytest.fixture(scope="module")
def iam():
    return make_iam()


@pytest.fixture
def mark(prefix):
    return prefix.rstrip("/")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server on which nothing was done yet."""
    server = Server(binary(), tmp_path_factory.mktemp("reports"))
    server.start()
    yield server
    server.stop()


def summary(iam):
    return iam.get_account_summary()["SummaryMap"]


def test_the_summary_of_an_account(server, mark):
    iam = client("iam", server.key(), server.url)
    before = summary(iam)
    assert len(before) == 34
    assert {key: number for key, number in before.items() if not key.endswith("Quota")} == {
        "Users": 0, "Groups": 0, "Roles": 0, "Policies": 0, "InstanceProfiles": 0, "Providers": 0,
        "PolicyVersionsInUse": 0, "MFADevices": 0, "MFADevicesInUse": 0, "GlobalEndpointTokenVersion": 1,
        "AccountAccessKeysPresent": 1, "AccountMFAEnabled": 0, "AccountPasswordPresent": 0,
        "AccountSigningCertificatesPresent": 0, "ServerCertificates": 0,
    }
    assert {key: number for key, number in before.items() if key.endswith("Quota")} == {
        "UsersQuota": 5000, "GroupsQuota": 300, "RolesQuota": 1000, "PoliciesQuota": 1500,
        "InstanceProfilesQuota": 1000, "UserPolicySizeQuota": 2048, "GroupPolicySizeQuota": 5120,
        "RolePolicySizeQuota": 10240, "AssumeRolePolicySizeQuota": 2048, "PolicySizeQuota": 6144,
        "VersionsPerPolicyQuota": 5, "PolicyVersionsInUseQuota": 10000, "AttachedPoliciesPerUserQuota": 10,
        "AttachedPoliciesPerGroupQuota": 10, "AttachedPoliciesPerRoleQuota": 10, "GroupsPerUserQuota": 10,
        "AccessKeysPerUserQuota": 2, "ServerCertificatesQuota": 20, "SigningCertificatesPerUserQuota": 2,
    }
    for number in range(2):
        iam.create_user(UserName=f"{mark}-{number}")
        iam.create_virtual_mfa_device(VirtualMFADeviceName=f"{mark}-{number}")
    iam.create_group(GroupName=mark)
    iam.create_role(RoleName=mark, AssumeRolePolicyDocument=trust())
    iam.create_instance_profile(InstanceProfileName=mark)
    iam.create_open_id_connect_provider(Url="https://idp.example.com")
    own = iam.create_policy(PolicyName=mark, PolicyDocument=policy("iam:GetUser"))["Policy"]["Arn"]
    aws = "arn:aws:iam::aws:policy/SecretsManagerReadWrite"
    for arn in (own, aws):
        iam.attach_user_policy(UserName=f"{mark}-0", PolicyArn=arn)
        iam.attach_group_policy(GroupName=mark, PolicyArn=arn)
    iam.put_role_permissions_boundary(RoleName=mark, PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess")
    iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v2Token")
    after = summary(iam)
    changed = {key: number for key, number in after.items() if before[key] != number}
    assert changed == {
        "Users": 2, "Groups": 1, "Roles": 1, "Policies": 1, "InstanceProfiles": 1, "Providers": 1, "MFADevices": 2,
        "PolicyVersionsInUse": 3, "GlobalEndpointTokenVersion": 2,
    }
    iam.delete_role_permissions_boundary(RoleName=mark)
    assert summary(iam)["PolicyVersionsInUse"] == 2


def test_a_credential_report(server, mark):
    iam = client("iam", server.key(), server.url)
    # AWS sends no text with it.
    with refused("ReportNotPresent", "", 410):
        iam.get_credential_report()
    user = iam.create_user(UserName=f"{mark}-B,c", Path="/team/")["User"]
    name = user["UserName"]
    iam.create_login_profile(UserName=name, Password="Aa1!aaaaaaaa")
    first = iam.create_access_key(UserName=name)["AccessKey"]
    iam.create_access_key(UserName=name)
    iam.update_access_key(UserName=name, AccessKeyId=first["AccessKeyId"], Status="Inactive")
    iam.create_user(UserName=f"{mark}-a")
    used = iam.create_access_key(UserName=f"{mark}-a")["AccessKey"]
    client("sts", used, server.url).get_caller_identity()

    assert body(iam.generate_credential_report()) == {
        "State": "STARTED", "Description": "No report exists. Starting a new report generation task"}
    assert body(iam.generate_credential_report()) == {"State": "COMPLETE"}
    answer = iam.get_credential_report()
    assert answer["ReportFormat"] == "text/csv"
    age = datetime.datetime.now(datetime.timezone.utc) - answer["GeneratedTime"]
    assert abs(age.total_seconds()) < 120
    text = answer["Content"].decode()
    assert text.split("\n")[0] == COLUMNS
    assert "\r" not in text and not text.endswith("\n")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["user"] == "<root_account>"
    names = [row["user"] for row in rows[1:]]
    assert names == sorted(names, key=str.lower)
    row = {row["user"]: row for row in rows}

    root = row["<root_account>"]
    account = client("sts", server.key(), server.url).get_caller_identity()["Account"]
    assert root["arn"] == f"arn:aws:iam::{account}:root"
    assert [root[f"password_{column}"] for column in ("enabled", "last_used", "last_changed", "next_rotation")] == [
        "not_supported", "no_information", "not_supported", "not_supported"]
    assert (root["mfa_active"], root["access_key_1_active"], root["access_key_2_active"]) == ("false", "true", "false")
    assert root["access_key_1_last_used_service"] in ("iam", "sts")

    told = row[name]
    created = user["CreateDate"].strftime("%Y-%m-%dT%H:%M:%S+00:00")
    assert (told["arn"], told["user_creation_time"]) == (user["Arn"], created)
    assert (told["password_enabled"], told["password_last_used"], told["password_next_rotation"]) == (
        "true", "no_information", "N/A")
    assert datetime.datetime.fromisoformat(told["password_last_changed"])
    assert (told["access_key_1_active"], told["access_key_2_active"]) == ("false", "true")
    assert told["access_key_1_last_rotated"] == first["CreateDate"].strftime("%Y-%m-%dT%H:%M:%S+00:00")
    assert told["access_key_1_last_used_date"] == told["access_key_2_last_used_region"] == "N/A"
    assert [told[f"cert_{number}_{what}"] for number in (1, 2) for what in ("active", "last_rotated")] == [
        "false", "N/A"] * 2

    other = row[f"{mark}-a"]
    assert [other[f"password_{column}"] for column in ("enabled", "last_used", "last_changed", "next_rotation")] == [
        "false", "N/A", "N/A", "N/A"]
    assert (other["access_key_1_last_used_region"], other["access_key_1_last_used_service"]) == ("us-east-1", "sts")
    assert datetime.datetime.fromisoformat(other["access_key_1_last_used_date"])
    assert (other["access_key_2_active"], other["access_key_2_last_rotated"]) == ("false", "N/A")

    # Within four hours it stays as it is.
    iam.create_user(UserName=f"{mark}-later")
    assert body(iam.generate_credential_report()) == {"State": "COMPLETE"}
    assert iam.get_credential_report()["Content"].decode() == text


def test_reports_need_permission(iam, mark):
    arn = iam.create_user(UserName=mark)["User"]["Arn"]
    limited = client("iam", iam.create_access_key(UserName=mark)["AccessKey"])
    for operation, action in [
        (limited.get_account_summary, "GetAccountSummary"),
        (limited.generate_credential_report, "GenerateCredentialReport"),
        (limited.get_credential_report, "GetCredentialReport"),
    ]:
        text = (f"User: {arn} is not authorized to perform: iam:{action} on resource: * because no identity-based "
                f"policy allows the iam:{action} action")
        with refused("AccessDenied", text, 403):
            operation()
    iam.put_user_policy(UserName=mark, PolicyName="may", PolicyDocument=policy(
        "iam:GetAccountSummary", "iam:GenerateCredentialReport", "iam:GetCredentialReport"))
    assert summary(limited)["Users"] >= 1
    limited.generate_credential_report()
    assert limited.get_credential_report()["Content"].startswith(b"user,arn,")


def last_accessed(iam, arn, **options):
    """The services in a report on an ARN, by namespace."""
    job = iam.generate_service_last_accessed_details(Arn=arn, **options)["JobId"]
    assert str(uuid.UUID(job)) == job
    answer = iam.get_service_last_accessed_details(JobId=job)
    assert (answer["JobStatus"], answer["IsTruncated"]) == ("COMPLETED", False)
    assert answer["JobType"] == options.get("Granularity", "SERVICE_LEVEL")
    assert answer["JobCreationDate"] <= answer["JobCompletionDate"]
    services = answer["ServicesLastAccessed"]
    assert [service["ServiceNamespace"] for service in services] == sorted(
        service["ServiceNamespace"] for service in services)
    for service in services:
        assert service["ServiceName"] == NAMES[service["ServiceNamespace"]]
    return {service["ServiceNamespace"]: service for service in services}


def used_by(service, arn, entities=1):
    """Whether the service was last used just now by who has this ARN."""
    age = datetime.datetime.now(datetime.timezone.utc) - service["LastAuthenticated"]
    return (service["LastAuthenticatedEntity"] == arn and service["TotalAuthenticatedEntities"] == entities
            and service["LastAuthenticatedRegion"] == "us-east-1" and -120 < age.total_seconds() < 300)


def unused(service):
    return service["TotalAuthenticatedEntities"] == 0 and "LastAuthenticated" not in service


def test_what_a_user_used(iam, mark):
    arn = iam.create_user(UserName=mark)["User"]["Arn"]
    key = iam.create_access_key(UserName=mark)["AccessKey"]
    assert last_accessed(iam, arn) == {}
    iam.put_user_policy(UserName=mark, PolicyName="may", PolicyDocument=policy(
        "secretsmanager:ListSecrets", "iam:GetUser", "s3:*"))
    services = last_accessed(iam, arn)
    assert set(services) == {"iam", "secretsmanager"}
    assert all(unused(service) for service in services.values())
    client("secretsmanager", key).list_secrets()
    client("sts", key).get_caller_identity()
    services = last_accessed(iam, arn, Granularity="ACTION_LEVEL")
    assert used_by(services["secretsmanager"], arn) and unused(services["iam"])
    # Also what was refused is a use. That of the other service is kept.
    with refused("AccessDenied", status=403):
        client("iam", key).list_users()
    services = last_accessed(iam, arn)
    assert used_by(services["secretsmanager"], arn) and used_by(services["iam"], arn)


def test_what_a_group_and_a_policy_were_used_for(iam, mark):
    one, two, three = (iam.create_user(UserName=f"{mark}-{number}")["User"] for number in range(3))
    keys = [iam.create_access_key(UserName=user["UserName"])["AccessKey"] for user in (one, two, three)]
    group = iam.create_group(GroupName=mark)["Group"]
    made = iam.create_policy(PolicyName=mark, PolicyDocument=policy("secretsmanager:*"))["Policy"]["Arn"]
    for user in (one, two):
        iam.add_user_to_group(GroupName=mark, UserName=user["UserName"])
    iam.attach_group_policy(GroupName=mark, PolicyArn=made)
    iam.attach_user_policy(UserName=two["UserName"], PolicyArn=made)
    role = iam.create_role(RoleName=mark, AssumeRolePolicyDocument=trusting(three["Arn"]))["Role"]
    iam.attach_role_policy(RoleName=mark, PolicyArn=made)
    assert set(last_accessed(iam, group["Arn"])) == set(last_accessed(iam, made)) == {"secretsmanager"}
    assert unused(last_accessed(iam, made)["secretsmanager"])
    client("secretsmanager", keys[0]).list_secrets()
    assert used_by(last_accessed(iam, group["Arn"])["secretsmanager"], one["Arn"])
    session = assume(keys[2], role)["Credentials"]
    client("secretsmanager", session).list_secrets()
    assert used_by(last_accessed(iam, role["Arn"])["secretsmanager"], role["Arn"])
    told = last_accessed(iam, made)["secretsmanager"]
    assert used_by(told, role["Arn"], 2)
    client("secretsmanager", keys[1]).list_secrets()
    assert last_accessed(iam, made)["secretsmanager"]["TotalAuthenticatedEntities"] == 3
    assert used_by(last_accessed(iam, group["Arn"])["secretsmanager"], two["Arn"], 2)


def test_reports_on_uses_belong_to_who_asked(iam, mark):
    arn = iam.create_user(UserName=mark)["User"]["Arn"]
    iam.put_user_policy(UserName=mark, PolicyName="may", PolicyDocument=policy("*"))
    job = iam.generate_service_last_accessed_details(Arn=arn)["JobId"]
    own = client("iam", iam.create_access_key(UserName=mark)["AccessKey"])
    for absent, asking in [(job, own), (str(uuid.uuid4()), iam)]:
        with refused("NoSuchEntity", f"Job with id {absent} cannot be found.", 404):
            asking.get_service_last_accessed_details(JobId=absent)
    page = iam.get_service_last_accessed_details(JobId=job, MaxItems=2)
    assert [service["ServiceNamespace"] for service in page["ServicesLastAccessed"]] == ["iam", "secretsmanager"]
    assert page["IsTruncated"]
    page = iam.get_service_last_accessed_details(JobId=job, MaxItems=2, Marker=page["Marker"])
    assert [service["ServiceNamespace"] for service in page["ServicesLastAccessed"]] == ["sts"]
    assert not page["IsTruncated"]


def test_reports_on_what_is_not_there(iam, mark):
    arn = iam.create_user(UserName=mark)["User"]["Arn"]
    with refused("NoSuchEntity", f"ARN {arn}x does not exist.", 404):
        iam.generate_service_last_accessed_details(Arn=arn + "x")
    absent = arn.replace(":user/", ":policy/")
    with refused("NoSuchEntity", f"Policy {absent} was not found.", 404):
        iam.generate_service_last_accessed_details(Arn=absent)
    with refused("InvalidInput"):
        iam.generate_service_last_accessed_details(Arn=arn.replace(":user/", ":mfa/"))
