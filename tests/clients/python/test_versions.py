"""ListSecretVersionIds and DescribeSecret: which versions they show, and pages of versions."""

import pytest

from checks import MARKED, NOT_FOUND, body, refused


@pytest.fixture
def history(sm, secret, name):
    """A secret with six versions, of which the first three have no label: their ids, oldest first."""
    ids = [secret["VersionId"]]
    for number in range(4):
        ids.append(sm.put_secret_value(SecretId=name, SecretString=f"v{number}")["VersionId"])
    ids.append(sm.put_secret_value(SecretId=name, SecretBinary=b"blue", VersionStages=["BLUE"])["VersionId"])
    return ids


def versions(sm, name, **request):
    """All versions, through all pages."""
    found, more = [], {}
    for _ in range(20):
        answer = sm.list_secret_version_ids(SecretId=name, **request, **more)
        assert len(answer["Versions"]) <= request.get("MaxResults", 100)
        assert answer["Name"] == name
        found += answer["Versions"]
        if "NextToken" not in answer:
            assert len({version["VersionId"] for version in found}) == len(found)
            return found
        more = {"NextToken": answer["NextToken"]}
    raise AssertionError("the pages do not end")


def test_labelled_versions(sm, history, name):
    shown = {version["VersionId"]: version["VersionStages"] for version in versions(sm, name)}
    assert shown == {history[3]: ["AWSPREVIOUS"], history[4]: ["AWSCURRENT"], history[5]: ["BLUE"]}
    assert versions(sm, name, IncludeDeprecated=False) == versions(sm, name)


def test_deprecated_versions_too(sm, history, name):
    shown = {version["VersionId"]: version.get("VersionStages") for version in versions(sm, name, IncludeDeprecated=True)}
    assert set(shown) == set(history)
    assert not any(shown[version] for version in history[:3])


def test_a_version(sm, history, name):
    (current,) = [one for one in versions(sm, name) if one["VersionId"] == history[4]]
    assert set(current) == {"VersionId", "VersionStages", "CreatedDate", "KmsKeyIds"}
    assert len(current["KmsKeyIds"]) == 1
    described = sm.describe_secret(SecretId=name)
    assert described["CreatedDate"] <= current["CreatedDate"] <= described["LastChangedDate"]


def test_the_whole_answer(sm, secret, name):
    answer = body(sm.list_secret_version_ids(SecretId=secret["ARN"]))
    assert set(answer) == {"ARN", "Name", "Versions"}
    assert (answer["ARN"], answer["Name"]) == (secret["ARN"], name)


@pytest.mark.parametrize("size", [1, 2, 4, 6, 100])
def test_pages(sm, history, name, size):
    paged = versions(sm, name, IncludeDeprecated=True, MaxResults=size)
    assert paged == versions(sm, name, IncludeDeprecated=True)


def test_tokens_of_nobody_or_of_another_secret(sm, history, name, prefix):
    with refused("InvalidNextTokenException"):
        sm.list_secret_version_ids(SecretId=name, NextToken="bm8gdG9rZW4=")
    token = sm.list_secret_version_ids(SecretId=name, MaxResults=1)["NextToken"]
    sm.create_secret(Name=prefix + "other", SecretString="v")
    with refused("InvalidNextTokenException"):
        sm.list_secret_version_ids(SecretId=prefix + "other", NextToken=token)
    with refused("InvalidNextTokenException"):
        sm.list_secret_version_ids(SecretId=name, IncludeDeprecated=True, NextToken=token)


@pytest.mark.parametrize("size, phrase", [(0, "greater than or equal to 1"), (101, "less than or equal to 100")])
def test_page_sizes(loose, secret, name, size, phrase):
    text = (f"1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: "
            f"Member must have value {phrase}")
    with refused("ValidationException", text):
        loose.list_secret_version_ids(SecretId=name, MaxResults=size)


def test_no_such_secret(sm, name):
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.list_secret_version_ids(SecretId=name)
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.describe_secret(SecretId=name)


def test_marked_for_deletion(sm, secret, name):
    sm.delete_secret(SecretId=name)
    with refused("InvalidRequestException", MARKED):
        sm.list_secret_version_ids(SecretId=name)
    shown = sm.describe_secret(SecretId=name)
    assert shown["DeletedDate"]
    assert shown["VersionIdsToStages"] == {secret["VersionId"]: ["AWSCURRENT"]}


def test_describe_shows_labelled_versions_only(sm, history, name):
    shown = sm.describe_secret(SecretId=name)["VersionIdsToStages"]
    assert shown == {history[3]: ["AWSPREVIOUS"], history[4]: ["AWSCURRENT"], history[5]: ["BLUE"]}


def test_describe_by_every_kind_of_id(sm, secret, name):
    described = [body(sm.describe_secret(SecretId=one)) for one in (name, secret["ARN"], secret["ARN"][:-7])]
    assert described[0] == described[1] == described[2]
    assert set(described[0]) == {"ARN", "Name", "CreatedDate", "LastChangedDate", "VersionIdsToStages"}


def test_the_last_change_moves(sm, secret, name):
    changes = [
        lambda: sm.put_secret_value(SecretId=name, SecretString="v"),
        lambda: sm.update_secret(SecretId=name, Description="d"),
        lambda: sm.tag_resource(SecretId=name, Tags=[{"Key": "k", "Value": "v"}]),
    ]
    before = sm.describe_secret(SecretId=name)
    for change in changes:
        change()
        after = sm.describe_secret(SecretId=name)
        assert after["LastChangedDate"] >= before["LastChangedDate"]
        assert after["CreatedDate"] == before["CreatedDate"]
        before = after
