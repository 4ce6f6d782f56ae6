"""Functions for Node.js and with a program of their own, made from zip files, invoked, and rotating, through boto3."""

import base64
import json
import os
import pathlib
import subprocess

import pytest

from rotation import ROTATE_PY, client, new_function, rotated

NODE = "nodejs22.x"
CLIENTS = pathlib.Path(__file__).parents[1]
INSTALLED = CLIENTS.parents[1] / "target" / "clients" / "javascript"
ROTATE_MJS = ROTATE_PY.with_suffix(".mjs")

COUNTS = """
let count = 0;
export const handler = async (event, context) => {
  console.log("event", event.name);
  if (event.bad) throw new TypeError("no good");
  count += 1;
  return { count, arn: context.invokedFunctionArn, greeting: process.env.GREETING };
};
"""

BOOTSTRAP = """#!/bin/sh
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
n=0
while curl -sSf -D /tmp/head -o /tmp/event "$api/next"; do
  id=$(sed -n 's/^lambda-runtime-aws-request-id: *//Ip' /tmp/head | tr -d '\\r')
  n=$((n + 1))
  echo "event $n"
  if grep -q bad /tmp/event; then
    curl -sSf -o /dev/null -d '{"errorType":"My.Error","errorMessage":"no good"}' "$api/$id/error"
  else
    { printf '{"n":%s,"handler":"%s","event":' "$n" "$_HANDLER"; cat /tmp/event; echo '}'; } |
      curl -sSf -o /dev/null --data-binary @- "$api/$id/response"
  fi
done
"""


def invoke(function, event):
    """What a function answers, whether it failed, and the end of its log."""
    answer = client("lambda").invoke(FunctionName=function, Payload=json.dumps(event), LogType="Tail")
    return json.load(answer["Payload"]), answer.get("FunctionError"), base64.b64decode(answer["LogResult"]).decode()


@pytest.fixture(scope="module")
def sdk():
    """The SDK for JavaScript, as files of an archive."""
    subprocess.run([CLIENTS / "javascript" / "install"], check=True, stdin=subprocess.DEVNULL, timeout=300)
    files = {}
    for folder, _, names in os.walk(INSTALLED / "node_modules"):
        # What types and bundlers read is not needed.
        if not {"dist-es", "dist-types"} & set(pathlib.Path(folder).parts):
            paths = [pathlib.Path(folder, name) for name in names if name.endswith((".js", ".cjs", ".mjs", ".json"))]
            files.update({str(path.relative_to(INSTALLED)): path.read_text() for path in paths})
    return files


def test_a_function_in_javascript_answers_fails_and_is_kept():
    function = new_function("index.handler", {"index.mjs": COUNTS}, NODE)
    functions = client("lambda")
    functions.update_function_configuration(FunctionName=function, Environment={"Variables": {"GREETING": "hello"}})
    answer, error, log = invoke(function, {"name": "one"})
    assert (answer, error) == ({"count": 1, "arn": function, "greeting": "hello"}, None), log
    assert "event one" in log and "REPORT RequestId" in log
    answer, error, log = invoke(function, {"bad": True})
    assert (answer["errorType"], answer["errorMessage"], error) == ("TypeError", "no good", "Unhandled"), log
    assert invoke(function, {})[0]["count"] == 2


def test_a_function_in_javascript_rotates_with_the_sdk_in_its_archive(sm, name, sdk):
    function = new_function("rotate.handler", {"rotate.mjs": ROTATE_MJS.read_text(), **sdk}, NODE)
    sm.create_secret(Name=name, SecretString=json.dumps({"username": "u", "password": "first"}))
    seen = {"first"}
    for _ in range(3):
        made = sm.rotate_secret(SecretId=name, RotationLambdaARN=function, RotationRules={"AutomaticallyAfterDays": 7})
        rotated(sm, name, made["VersionId"])
        value = json.loads(sm.get_secret_value(SecretId=name)["SecretString"])
        assert value["username"] == "u" and len(value["password"]) == 32 and value["password"] not in seen
        seen.add(value["password"])


def test_a_program_of_its_own_answers_and_fails():
    function = new_function("any.thing", {"bootstrap": BOOTSTRAP}, "provided.al2023")
    for n in (1, 2):
        answer, error, log = invoke(function, {"a": n})
        assert (answer, error) == ({"n": n, "handler": "any.thing", "event": {"a": n}}, None), log
        assert f"event {n}" in log
    answer, error, log = invoke(function, {"bad": True})
    assert (answer, error) == ({"errorType": "My.Error", "errorMessage": "no good"}, "Unhandled"), log
