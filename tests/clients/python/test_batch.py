"""BatchGetSecretValue: by list, by filters, errors beside values, and pages."""

import pytest

from checks import MARKED, NOT_FOUND, body, refused


@pytest.fixture
def five(sm, prefix):
    """Five secrets, the last one binary: name to ARN."""
    made = {}
    for number in range(5):
        value = {"SecretBinary": b"\x00v4"} if number == 4 else {"SecretString": f"v{number}"}
        tags = [{"Key": "half", "Value": "low" if number < 2 else "high"}]
        made[f"{prefix}{number}"] = sm.create_secret(Name=f"{prefix}{number}", Tags=tags, **value)["ARN"]
    return made


def values(answer):
    """Name to value."""
    return {one["Name"]: one.get("SecretString", one.get("SecretBinary")) for one in answer["SecretValues"]}


def wanted(five):
    return {name: b"\x00v4" if name.endswith("4") else "v" + name[-1] for name in five}


def test_by_names(sm, five):
    answer = sm.batch_get_secret_value(SecretIdList=list(five))
    assert values(answer) == wanted(five)
    assert not answer.get("Errors")
    assert "NextToken" not in answer


def test_each_value_is_as_get_tells_it(sm, five):
    for one in sm.batch_get_secret_value(SecretIdList=list(five.values()))["SecretValues"]:
        got = body(sm.get_secret_value(SecretId=one["ARN"]))
        assert one == got


def test_errors_stand_beside_values(sm, five, empty, prefix):
    names = list(five)
    sm.delete_secret(SecretId=names[0])
    asked = [names[0], names[1], prefix + "missing", empty["Name"]]
    answer = sm.batch_get_secret_value(SecretIdList=asked)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert list(values(answer)) == [names[1]]
    errors = {error["SecretId"]: (error["ErrorCode"], error["Message"]) for error in answer["Errors"]}
    assert errors[prefix + "missing"] == ("ResourceNotFoundException", NOT_FOUND)
    assert errors[names[0]] == ("InvalidRequestException", MARKED)
    assert errors[empty["Name"]] == (
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
    )
    assert len(answer["Errors"]) == 3


def test_nothing_but_errors(sm, name):
    answer = sm.batch_get_secret_value(SecretIdList=[name])
    assert answer["SecretValues"] == []
    assert [error["ErrorCode"] for error in answer["Errors"]] == ["ResourceNotFoundException"]


def test_always_current(sm, five):
    name = next(iter(five))
    sm.put_secret_value(SecretId=name, SecretString="blue", VersionStages=["BLUE"])
    sm.put_secret_value(SecretId=name, SecretString="newer")
    answer = sm.batch_get_secret_value(SecretIdList=[name])
    assert values(answer) == {name: "newer"}
    assert answer["SecretValues"][0]["VersionStages"] == ["AWSCURRENT"]


def test_by_filters(sm, five, prefix):
    answer = sm.batch_get_secret_value(Filters=[{"Key": "name", "Values": [prefix]}])
    assert values(answer) == wanted(five)


def test_filters_are_anded(sm, five, prefix):
    filters = [{"Key": "name", "Values": [prefix]}, {"Key": "tag-value", "Values": ["low"]}]
    answer = sm.batch_get_secret_value(Filters=filters)
    assert sorted(values(answer)) == [prefix + "0", prefix + "1"]


def test_pages(sm, five, prefix):
    filters = [{"Key": "name", "Values": [prefix]}]
    seen, more, pages = {}, {}, 0
    while True:
        answer = sm.batch_get_secret_value(Filters=filters, MaxResults=2, **more)
        assert len(answer["SecretValues"]) <= 2
        assert not set(seen) & set(values(answer))
        seen.update(values(answer))
        pages += 1
        if "NextToken" not in answer:
            break
        more = {"NextToken": answer["NextToken"]}
        assert pages < 10
    assert seen == wanted(five)


def test_twenty_ids(sm, five):
    names = (list(five) * 4)[:20]
    answer = sm.batch_get_secret_value(SecretIdList=names)
    assert values(answer) == wanted(five)


def test_twenty_one_ids(loose, prefix):
    with refused("ValidationException") as refusal:
        loose.batch_get_secret_value(SecretIdList=[f"{prefix}{number}" for number in range(21)])
    assert "'secretIdList' failed to satisfy constraint: Member must have length less than or equal to 20" in refusal.text


def test_both_selectors(sm, five, prefix):
    with refused("InvalidParameterException", "Either 'SecretIdList' or 'Filters' must be provided, but not both."):
        sm.batch_get_secret_value(SecretIdList=list(five), Filters=[{"Key": "name", "Values": [prefix]}])


def test_neither_selector(sm):
    with refused("InvalidParameterException"):
        sm.batch_get_secret_value()


def test_a_page_size_needs_filters(sm, five):
    text = "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided."
    with refused("InvalidParameterException", text):
        sm.batch_get_secret_value(SecretIdList=list(five), MaxResults=2)


@pytest.mark.parametrize("size, phrase", [(0, "greater than or equal to 1"), (21, "less than or equal to 20")])
def test_page_sizes(loose, prefix, size, phrase):
    with refused("ValidationException") as refusal:
        loose.batch_get_secret_value(Filters=[{"Key": "name", "Values": [prefix]}], MaxResults=size)
    assert f"Value '{size}' at 'maxResults' failed to satisfy constraint: Member must have value {phrase}" in refusal.text


def test_tokens_of_nobody_or_of_another_query(sm, five, prefix):
    filters = [{"Key": "name", "Values": [prefix]}]
    with refused("InvalidNextTokenException"):
        sm.batch_get_secret_value(Filters=filters, NextToken="bm8gdG9rZW4=")
    page = sm.batch_get_secret_value(Filters=filters, MaxResults=2)
    with refused("InvalidNextTokenException"):
        sm.batch_get_secret_value(Filters=[{"Key": "tag-value", "Values": ["high"]}], NextToken=page["NextToken"])


def test_reading_in_a_batch_is_reading(sm, five):
    name = next(iter(five))
    sm.batch_get_secret_value(SecretIdList=[name])
    assert "LastAccessedDate" in sm.describe_secret(SecretId=name)
