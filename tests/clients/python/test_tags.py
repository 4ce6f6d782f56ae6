"""TagResource and UntagResource: overwriting, removing, limits and reserved keys."""

import pytest

from checks import NOT_FOUND, body, refused

REFUSED = ("InvalidParameterException", "InvalidRequestException", "ValidationException", "LimitExceededException")


def tags(sm, name):
    """The tags of a secret. A key shows once."""
    shown = sm.describe_secret(SecretId=name).get("Tags", [])
    assert len(shown) == len({tag["Key"] for tag in shown})
    return {tag["Key"]: tag["Value"] for tag in shown}


def pairs(**wanted):
    return [{"Key": key, "Value": value} for key, value in wanted.items()]


def test_tagging(sm, secret, name):
    answer = sm.tag_resource(SecretId=name, Tags=pairs(a="1", b=""))
    assert body(answer) == {}
    sm.tag_resource(SecretId=secret["ARN"], Tags=pairs(b="2", c="3"))
    assert tags(sm, name) == {"a": "1", "b": "2", "c": "3"}


def test_untagging(sm, secret, name):
    sm.tag_resource(SecretId=name, Tags=pairs(a="1", b="2", c="3"))
    answer = sm.untag_resource(SecretId=name, TagKeys=["a", "absent"])
    assert body(answer) == {}
    assert tags(sm, name) == {"b": "2", "c": "3"}
    sm.untag_resource(SecretId=secret["ARN"], TagKeys=["b", "c"])
    assert "Tags" not in sm.describe_secret(SecretId=name)


def test_keys_may_not_differ_in_case_alone(sm, secret, name):
    with refused(REFUSED):
        sm.tag_resource(SecretId=name, Tags=pairs(key="lower", KEY="upper"))
    with refused(REFUSED):
        sm.create_secret(Name=name + "-b", Tags=pairs(key="lower", KEY="upper"))
    sm.tag_resource(SecretId=name, Tags=pairs(key="lower"))
    with refused(REFUSED):
        sm.tag_resource(SecretId=name, Tags=pairs(KEY="upper"))
    sm.untag_resource(SecretId=name, TagKeys=["Key"])
    assert tags(sm, name) == {"key": "lower"}


def test_any_text(sm, secret, name):
    wanted = {"k" * 128: "v" * 256, "Ümläut 秘密": "a b:c/d=e+f-g@h_i.j", "with space": " "}
    sm.tag_resource(SecretId=name, Tags=[{"Key": key, "Value": value} for key, value in wanted.items()])
    assert tags(sm, name) == wanted


def test_fifty_and_no_more(sm, secret, name):
    sm.tag_resource(SecretId=name, Tags=pairs(**{f"k{number}": "v" for number in range(50)}))
    with refused(REFUSED):
        sm.tag_resource(SecretId=name, Tags=pairs(one_more="v"))
    assert len(tags(sm, name)) == 50
    sm.tag_resource(SecretId=name, Tags=pairs(k0="overwritten"))
    assert tags(sm, name)["k0"] == "overwritten"
    sm.untag_resource(SecretId=name, TagKeys=["k1"])
    sm.tag_resource(SecretId=name, Tags=pairs(one_more="v"))
    assert len(tags(sm, name)) == 50


@pytest.mark.parametrize("key", ["aws:", "aws:cloudformation:stack-name"])
def test_reserved_keys(sm, secret, name, key):
    with refused(REFUSED):
        sm.tag_resource(SecretId=name, Tags=[{"Key": "fine", "Value": "v"}, {"Key": key, "Value": "v"}])
    assert tags(sm, name) == {}


def test_a_key_twice(sm, secret, name):
    with refused(REFUSED):
        sm.tag_resource(SecretId=name, Tags=[{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}])
    assert tags(sm, name) == {}


@pytest.mark.parametrize(
    "tag, path, phrase",
    [({"Key": "k" * 129, "Value": "v"}, "tags.1.member.key", "length less than or equal to 128"),
     ({"Key": "", "Value": "v"}, "tags.1.member.key", "length greater than or equal to 1"),
     ({"Key": "k", "Value": "v" * 257}, "tags.1.member.value", "length less than or equal to 256")],
)
def test_lengths(loose, secret, name, tag, path, phrase):
    with refused("ValidationException") as refusal:
        loose.tag_resource(SecretId=name, Tags=[tag])
    assert f"at '{path}' failed to satisfy constraint: Member must have {phrase}" in refusal.text
    assert tags(loose, name) == {}


def test_tags_must_be_a_list(endpoint, secret, name):
    answer = endpoint.call("TagResource", {"SecretId": name, "Tags": {"Key": "k", "Value": "v"}})
    assert (answer.status, answer.code) == (400, "SerializationException"), answer


def test_no_such_secret(sm, name):
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.tag_resource(SecretId=name, Tags=pairs(a="1"))
    with refused("ResourceNotFoundException", NOT_FOUND):
        sm.untag_resource(SecretId=name, TagKeys=["a"])


def test_tags_are_no_versions(sm, secret, name):
    sm.tag_resource(SecretId=name, Tags=pairs(a="1"))
    assert sm.describe_secret(SecretId=name)["VersionIdsToStages"] == {secret["VersionId"]: ["AWSCURRENT"]}
