"""ListSecrets: what an entry shows, orders, pages and page tokens."""

import datetime
import time

import pytest

from checks import body, is_whole_day, refused

KEYS = {"created-date": "CreatedDate", "last-changed-date": "LastChangedDate", "last-accessed-date": "LastAccessedDate",
        "name": "Name"}
EPOCH = datetime.datetime.fromtimestamp(0, datetime.timezone.utc)


@pytest.fixture
def seven(sm, prefix):
    """Seven secrets, made and changed in different orders: their names."""
    names = [prefix + letter for letter in "cagbEfD"]
    for name in names:
        sm.create_secret(Name=name, SecretString="v")
        time.sleep(0.003)
    for name in names[::3]:
        sm.update_secret(SecretId=name, Description="changed")
        time.sleep(0.003)
    return names


def only(prefix):
    return [{"Key": "name", "Values": [prefix]}]


def pages(sm, **request):
    """All pages, each checked for its size."""
    more = {}
    for _ in range(50):
        answer = sm.list_secrets(**request, **more)
        assert len(answer["SecretList"]) <= request.get("MaxResults", 100)
        yield answer["SecretList"]
        if "NextToken" not in answer:
            return
        more = {"NextToken": answer["NextToken"]}
    raise AssertionError("the pages do not end")


def listed(sm, **request):
    return [entry for page in pages(sm, **request) for entry in page]


def test_an_entry(sm, name):
    tags = [{"Key": "k", "Value": "v"}]
    made = sm.create_secret(Name=name, SecretString="v", Description="words", Tags=tags)
    sm.get_secret_value(SecretId=name)
    (entry,) = listed(sm, Filters=only(name))
    assert set(entry) == {"ARN", "Name", "Description", "LastChangedDate", "LastAccessedDate", "Tags",
                          "SecretVersionsToStages", "CreatedDate"}
    assert (entry["ARN"], entry["Name"], entry["Description"]) == (made["ARN"], name, "words")
    assert entry["SecretVersionsToStages"] == {made["VersionId"]: ["AWSCURRENT"]}
    assert entry["Tags"] == tags
    assert is_whole_day(entry["LastAccessedDate"])
    described = body(sm.describe_secret(SecretId=name))
    described["SecretVersionsToStages"] = described.pop("VersionIdsToStages")
    assert entry == described


def test_an_entry_without_anything(sm, name):
    sm.create_secret(Name=name)
    (entry,) = listed(sm, Filters=only(name))
    assert set(entry) == {"ARN", "Name", "LastChangedDate", "CreatedDate"}


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("by", KEYS)
def test_orders_and_pages(sm, seven, prefix, by, order):
    whole = listed(sm, Filters=only(prefix), SortBy=by, SortOrder=order)
    assert sorted(entry["Name"] for entry in whole) == sorted(seven)
    values = [entry.get(KEYS[by], EPOCH) for entry in whole]
    assert values == sorted(values, reverse=order == "desc")
    for size in (1, 2, 3, 7, 100):
        paged = listed(sm, Filters=only(prefix), SortBy=by, SortOrder=order, MaxResults=size)
        assert [entry["Name"] for entry in paged] == [entry["Name"] for entry in whole]


def test_secrets_read_and_never_read(sm, seven, prefix):
    # How soon a reading moves a secret in this order is not promised: AWS speaks of minutes.
    for name in seven[::2]:
        sm.get_secret_value(SecretId=name)
    shown = listed(sm, Filters=only(prefix), SortBy="last-accessed-date", SortOrder="desc")
    assert {entry["Name"] for entry in shown if "LastAccessedDate" in entry} == set(seven[::2])
    assert {entry["Name"] for entry in shown} == set(seven)


def test_creation_is_the_order_of_creation(sm, seven, prefix):
    shown = listed(sm, Filters=only(prefix), SortBy="created-date", SortOrder="asc")
    assert [entry["Name"] for entry in shown] == seven


def test_the_default_order_is_by_creation(sm, seven, prefix):
    shown = [entry["Name"] for entry in listed(sm, Filters=only(prefix))]
    assert shown in (seven, seven[::-1])


def test_one_order_is_the_other_backwards(sm, seven, prefix):
    shown = [[entry["Name"] for entry in listed(sm, Filters=only(prefix), SortBy="name", SortOrder=order)]
             for order in ("asc", "desc")]
    assert shown[0] == shown[1][::-1]


def test_pages_without_filters(sm, seven):
    seen = [entry["ARN"] for entry in listed(sm, MaxResults=100)]
    assert len(seen) == len(set(seen))
    assert {entry["Name"] for entry in listed(sm)} >= set(seven)


def test_pages_while_secrets_come_and_go(sm, seven, prefix):
    request = {"Filters": only(prefix), "SortBy": "name", "SortOrder": "asc", "MaxResults": 2}
    order = sorted(seven)
    first = sm.list_secrets(**request)
    sm.delete_secret(SecretId=order[0], ForceDeleteWithoutRecovery=True)
    sm.delete_secret(SecretId=order[-1], ForceDeleteWithoutRecovery=True)
    sm.create_secret(Name=order[3] + "+")
    rest, more = [], first
    while "NextToken" in more:
        more = sm.list_secrets(**request, NextToken=more["NextToken"])
        rest += [entry["Name"] for entry in more["SecretList"]]
    assert [name for name in rest if not name.endswith("+")] == order[2:-1]


def test_secrets_planned_for_deletion(sm, seven, prefix):
    gone = sm.delete_secret(SecretId=seven[0], RecoveryWindowInDays=8)
    shown = {entry["Name"]: entry for entry in listed(sm, Filters=only(prefix))}
    assert set(shown) == set(seven[1:])
    shown = {entry["Name"]: entry for entry in listed(sm, Filters=only(prefix), IncludePlannedDeletion=False)}
    assert set(shown) == set(seven[1:])
    shown = {entry["Name"]: entry for entry in listed(sm, Filters=only(prefix), IncludePlannedDeletion=True)}
    assert set(shown) == set(seven)
    assert shown[seven[0]]["DeletedDate"] <= gone["DeletionDate"]
    assert not [name for name, entry in shown.items() if "DeletedDate" in entry and name != seven[0]]
    sm.restore_secret(SecretId=seven[0])
    assert len(listed(sm, Filters=only(prefix))) == 7


def test_changes_are_seen_at_once(sm, seven, prefix):
    sm.update_secret(SecretId=seven[2], Description="fresh")
    shown = listed(sm, Filters=only(seven[2]))
    assert [entry["Description"] for entry in shown] == ["fresh"]
    last = listed(sm, Filters=only(prefix), SortBy="last-changed-date", SortOrder="desc")
    assert last[0]["Name"] == seven[2]


def test_the_paginator(sm, seven, prefix):
    paginator = sm.get_paginator("list_secrets")
    paged = list(paginator.paginate(Filters=only(prefix), PaginationConfig={"PageSize": 3}))
    assert [len(page["SecretList"]) for page in paged][:2] == [3, 3]
    assert sorted(entry["Name"] for page in paged for entry in page["SecretList"]) == sorted(seven)
    some = paginator.paginate(Filters=only(prefix), PaginationConfig={"PageSize": 2, "MaxItems": 5}).build_full_result()
    assert len(some["SecretList"]) == 5
    rest = paginator.paginate(Filters=only(prefix), PaginationConfig={"StartingToken": some["NextToken"]}).build_full_result()
    names = {entry["Name"] for entry in some["SecretList"] + rest["SecretList"]}
    assert names == set(seven)


def test_another_page_size_under_way(sm, seven, prefix):
    request = {"Filters": only(prefix), "SortBy": "name", "SortOrder": "asc"}
    first = sm.list_secrets(**request, MaxResults=2)
    rest = sm.list_secrets(**request, MaxResults=100, NextToken=first["NextToken"])
    names = [entry["Name"] for entry in first["SecretList"] + rest["SecretList"]]
    assert names == sorted(seven)


@pytest.mark.parametrize("bad", ["x", "bm8gdG9rZW4=", "AAAA" * 20, "../../etc", "ü", "' OR 1=1 --", "x" * 4096])
def test_tokens_of_nobody(sm, bad):
    with refused("InvalidNextTokenException"):
        sm.list_secrets(NextToken=bad)


def test_a_changed_token(sm, seven, prefix):
    token = sm.list_secrets(Filters=only(prefix), MaxResults=2)["NextToken"]
    middle = len(token) // 2
    for changed in (token[:-4], token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1:], token + token):
        with refused("InvalidNextTokenException"):
            sm.list_secrets(Filters=only(prefix), MaxResults=2, NextToken=changed)


def test_a_token_of_another_query(sm, seven, prefix):
    request = {"Filters": only(prefix), "SortBy": "name", "SortOrder": "asc", "MaxResults": 2}
    token = sm.list_secrets(**request)["NextToken"]
    others = [{"Filters": only(prefix[:-1])}, {"SortBy": "created-date"}, {"SortOrder": "desc"},
              {"IncludePlannedDeletion": True}]
    for other in others:
        with refused("InvalidNextTokenException"):
            sm.list_secrets(**{**request, **other}, NextToken=token)
    assert sm.list_secrets(**request, NextToken=token)["SecretList"]


def test_a_token_of_another_operation(sm, seven, prefix):
    for _ in range(2):
        sm.put_secret_value(SecretId=seven[0], SecretString="v")
    token = sm.list_secret_version_ids(SecretId=seven[0], MaxResults=1)["NextToken"]
    with refused("InvalidNextTokenException"):
        sm.list_secrets(NextToken=token)
    token = sm.list_secrets(Filters=only(prefix), MaxResults=2)["NextToken"]
    with refused("InvalidNextTokenException"):
        sm.batch_get_secret_value(Filters=only(prefix), MaxResults=2, NextToken=token)
