"""Small assertions that the tests share."""

import contextlib
import re
import uuid

from botocore.exceptions import ClientError

NOT_FOUND = "Secrets Manager can't find the specified secret."
MARKED = "You can't perform this operation on the secret because it was marked for deletion."
TWO_VALUES = "You can't specify both a binary secret value and a string secret value in the same secret."
NO_VALUE = "You must provide either SecretString or SecretBinary."


class Refusal:
    """What the server refused with, once the block is left."""

    code = None
    text = None


@contextlib.contextmanager
def refused(codes, text=None, status=400):
    """The block must be refused with the code (or one of them), the status and, when given, exactly this text.

    A compiled pattern in place of the text is searched for in it.
    """
    refusal = Refusal()
    try:
        yield refusal
    except ClientError as error:
        refusal.code = error.response["Error"]["Code"]
        refusal.text = error.response["Error"].get("Message", "")
        got = f"{refusal.code} ({error.response['ResponseMetadata']['HTTPStatusCode']}): {refusal.text}"
        assert refusal.code in ({codes} if isinstance(codes, str) else set(codes)), f"{got}, wanted {codes}"
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status, got
        assert error.response["ResponseMetadata"]["RequestId"], "no request id"
        if isinstance(text, re.Pattern):
            assert text.search(refusal.text), f"{got}, wanted {text.pattern}"
        elif text is not None:
            assert refusal.text == text, got
        return
    raise AssertionError(f"not refused, wanted {codes}")


def token():
    """A request token, which becomes the id of a version."""
    return str(uuid.uuid4())


def body(answer):
    """The members of an answer without what botocore adds."""
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def stages(sm, secret_id):
    """The labels of a secret: a set for each labelled version."""
    shown = sm.describe_secret(SecretId=secret_id).get("VersionIdsToStages", {})
    for version, labels in shown.items():
        assert len(labels) == len(set(labels)), f"{version} shows a label twice"
    assert len(sum(shown.values(), [])) == len(set(sum(shown.values(), []))), f"a label is on two versions: {shown}"
    return {version: set(labels) for version, labels in shown.items()}


def is_whole_day(moment):
    """Whether a time is the start of a UTC day."""
    return moment.timestamp() % 86400 == 0
