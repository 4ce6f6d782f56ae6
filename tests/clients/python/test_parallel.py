"""Many callers at once: nothing is lost, nothing is seen half-done."""

import concurrent.futures

from checks import stages, token

WORKERS = 16


def together(calls):
    """Runs the calls in parallel; their results in order."""
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def test_reads(sm, secret, name):
    answers = together([lambda: sm.get_secret_value(SecretId=name)] * 200)
    assert {answer["SecretString"] for answer in answers} == {"first"}


def test_writes_to_one_secret(sm, secret, name):
    made = together([lambda number=number: sm.put_secret_value(SecretId=name, SecretString=f"v{number}")["VersionId"]
                     for number in range(60)])
    assert len(set(made)) == 60
    for number, version in enumerate(made):
        assert sm.get_secret_value(SecretId=name, VersionId=version)["SecretString"] == f"v{number}"
    shown = stages(sm, name)
    assert sorted(next(iter(labels)) for labels in shown.values()) == ["AWSCURRENT", "AWSPREVIOUS"]
    assert set(shown) <= {secret["VersionId"], *made}


def test_the_same_create_many_times(sm, name):
    request = {"Name": name, "SecretString": "v", "ClientRequestToken": token()}
    answers = together([lambda: sm.create_secret(**request)] * 24)
    assert len({(answer["ARN"], answer["VersionId"]) for answer in answers}) == 1
    assert stages(sm, name) == {request["ClientRequestToken"]: {"AWSCURRENT"}}


def test_one_of_many_creates_wins(sm, name):
    def create(number):
        try:
            return sm.create_secret(Name=name, SecretString=f"v{number}")["VersionId"]
        except sm.exceptions.ResourceExistsException:
            return None

    made = [version for version in together([lambda number=number: create(number) for number in range(24)]) if version]
    assert len(made) == 1
    assert stages(sm, name) == {made[0]: {"AWSCURRENT"}}


def test_tags_from_many_sides(sm, secret, name):
    together([lambda number=number: sm.tag_resource(SecretId=name, Tags=[{"Key": f"k{number}", "Value": "v"}])
              for number in range(40)])
    assert len(sm.describe_secret(SecretId=name)["Tags"]) == 40


def test_readers_always_find_a_current_version(sm, secret, name):
    def write(number):
        sm.put_secret_value(SecretId=name, SecretString=f"v{number}")
        return None

    def read(_):
        got = sm.get_secret_value(SecretId=name)
        assert "AWSCURRENT" in got["VersionStages"]
        return got["SecretString"]

    seen = together([(lambda number=number: write(number)) if number % 4 == 0 else (lambda number=number: read(number))
                     for number in range(200)])
    assert {value for value in seen if value} <= {"first", *(f"v{number}" for number in range(0, 200, 4))}
