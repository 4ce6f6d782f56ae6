"""The seven filter keys of ListSecrets: matching, case, negation, and how filters and values combine."""

import re
import uuid

import pytest

from checks import refused

SET = {
    "Alpha/db": {"Description": "Database password for billing", "Tags": {"Team": "Payments", "env": "prod"}},
    "alpha/web": {"Description": "Web session key", "Tags": {"Team": "Platform", "env": "prod"}},
    "alpha/mail": {"Description": "MAIL relay, old", "Tags": {"team": "payments", "env": "test"}},
    "beta/creds": {"Description": "holds credsDatabase#892 only", "Tags": {"owner": "x@y.z"}},
    "beta/plain": {},
}


@pytest.fixture(scope="module")
def held(sm):
    """The secrets of SET, once for all tests here: the start of their names."""
    # Letters alone: `all` breaks words between letters and digits, and chance must not make a word of SET.
    start = "flt" + uuid.uuid4().hex[:16].translate(str.maketrans("0123456789", "ghijklqrsv")) + "/"
    for name, more in SET.items():
        described = {"Description": more["Description"]} if "Description" in more else {}
        tags = [{"Key": key, "Value": value} for key, value in more.get("Tags", {}).items()]
        sm.create_secret(Name=start + name, SecretString="v", Tags=tags, **described)
    return start


def found(sm, held, *filters):
    """The names of SET that the filters leave, in order."""
    wanted = [{"Key": "name", "Values": [held]}, *({"Key": key, "Values": list(values)} for key, *values in filters)]
    names, more = [], {}
    while True:
        answer = sm.list_secrets(Filters=wanted, SortBy="name", SortOrder="asc", **more)
        names += [entry["Name"].removeprefix(held) for entry in answer["SecretList"]]
        if "NextToken" not in answer:
            return names
        more = {"NextToken": answer["NextToken"]}


ALL = sorted(SET)


@pytest.mark.parametrize(
    "rest, expected",
    [("", ALL), ("alpha", ["alpha/mail", "alpha/web"]), ("Alpha", ["Alpha/db"]), ("ALPHA", []), ("alpha/web", ["alpha/web"]),
     ("beta/", ["beta/creds", "beta/plain"]), ("web", []), ("alpha/webs", [])],
)
def test_name_is_a_prefix_with_case(sm, held, rest, expected):
    assert found(sm, held, ("name", held + rest)) == expected


def test_name_from_the_middle_finds_nothing(sm, held):
    assert found(sm, held, ("name", "alpha")) == []


@pytest.mark.parametrize(
    "value, expected",
    [("Team", ["Alpha/db", "alpha/web"]), ("team", ["alpha/mail"]), ("Te", ["Alpha/db", "alpha/web"]), ("TEAM", []),
     ("env", ["Alpha/db", "alpha/mail", "alpha/web"]), ("eam", []), ("owner", ["beta/creds"])],
)
def test_tag_key_is_a_prefix_with_case(sm, held, value, expected):
    assert found(sm, held, ("tag-key", value)) == expected


@pytest.mark.parametrize(
    "value, expected",
    [("P", ["Alpha/db", "alpha/web"]), ("Pay", ["Alpha/db"]), ("pay", ["alpha/mail"]),
     ("p", ["Alpha/db", "alpha/mail", "alpha/web"]), ("prod", ["Alpha/db", "alpha/web"]), ("PROD", []), ("ments", []),
     ("x@y.z", ["beta/creds"])],
)
def test_tag_value_is_a_prefix_with_case(sm, held, value, expected):
    assert found(sm, held, ("tag-value", value)) == expected


@pytest.mark.parametrize(
    "value, expected",
    [("billing", ["Alpha/db"]), ("BILLING", ["Alpha/db"]), ("mail", ["alpha/mail"]), ("Database", ["Alpha/db"]),
     ("key", ["alpha/web"]), ("atabase", []), ("nowhere", [])],
)
def test_description_is_by_word_without_case(sm, held, value, expected):
    names = [name for name in found(sm, held, ("description", value)) if name != "beta/creds"]
    assert names == expected


@pytest.mark.parametrize("value", ["us", "us-east-1", "eu"])
def test_no_secret_has_a_primary_region(sm, held, value):
    assert found(sm, held, ("primary-region", value)) == []


@pytest.mark.parametrize("value", ["rds", "RDS", "ecs-sc"])
def test_no_secret_has_an_owning_service(sm, held, value):
    assert found(sm, held, ("owning-service", value)) == []


@pytest.mark.parametrize(
    "value, expected",
    [("creds", ["beta/creds"]), ("Database", ["Alpha/db", "beta/creds"]), ("database", ["Alpha/db", "beta/creds"]),
     ("DATABASE", ["Alpha/db", "beta/creds"]), ("892", ["beta/creds"]), ("data", ["Alpha/db", "beta/creds"]),
     ("atabase", []), ("credsDatabase892", ["beta/creds"]), ("credsDatabase", ["beta/creds"]),
     ("payments", ["Alpha/db", "alpha/mail"]), ("TEAM", ["Alpha/db", "alpha/mail", "alpha/web"]), ("owner", ["beta/creds"]),
     ("billing password", ["Alpha/db"]), ("plain", ["beta/plain"]), ("mail", ["alpha/mail"]), ("nowhere", [])],
)
def test_all_looks_at_words_everywhere_without_case(sm, held, value, expected):
    assert found(sm, held, ("all", value)) == expected


@pytest.mark.parametrize(
    "key, value, without",
    [("name", "alpha", ["alpha/mail", "alpha/web"]), ("tag-key", "Team", ["Alpha/db", "alpha/web"]),
     ("tag-key", "team", ["alpha/mail"]), ("tag-value", "prod", ["Alpha/db", "alpha/web"]),
     ("description", "BILLING", ["Alpha/db"]), ("all", "payments", ["Alpha/db", "alpha/mail"])],
)
def test_negation(sm, held, key, value, without):
    start = held if key == "name" else ""
    assert found(sm, held, (key, f"!{start}{value}")) == [name for name in ALL if name not in without]


def test_negation_of_several_is_none_of_them(sm, held):
    assert found(sm, held, ("tag-key", "!Team", "!owner")) == ["alpha/mail", "beta/plain"]


def test_values_are_alternatives(sm, held):
    assert found(sm, held, ("name", held + "Alpha", held + "beta/c")) == ["Alpha/db", "beta/creds"]
    assert found(sm, held, ("tag-value", "Payments", "test")) == ["Alpha/db", "alpha/mail"]


def test_filters_must_all_hold(sm, held):
    assert found(sm, held, ("tag-key", "Team"), ("tag-value", "Plat")) == ["alpha/web"]
    assert found(sm, held, ("tag-key", "env"), ("tag-key", "!Team"), ("all", "relay")) == ["alpha/mail"]
    assert found(sm, held, ("tag-key", "owner"), ("tag-value", "prod")) == []


def test_changed_tags_and_words_are_found_at_once(sm, held):
    secret = held + "beta/plain"
    sm.tag_resource(SecretId=secret, Tags=[{"Key": "fresh", "Value": "paint"}])
    sm.update_secret(SecretId=secret, Description="wet")
    assert found(sm, held, ("tag-key", "fresh")) == found(sm, held, ("description", "wet")) == ["beta/plain"]
    sm.untag_resource(SecretId=secret, TagKeys=["fresh"])
    sm.update_secret(SecretId=secret, Description="dry")
    assert found(sm, held, ("tag-key", "fresh")) == found(sm, held, ("description", "wet")) == []


def test_ten_filters_of_ten_values(sm, held):
    values = [f"value{number}" for number in range(9)] + [held]
    answer = sm.list_secrets(Filters=[{"Key": "name", "Values": values}] * 10)
    assert len(answer["SecretList"]) == len(SET)


def test_an_unknown_key(sm):
    with refused("ValidationException") as refusal:
        sm.list_secrets(Filters=[{"Key": "colour", "Values": ["x"]}])
    match = re.search(
        r"1 validation error detected: Value 'colour' at 'filters\.1\.member\.key' failed to satisfy constraint: "
        r"Member must satisfy enum value set: \[(.*)\]", refusal.text)
    assert match, refusal.text
    keys = {"description", "name", "tag-key", "tag-value", "primary-region", "owning-service", "all"}
    assert set(match.group(1).split(", ")) == keys


@pytest.mark.parametrize(
    "filters, path, phrase",
    [([{"Key": "name", "Values": ["x"]}] * 11, "filters", "length less than or equal to 10"),
     ([{"Key": "name", "Values": ["x"] * 11}], "filters.1.member.values", "length less than or equal to 10"),
     ([{"Key": "name", "Values": ["x"]}, {"Key": "all", "Values": ["ok", "x" * 513]}], "filters.2.member.values",
      "length less than or equal to 512"),
     ([{"Key": "name", "Values": ["a;b"]}], "filters.1.member.values", "regular expression pattern: ")],
    ids=["filters", "values", "length", "pattern"],
)
def test_limits(loose, filters, path, phrase):
    with refused("ValidationException") as refusal:
        loose.list_secrets(Filters=filters)
    assert f"at '{path}" in refusal.text
    assert phrase in refusal.text


@pytest.mark.parametrize("filters", [[{"Key": "name", "Values": []}], [{"Key": "name"}], [{"Values": ["x"]}], [{}]])
def test_half_a_filter(loose, filters):
    with refused(("InvalidParameterException", "ValidationException")):
        loose.list_secrets(Filters=filters)


@pytest.mark.parametrize("member, value", [("SortBy", "colour"), ("SortOrder", "sideways")])
def test_unknown_orders(sm, member, value):
    path = member[0].lower() + member[1:]
    text = re.compile(rf"Value '{value}' at '{path}' failed to satisfy constraint: Member must satisfy enum value set: \[")
    with refused("ValidationException", text):
        sm.list_secrets(**{member: value})
