"""Managed rotation: a real database is registered, and from then on its master user's password is a secret that a service
owns. It rotates without a function; users read it and change its schedule, and cannot change or delete it."""

import datetime
import json
import subprocess

import botocore.exceptions
import pytest

import own
import servers
from databases import ADMIN, ADMIN_PASSWORD, Mariadb
from postgresql import Postgresql
from rotation import client, new_function, policy, rotated, until

MANAGED = "This secret is managed by an AWS service, and you must use that service to update it."


@pytest.fixture(scope="module")
def database():
    database = Postgresql()
    yield database
    database.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = servers.Server(servers.binary(), tmp_path_factory.mktemp("managed"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def own_sm(server):
    return client("secretsmanager", server)


def command(server, *words, password=""):
    """What a command about databases prints."""
    done = subprocess.run(
        [server.binary, "database", words[0], "--data", server.data, "--config", server.config, *words[1:]],
        input=password, capture_output=True, text=True, timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def register(server, database, user, **members):
    """Registers the database with a user of it; the ARN of its secret."""
    assert database.add_user(user, f"{user}-first")
    members = {"Engine": "postgres", **members}
    made = own.call(
        server, "RegisterDatabase", DatabaseId=f"with-{user}", Host="127.0.0.1", Port=database.port,
        MasterUsername=user, MasterUserPassword=f"{user}-first", **members,
    )
    return made["Database"]["MasterUserSecret"]["SecretArn"]


def settled(sm, secret):
    """What DescribeSecret says once the first rotation is complete."""

    def is_done():
        described = sm.describe_secret(SecretId=secret)
        return described if described.get("LastRotatedDate") else None

    return until(is_done)


def value_of(sm, secret):
    return json.loads(sm.get_secret_value(SecretId=secret)["SecretString"])


def refused(call, **members):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call(**members)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_a_registered_users_password_is_changed_at_once_and_rotates_without_a_function(server, own_sm, database):
    secret = register(server, database, "master")
    described = settled(own_sm, secret)
    assert described["Name"].startswith("rds!db-") and described["OwningService"] == "rds"
    assert described["RotationEnabled"] is True and "RotationLambdaARN" not in described
    assert described["RotationRules"] == {"AutomaticallyAfterDays": 7}
    tags = {tag["Key"]: tag["Value"] for tag in described["Tags"]}
    account = secret.split(":")[4]
    assert tags == {
        "aws:secretsmanager:owningService": "rds",
        "aws:rds:primaryDBInstanceArn": f"arn:aws:rds:us-east-1:{account}:db:with-master",
    }
    first = value_of(own_sm, secret)
    assert first.keys() == {"username", "password"} and first["username"] == "master"
    assert database.login("master", first["password"]) and not database.login("master", "master-first")

    made = own_sm.rotate_secret(SecretId=secret)
    rotated(own_sm, secret, made["VersionId"])
    second = value_of(own_sm, secret)
    assert database.login("master", second["password"]) and not database.login("master", first["password"])

    rules = {"ScheduleExpression": "cron(0 3 ? * SUN *)", "Duration": "2h"}
    own_sm.rotate_secret(SecretId=secret, RotationRules=rules, RotateImmediately=False)
    described = until(lambda: complete(own_sm, secret))
    assert described["RotationRules"]["ScheduleExpression"] == rules["ScheduleExpression"]
    next_end = described["NextRotationDate"].astimezone(datetime.timezone.utc)
    assert (next_end.isoweekday(), next_end.hour) == (7, 4)
    assert value_of(own_sm, secret) == second, "the schedule alone was changed"

    shown = own.call(server, "DescribeDatabases", DatabaseId="with-master")["Databases"]
    assert shown[0]["MasterUserSecret"] == {"SecretArn": secret, "SecretStatus": "active"}
    assert shown[0]["Host"] == "127.0.0.1" and shown[0]["Port"] == database.port and "Ssl" not in shown[0]


def test_mariadb_rotates_too(server, own_sm):
    database = Mariadb()
    try:
        secret = register(server, database, "maria", Engine="mariadb")
        settled(own_sm, secret)
        first = value_of(own_sm, secret)
        assert database.login("maria", first["password"]) and not database.login("maria", "maria-first")
        rotated(own_sm, secret, own_sm.rotate_secret(SecretId=secret)["VersionId"])
        assert database.login("maria", value_of(own_sm, secret)["password"])
        assert not database.login("maria", first["password"])
    finally:
        database.stop()


def complete(sm, secret):
    """What DescribeSecret says when no version is pending."""
    described = sm.describe_secret(SecretId=secret)
    stages = [stage for stages in described["VersionIdsToStages"].values() for stage in stages]
    return described if "AWSPENDING" not in stages else None


def test_a_key_of_ones_own_is_used_and_stops_the_rotation_when_it_is_disabled(server, own_sm, database):
    kms = client("kms", server)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    secret = register(server, database, "keyed", KmsKeyId=key)
    assert settled(own_sm, secret)["KmsKeyId"] == key
    first = value_of(own_sm, secret)
    assert database.login("keyed", first["password"])
    kms.disable_key(KeyId=key)
    own_sm.rotate_secret(SecretId=secret)

    def is_impaired():
        shown = own.call(server, "DescribeDatabases", DatabaseId="with-keyed")["Databases"][0]
        return shown["MasterUserSecret"]["SecretStatus"] == "impaired"

    until(is_impaired)
    assert database.login("keyed", first["password"]), "nothing was changed in the database"
    kms.enable_key(KeyId=key)
    assert "will be reattempted" in refused(own_sm.rotate_secret, SecretId=secret)[1]
    until(lambda: value_of(own_sm, secret) != first and complete(own_sm, secret))
    assert database.login("keyed", value_of(own_sm, secret)["password"])


def test_nobody_but_the_service_changes_or_deletes_the_secret(server, own_sm, database):
    secret = register(server, database, "guarded")
    described = settled(own_sm, secret)
    before = value_of(own_sm, secret)
    current = next(of for of, stages in described["VersionIdsToStages"].items() if "AWSCURRENT" in stages)
    previous = next(of for of, stages in described["VersionIdsToStages"].items() if "AWSPREVIOUS" in stages)
    managed = ("InvalidRequestException", MANAGED)
    assert refused(own_sm.put_secret_value, SecretId=secret, SecretString="mine") == managed
    assert refused(own_sm.update_secret, SecretId=secret, SecretString="mine") == managed
    assert refused(own_sm.update_secret, SecretId=secret, Description="mine") == managed
    stage = {"VersionStage": "AWSCURRENT", "MoveToVersionId": previous, "RemoveFromVersionId": current}
    assert refused(own_sm.update_secret_version_stage, SecretId=secret, **stage) == managed
    assert refused(own_sm.delete_secret, SecretId=secret) == managed
    assert refused(own_sm.delete_secret, SecretId=secret, ForceDeleteWithoutRecovery=True) == managed
    assert refused(own_sm.cancel_rotate_secret, SecretId=secret) == managed
    function = f"arn:aws:lambda:us-east-1:{secret.split(':')[4]}:function:mine"
    assert refused(own_sm.rotate_secret, SecretId=secret, RotationLambdaARN=function) == managed
    owning = {"SecretId": secret, "TagKeys": ["aws:secretsmanager:owningService"]}
    assert refused(own_sm.untag_resource, **owning)[0] == "InvalidParameterException"
    assert refused(own_sm.create_secret, Name="rds!db-mine", SecretString="x")[0] == "InvalidParameterException"
    assert value_of(own_sm, secret) == before

    own_sm.tag_resource(SecretId=secret, Tags=[{"Key": "team", "Value": "blue"}])
    own_sm.untag_resource(SecretId=secret, TagKeys=["team"])
    reading = {"Effect": "Allow", "Principal": {"AWS": secret.split(":")[4]}, "Action": "*", "Resource": "*"}
    own_sm.put_resource_policy(SecretId=secret, ResourcePolicy=policy(reading))
    own_sm.delete_resource_policy(SecretId=secret)


def test_the_master_user_serves_alternating_users(server, own_sm, database):
    master = register(server, database, "chief")
    assert database.login(ADMIN, ADMIN_PASSWORD, "alter user chief superuser")
    settled(own_sm, master)
    assert database.add_user("app", "app-first")
    own_sm.create_secret(Name="app", SecretString=database.value("app", "app-first", masterarn=master))
    function = new_function("strongroom/postgresql-multi-user", server=server)
    made = own_sm.rotate_secret(SecretId="app", RotationLambdaARN=function, RotationRules={"AutomaticallyAfterDays": 30})
    rotated(own_sm, "app", made["VersionId"])
    value = value_of(own_sm, "app")
    assert value["username"] == "app_clone" and database.login("app_clone", value["password"])
    own_sm.delete_secret(SecretId="app", ForceDeleteWithoutRecovery=True)


def test_owned_secrets_are_listed_by_their_service(server, own_sm, database):
    secret = register(server, database, "listed")
    own_sm.create_secret(Name="plain", SecretString="x")
    listed = own_sm.list_secrets(Filters=[{"Key": "owning-service", "Values": ["rds"]}])["SecretList"]
    assert secret in [entry["ARN"] for entry in listed]
    assert {entry["OwningService"] for entry in listed} == {"rds"}
    others = own_sm.list_secrets(Filters=[{"Key": "owning-service", "Values": ["!rds"]}])["SecretList"]
    assert [entry["Name"] for entry in others if not entry["Name"].startswith("rds!")] == ["plain"]
    assert own_sm.list_secrets(Filters=[{"Key": "owning-service", "Values": ["redshift"]}])["SecretList"] == []


def test_a_user_needs_leave_and_passwords_stay_out_of_the_trail(server, own_sm, database):
    secret = register(server, database, "audited")
    password = value_of(own_sm, secret)["password"] if settled(own_sm, secret) else ""
    iam = client("iam", server)
    iam.create_user(UserName="some")
    made = iam.create_access_key(UserName="some")["AccessKey"]
    key = {"AccessKeyId": made["AccessKeyId"], "SecretAccessKey": made["SecretAccessKey"]}
    database_of = {
        "DatabaseId": "not-mine", "Engine": "postgres", "Host": "127.0.0.1", "MasterUsername": "x",
        "MasterUserPassword": "never-written-down",
    }
    with pytest.raises(own.Refused) as error:
        own.call(server, "RegisterDatabase", key, **database_of)
    assert error.value.code == "AccessDeniedException" and "strongroom:RegisterDatabase" in error.value.message
    allowed = {"Effect": "Allow", "Action": "strongroom:*", "Resource": "arn:aws:strongroom:*:*:database/not-*"}
    iam.put_user_policy(UserName="some", PolicyName="p", PolicyDocument=policy(allowed))
    with pytest.raises(own.Refused) as error:
        own.call(server, "RegisterDatabase", key, **database_of)
    assert error.value.code == "AccessDeniedException" and "secretsmanager:CreateSecret" in error.value.message

    def steps(trail):
        lines = [json.loads(line) for line in trail.splitlines() if '"invokedBy":"rds.amazonaws.com"' in line]
        return [record for record in lines if secret in json.dumps(record)]

    def records():
        trail = "".join(file.read_text() for file in (server.data / "trail").rglob("*.jsonl"))
        names = {record["eventName"] for record in steps(trail)}
        return trail if {"PutSecretValue", "UpdateSecretVersionStage"} <= names and "RotationSucceeded" in trail else None

    trail = until(records)
    for text in ["audited-first", "never-written-down", password]:
        assert text not in trail
    of_secret = steps(trail)
    for record in of_secret:
        assert record["userIdentity"] == {"type": "AWSService", "invokedBy": "rds.amazonaws.com"}
        assert record["sourceIPAddress"] == "rds.amazonaws.com"


def test_roles_and_names_give_nobody_the_services_rights(server):
    iam, account = client("iam", server), client("sts", server).get_caller_identity()["Account"]
    trust = policy({"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"})
    path = "/aws-service-role/rds.amazonaws.com/"
    code, _ = refused(
        iam.create_role, RoleName="AWSServiceRoleForRDS", Path=path, AssumeRolePolicyDocument=trust
    )
    assert code in ("InvalidInput", "ValidationError", "AccessDenied")


def test_the_command_registers_lists_and_forgets(server, own_sm, database):
    assert database.add_user("byhand", "byhand-first")
    words = ["by-hand", "--engine", "postgres", "--host", "127.0.0.1", "--port", str(database.port)]
    code, said = command(server, "register", *words, "--username", "byhand", password="byhand-first\n")
    assert code == 0 and "arn:aws:secretsmanager:" in said, said
    secret = next(word for word in said.split() if word.startswith("arn:aws:secretsmanager:"))
    settled(own_sm, secret)
    assert database.login("byhand", value_of(own_sm, secret)["password"])
    code, said = command(server, "register", *words, "--username", "byhand", password="byhand-first\n")
    assert code == 1 and "registered already" in said
    code, said = command(server, "list")
    assert code == 0 and "by-hand  postgres  127.0.0.1" in said and secret in said and "active" in said
    history = subprocess.run(
        [server.binary, "rotation", "history", secret, "--data", server.data, "--config", server.config],
        capture_output=True, text=True, timeout=60,
    ).stdout
    assert all(step in history for step in ("createSecret", "setSecret", "testSecret", "finishSecret")), history
    assert "byhand-first" not in history and value_of(own_sm, secret)["password"] not in history
    server.run("verify")
    code, said = command(server, "deregister", "by-hand")
    assert code == 0, said
    assert refused(own_sm.describe_secret, SecretId=secret)[0] == "ResourceNotFoundException"
    code, said = command(server, "deregister", "by-hand")
    assert code == 1 and "not registered" in said


def test_a_wrong_password_is_told_and_retried_until_the_database_is_forgotten(server, own_sm, database):
    assert database.add_user("wrong", "wrong-first")
    assert database.login(ADMIN, ADMIN_PASSWORD, "alter user wrong password 'another'")
    made = own.call(
        server, "RegisterDatabase",
        DatabaseId="wrong", Engine="postgres", Host="127.0.0.1", Port=database.port,
        MasterUsername="wrong", MasterUserPassword="wrong-first",
    )

    def status():
        shown = own.call(server, "DescribeDatabases", DatabaseId="wrong")["Databases"][0]
        return shown["MasterUserSecret"]["SecretStatus"] == "impaired"

    until(status)
    secret = made["Database"]["MasterUserSecret"]["SecretArn"]
    code, message = refused(own_sm.rotate_secret, SecretId=secret)
    assert "will be reattempted" in message
    own.call(server, "DeregisterDatabase", DatabaseId="wrong")
    assert database.login("wrong", "another"), "nothing was changed in the database"
