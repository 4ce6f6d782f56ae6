"""Identity providers of OpenID Connect."""

import pytest

from checks import refused
from roles import make_iam, pairs

THUMBPRINT = "6938fd4d98bab03faadb97b34396831e3780aea1"


@pytest.fixture(scope="module")
def iam():
    return make_iam()


@pytest.fixture
def url(prefix):
    return "idp.example.com:8443/" + prefix.rstrip("/")


@pytest.fixture
def arn(iam, url):
    arn = iam.create_open_id_connect_provider(Url="https://" + url, ClientIDList=["app"])["OpenIDConnectProviderArn"]
    yield arn
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


def shown(iam, arn):
    answer = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    del answer["ResponseMetadata"]
    return answer


def test_a_provider_from_making_to_removing(iam, url):
    made = iam.create_open_id_connect_provider(
        Url="https://" + url, ClientIDList=["one", "two", "one"], ThumbprintList=[THUMBPRINT], Tags=pairs(team="red")
    )
    arn = made["OpenIDConnectProviderArn"]
    assert arn.startswith("arn:aws:iam::") and arn.endswith(":oidc-provider/" + url)
    assert made["Tags"] == pairs(team="red")
    answer = shown(iam, arn)
    assert answer.pop("CreateDate")
    assert answer == {
        "Url": url, "ClientIDList": ["one", "two"], "ThumbprintList": [THUMBPRINT], "Tags": pairs(team="red")
    }
    with refused("EntityAlreadyExists", f"Provider with url https://{url} already exists.", 409):
        iam.create_open_id_connect_provider(Url="https://" + url)
    listed = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert {"Arn": arn} in listed
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert {"Arn": arn} not in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    with refused("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", 404):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)


@pytest.mark.parametrize(
    "wrong",
    ["idp.example.com", "ftp://idp.example.com", "http://idp.example.com", "http://192.0.2.1:8080", "https://",
     "https://user@idp.example.com", "https://idp.example.com/?a=b"],
)
def test_wrong_urls(iam, wrong):
    with refused("ValidationError", "Invalid Open ID Connect Provider URL"):
        iam.create_open_id_connect_provider(Url=wrong)


def test_client_ids(iam, arn):
    for client_id in ["added", "added", "app"]:
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=client_id)
    assert shown(iam, arn)["ClientIDList"] == ["app", "added"]
    for client_id in ["app", "absent"]:
        iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=client_id)
    assert shown(iam, arn)["ClientIDList"] == ["added"]


def test_a_hundred_client_ids_at_most(iam, url):
    quota = "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100"
    ids = [f"app{number}" for number in range(101)]
    with refused("LimitExceeded", quota, 409):
        iam.create_open_id_connect_provider(Url="https://" + url, ClientIDList=ids)
    made = iam.create_open_id_connect_provider(Url="https://" + url, ClientIDList=ids[:100])
    arn = made["OpenIDConnectProviderArn"]
    with refused("LimitExceeded", quota, 409):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=ids[100])
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=ids[0])
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


def test_thumbprints(iam, arn):
    assert shown(iam, arn)["ThumbprintList"] == []
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=[THUMBPRINT] * 5)
    assert shown(iam, arn)["ThumbprintList"] == [THUMBPRINT] * 5
    with refused("InvalidInput", "Thumbprint list must contain fewer than 5 entries."):
        iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=[THUMBPRINT] * 6)
    with refused("ValidationError"):
        make_iam(parameter_validation=False).update_open_id_connect_provider_thumbprint(
            OpenIDConnectProviderArn=arn, ThumbprintList=["short"]
        )
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=[THUMBPRINT])
    assert shown(iam, arn)["ThumbprintList"] == [THUMBPRINT]


def test_tags(iam, arn):
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=pairs(b="1", a="2"))
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["B"])
    answer = iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)
    assert (answer["Tags"], answer["IsTruncated"]) == (pairs(a="2"), False)


def test_wrong_arns(iam, arn):
    other = arn.replace("oidc-provider/", "role/")
    with refused("InvalidInput", f"ARN {other} is not valid."):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=other)
    absent = arn + "/absent"
    for call, rest in [
        (iam.get_open_id_connect_provider, {}),
        (iam.delete_open_id_connect_provider, {}),
        (iam.add_client_id_to_open_id_connect_provider, {"ClientID": "a"}),
        (iam.remove_client_id_from_open_id_connect_provider, {"ClientID": "a"}),
        (iam.update_open_id_connect_provider_thumbprint, {"ThumbprintList": [THUMBPRINT]}),
        (iam.tag_open_id_connect_provider, {"Tags": pairs(a="1")}),
        (iam.untag_open_id_connect_provider, {"TagKeys": ["a"]}),
        (iam.list_open_id_connect_provider_tags, {}),
    ]:
        with refused("NoSuchEntity", f"OpenIDConnect Provider not found for arn {absent}", 404):
            call(OpenIDConnectProviderArn=absent, **rest)
