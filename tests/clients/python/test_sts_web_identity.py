"""AssumeRoleWithWebIdentity with an identity provider that runs in the test."""

import datetime
import json
import time

import boto3
import pytest

from checks import refused
from conftest import REGION
from providers import Key, Provider
from roles import CONFIG, client, make_iam, policy, record_of

NO_KEY = ("Couldn't retrieve verification key from your identity provider,  please reference "
          "AssumeRoleWithWebIdentity documentation for requirements")
NOT_ALLOWED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"


@pytest.fixture(scope="module")
def iam():
    return make_iam()


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Three keys."""
    directory = tmp_path_factory.mktemp("keys")
    return [Key(directory, name) for name in ("one", "two", "three")]


@pytest.fixture
def mark(prefix):
    return prefix.rstrip("/")


@pytest.fixture
def provider(iam, keys):
    """A provider that IAM knows, with the client id `app`."""
    provider = Provider(keys[0])
    made = iam.create_open_id_connect_provider(Url=provider.issuer, ClientIDList=["app", "sts.amazonaws.com"])
    provider.arn = made["OpenIDConnectProviderArn"]
    yield provider
    provider.close()
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider.arn)


def trusting_tokens(provider, *further, **conditions):
    """A trust policy for tokens of the provider."""
    statement = {"Effect": "Allow", "Principal": {"Federated": provider.arn},
                 "Action": ["sts:AssumeRoleWithWebIdentity", *further]}
    if conditions:
        statement["Condition"] = conditions
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def make_role(iam, mark, secret):
    """Makes a role that may read the secret of the test: its description."""
    def make(document, name="role"):
        made = iam.create_role(RoleName=f"{mark}-{name}", AssumeRolePolicyDocument=document)["Role"]
        may = policy("secretsmanager:GetSecretValue", resource=secret["ARN"])
        iam.put_role_policy(RoleName=made["RoleName"], PolicyName="may", PolicyDocument=may)
        return made
    return make


@pytest.fixture
def role(provider, make_role):
    """A role for tokens of the client `app`."""
    return make_role(trusting_tokens(provider, StringEquals={f"{provider.name}:aud": "app"}))


def assume(role, token, **options):
    return client("sts").assume_role_with_web_identity(
        RoleArn=role["Arn"], RoleSessionName="session", WebIdentityToken=token, **options)


def test_a_token_becomes_a_session(provider, role, name, secret, prefix, sm):
    sm.create_secret(Name=prefix + "other", SecretString="hidden")
    answer = assume(role, provider.token(), DurationSeconds=900)
    arn = role["Arn"].replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/session"
    assert answer["AssumedRoleUser"] == {"AssumedRoleId": f"{role['RoleId']}:session", "Arn": arn}
    assert (answer["SubjectFromWebIdentityToken"], answer["Audience"]) == ("someone", "app")
    assert answer["Provider"] == provider.issuer
    ends = answer["Credentials"]["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert abs(ends.total_seconds() - 900) < 120
    session = answer["Credentials"]
    assert client("sts", session).get_caller_identity()["Arn"] == arn
    reader = client("secretsmanager", session)
    assert reader.get_secret_value(SecretId=name)["SecretString"] == "first"
    for other in (prefix + "other", prefix + "absent"):
        with refused("AccessDeniedException"):
            reader.get_secret_value(SecretId=other)
    with refused("AccessDeniedException"):
        reader.put_secret_value(SecretId=name, SecretString="second")
    record = record_of(answer["ResponseMetadata"]["RequestId"])
    assert record["userIdentity"]["type"] == "WebIdentityUser"
    assert record["userIdentity"]["userName"] == "someone"
    assert record["userIdentity"]["identityProvider"] == provider.issuer
    assert session["SecretAccessKey"] not in json.dumps(record)


def test_the_provider_is_asked_once(provider, role):
    for subject in ("one", "two", "three"):
        assume(role, provider.token(sub=subject))
    assert provider.asked == ["/.well-known/openid-configuration", "/keys"]


def test_tokens_for_others(provider, role):
    with refused("InvalidIdentityToken", "Incorrect token audience"):
        assume(role, provider.token(aud="another"))
    with refused("InvalidIdentityToken", "Incorrect token audience"):
        assume(role, provider.token(aud=["app", "sts.amazonaws.com"]))
    # A client of the provider, but none that the role trusts.
    with refused("AccessDenied", NOT_ALLOWED, 403):
        assume(role, provider.token(aud="sts.amazonaws.com"))
    for missing in ("aud", "sub", "exp"):
        with refused("InvalidIdentityToken", f"Missing a required claim: {missing}"):
            assume(role, provider.token(**{missing: None}))


def test_tokens_of_others(iam, provider, role, keys):
    other = Provider(keys[0])
    with refused("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {other.issuer}"):
        assume(role, other.token())
    made = iam.create_open_id_connect_provider(Url=other.issuer, ClientIDList=["app"])["OpenIDConnectProviderArn"]
    with refused("AccessDenied", NOT_ALLOWED, 403):
        assume(role, other.token())
    other.close()
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=made)


def test_what_is_no_token(role):
    text = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
    for wrong in ("nothing", "a.b.c", "x" * 100):
        with refused("InvalidIdentityToken", text):
            assume(role, wrong)


def test_a_subject_of_choice(provider, make_role):
    role = make_role(trusting_tokens(
        provider, StringEquals={f"{provider.name}:sub": "repo:team/app:ref:refs/heads/main"}))
    assume(role, provider.token(sub="repo:team/app:ref:refs/heads/main"))
    for other in ("repo:team/app:ref:refs/heads/mainly", "REPO:team/app:ref:refs/heads/main"):
        with refused("AccessDenied", NOT_ALLOWED, 403):
            assume(role, provider.token(sub=other))
    absent = {"Arn": role["Arn"] + "x"}
    with refused("AccessDenied", NOT_ALLOWED, 403):
        assume(absent, provider.token())


def test_tokens_whose_time_is_over_or_to_come(provider, role):
    now = int(time.time())
    with refused("ExpiredTokenException") as refusal:
        assume(role, provider.token(iat=now - 7200, exp=now - 3600))
    assert refusal.text.startswith("Token expired: current date/time ")
    assert refusal.text.endswith(f" must be before the expiration date/time {now - 3600}")
    with refused("InvalidIdentityToken"):
        assume(role, provider.token(nbf=now + 3600, exp=now + 7200))


def test_a_signature_of_another_key(provider, role, keys):
    assume(role, provider.token())
    with refused("InvalidIdentityToken"):
        assume(role, provider.token(key=keys[1], key_name=keys[0].name))
    token = provider.token()
    header, claims, signature = token.split(".")
    other = provider.token(sub="another").split(".")[1]
    with refused("InvalidIdentityToken"):
        assume(role, ".".join([header, other, signature]))
    assume(role, token)


def test_a_provider_exchanges_its_keys(provider, role, keys):
    assume(role, provider.token())
    # Nobody has this key yet: the provider is asked again, in vain, and then not within the next minute.
    provider.keys = [keys[1]]
    old = provider.token(key=keys[0])
    assume(role, old)
    assume(role, provider.token())
    assert len(provider.asked) == 4, "an unknown key has the keys read again"
    with refused("InvalidIdentityToken", NO_KEY):
        assume(role, old)
    provider.keys = [keys[2]]
    with refused("InvalidIdentityToken", NO_KEY):
        assume(role, provider.token())
    assert len(provider.asked) == 4, "once a minute at most"


def test_an_unknown_key(provider, role, keys):
    with refused("InvalidIdentityToken", NO_KEY):
        assume(role, provider.token(key=keys[1]))
    assume(role, provider.token())


def test_providers_that_cannot_be_used(iam, keys, make_role):
    gone, liar = Provider(keys[0]), Provider(keys[0])
    gone.close()
    liar.claimed_issuer = "http://127.0.0.1:1"
    for provider, code, text in [
        (gone, "IDPCommunicationError", "The identity provider could not be reached"),
        (liar, "InvalidIdentityToken", NO_KEY),
    ]:
        made = iam.create_open_id_connect_provider(Url=provider.issuer, ClientIDList=["app"])
        provider.arn = made["OpenIDConnectProviderArn"]
        role = make_role(trusting_tokens(provider), provider.name.replace(":", "-"))
        with refused(code, text):
            assume(role, provider.token())
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider.arn)
    liar.close()


def test_keys_outlast_the_provider(provider, role):
    assume(role, provider.token())
    provider.server.shutdown()
    provider.server.server_close()
    assume(role, provider.token())


def test_a_service_account_of_kubernetes(provider, make_role, name):
    account = "system:serviceaccount:shop:payments"
    role = make_role(trusting_tokens(provider, StringEquals={
        f"{provider.name}:sub": account, f"{provider.name}:aud": "sts.amazonaws.com"}))
    cluster = {"namespace": "shop", "serviceaccount": {"name": "payments", "uid": "0b9c0a3e"},
               "pod": {"name": "payments-0", "uid": "5c1f7a52"}}
    claims = {"aud": ["sts.amazonaws.com"], "kubernetes.io": cluster, "nbf": int(time.time())}
    session = assume(role, provider.token(sub=account, **claims))["Credentials"]
    assert client("secretsmanager", session).get_secret_value(SecretId=name)["SecretString"] == "first"
    with refused("AccessDenied", NOT_ALLOWED, 403):
        assume(role, provider.token(sub="system:serviceaccount:shop:default", **claims))
    with refused("AccessDenied", NOT_ALLOWED, 403):
        assume(role, provider.token(sub=account, **{**claims, "aud": ["app"]}))


def test_tags_and_source_identity_of_a_token(provider, make_role, secret, name, sm, iam):
    role = make_role(trusting_tokens(provider, "sts:TagSession", "sts:SetSourceIdentity"))
    iam.put_role_policy(RoleName=role["RoleName"], PolicyName="may", PolicyDocument=policy(
        "secretsmanager:GetSecretValue",
        StringEquals={"secretsmanager:ResourceTag/team": "${aws:PrincipalTag/team}"}))
    sm.tag_resource(SecretId=name, Tags=[{"Key": "team", "Value": "red"}])
    for team, allowed in (("red", True), ("blue", False)):
        tags = {"principal_tags": {"team": [team]}}
        answer = assume(role, provider.token(**{
            "https://aws.amazon.com/tags": tags, "https://aws.amazon.com/source_identity": "someone"}))
        assert answer["SourceIdentity"] == "someone"
        reader = client("secretsmanager", answer["Credentials"])
        if allowed:
            assert reader.get_secret_value(SecretId=name)["SecretString"] == "first"
        else:
            with refused("AccessDeniedException"):
                reader.get_secret_value(SecretId=name)


def test_a_session_policy_narrows(provider, role, name):
    session = assume(role, provider.token(), Policy=policy("secretsmanager:DescribeSecret"))["Credentials"]
    with refused("AccessDeniedException"):
        client("secretsmanager", session).get_secret_value(SecretId=name)


def test_boto3_finds_and_refreshes_credentials_by_itself(provider, make_role, name, tmp_path, monkeypatch):
    role = make_role(trusting_tokens(provider, StringLike={f"{provider.name}:sub": "pod-*"}))
    file = tmp_path / "token"
    file.write_text(provider.token(sub="pod-1"))
    for variable, value in [("AWS_WEB_IDENTITY_TOKEN_FILE", str(file)), ("AWS_ROLE_ARN", role["Arn"]),
                            ("AWS_ROLE_SESSION_NAME", "pod")]:
        monkeypatch.setenv(variable, value)
    session = boto3.session.Session(region_name=REGION)
    credentials = session.get_credentials()
    assert credentials.method == "assume-role-with-web-identity"
    reader = session.client("secretsmanager", config=CONFIG)
    assert reader.get_secret_value(SecretId=name)["SecretString"] == "first"
    first = credentials.get_frozen_credentials()
    assert record_of(first.access_key)["userIdentity"]["userName"] == "pod-1"
    assert session.client("sts", config=CONFIG).get_caller_identity()["Arn"].endswith("/pod")
    # Another token takes the place of the first, as the kubelet does it; the credentials are near their end, and what
    # botocore remembers of them too.
    file.write_text(provider.token(sub="pod-2"))
    credentials._refresh_using.__self__._cache.clear()
    credentials._expiry_time = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=1)
    assert reader.get_secret_value(SecretId=name)["SecretString"] == "first"
    second = credentials.get_frozen_credentials()
    assert first.access_key != second.access_key
    assert record_of(second.access_key)["userIdentity"]["userName"] == "pod-2"
