"""Rotation by functions that are not on the server that rotates: on another server, and behind a small program."""

import http.server
import json
import pathlib
import subprocess
import sys
import threading

import botocore.exceptions
import pytest

import rotation
import servers
from rotation import ROTATE_PY, client, until

ACCOUNT = "111111111111"
OTHER = "222222222222"
RUNTIMES = pathlib.Path(__file__).parents[3] / "target" / "runtimes"
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
RULES = {"AutomaticallyAfterDays": 30}
# A function that was given the access key of another server than the one that hosts it.
ELSEWHERE_PY = """
import os

for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
    os.environ["AWS_" + name] = os.environ["THEIR_" + name]
del os.environ["AWS_SESSION_TOKEN"]

from rotate import handler
"""
CREDENTIALS = "[default]\naws_access_key_id = {AccessKeyId}\naws_secret_access_key = {SecretAccessKey}\n"


def settings(account, functions=""):
    return f'[account]\nid = "{account}"\n[functions]\nruntimes = "{RUNTIMES}"\n{functions}'


def started(directory, text):
    directory.mkdir()
    server = servers.Server(servers.binary(), directory, text)
    server.start()
    return server


def ended(server):
    server.process.kill()
    server.process.wait()


@pytest.fixture
def pair(tmp_path):
    """A server, and another one that has its functions."""
    other = started(tmp_path / "other", settings(ACCOUNT))
    key = tmp_path / "key"
    key.write_text(CREDENTIALS.format(**other.key()))
    key.chmod(0o600)
    endpoint = f'[functions.lambda_endpoint]\nurl = "{other.url}"\ncredentials_file = "{key}"\n'
    first = started(tmp_path / "first", settings(ACCOUNT, endpoint))
    yield first, other
    ended(first)
    if other.process is not None:
        ended(other)


def history(server, secret):
    """What the command prints of a rotation's history."""
    command = [server.binary, "rotation", "history", secret, "--json", "--config", server.config, "--data", server.data]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def hosted(first, other, name="elsewhere"):
    """A function on the other server that rotates secrets of the first one."""
    key = first.key()
    variables = {
        "SECRETS_MANAGER_ENDPOINT": first.url,
        "THEIR_ACCESS_KEY_ID": key["AccessKeyId"],
        "THEIR_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    made = client("lambda", other).create_function(
        FunctionName=name,
        Runtime=PYTHON,
        Role=rotation.new_role(other),
        Handler="elsewhere.handler",
        Code={"ZipFile": rotation.zipped({"elsewhere.py": ELSEWHERE_PY, "rotate.py": ROTATE_PY.read_text()})},
        Environment={"Variables": variables},
        Timeout=30,
    )
    return made["FunctionArn"]


def let_in(other, name="elsewhere", account=ACCOUNT):
    client("lambda", other).add_permission(
        FunctionName=name,
        StatementId="secrets-manager",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
        SourceAccount=account,
    )


def test_a_function_of_another_server_rotates_where_its_policy_lets_the_service_in(pair):
    first, other = pair
    sm = client("secretsmanager", first)
    sm.create_secret(Name="app", SecretString=json.dumps({"username": "u", "password": "first"}))
    rotate = {"SecretId": "app", "RotationRules": RULES}
    absent = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:elsewhere"
    assert refused(sm.rotate_secret, RotationLambdaARN=absent, **rotate) == "ResourceNotFoundException"
    function = hosted(first, other)
    assert function == absent
    assert refused(sm.rotate_secret, RotationLambdaARN=function, **rotate) == "AccessDeniedException"
    let_in(other)
    made = sm.rotate_secret(RotationLambdaARN=function, **rotate)
    described = rotation.rotated(sm, "app", made["VersionId"])
    assert described["RotationLambdaARN"] == function
    assert json.loads(sm.get_secret_value(SecretId="app")["SecretString"])["password"] != "first"
    told = history(first, "app")
    assert "finishSecret of version" in told, "the log's end came along"
    # Callers of this server's Lambda are told of what is here alone.
    assert refused(client("lambda", first).invoke, FunctionName=function) == "ResourceNotFoundException"


def test_a_server_that_is_away_or_closed_lets_no_rotation_begin(pair):
    first, other = pair
    sm = client("secretsmanager", first)
    sm.create_secret(Name="app", SecretString=json.dumps({"username": "u", "password": "first"}))
    function = hosted(first, other)
    let_in(other)
    made = sm.rotate_secret(SecretId="app", RotationLambdaARN=function, RotationRules=RULES)
    rotation.rotated(sm, "app", made["VersionId"])
    client("lambda", other).remove_permission(FunctionName="elsewhere", StatementId="secrets-manager")
    assert refused(sm.rotate_secret, SecretId="app") == "AccessDeniedException"
    url = other.url
    other.stop()
    assert refused(sm.rotate_secret, SecretId="app") == "InternalServiceError"
    assert sm.describe_secret(SecretId="app")["VersionIdsToStages"][made["VersionId"]] == ["AWSCURRENT"]
    assert url in (first.directory / "log").read_text()


def test_a_function_of_another_account_has_to_let_the_caller_in_too(tmp_path):
    other = started(tmp_path / "other", settings(OTHER))
    key = tmp_path / "key"
    key.write_text(CREDENTIALS.format(**other.key()))
    key.chmod(0o600)
    endpoint = f'[functions.lambda_endpoint]\nurl = "{other.url}"\ncredentials_file = "{key}"\n'
    first = started(tmp_path / "first", settings(ACCOUNT, endpoint))
    try:
        sm = client("secretsmanager", first)
        sm.create_secret(Name="app", SecretString=json.dumps({"username": "u", "password": "first"}))
        function = hosted(first, other)
        let_in(other)
        rotate = {"SecretId": "app", "RotationLambdaARN": function, "RotationRules": RULES}
        assert refused(sm.rotate_secret, **rotate) == "AccessDeniedException"
        client("lambda", other).add_permission(
            FunctionName="elsewhere", StatementId="account", Action="lambda:InvokeFunction", Principal=ACCOUNT
        )
        made = sm.rotate_secret(**rotate)
        rotation.rotated(sm, "app", made["VersionId"])
    finally:
        ended(first)
        ended(other)


class Program(http.server.BaseHTTPRequestHandler):
    """A function as a program of its own: it answers Lambda's Invoke, and rotates by the server's API."""

    events = []
    failures = 0
    secrets_manager = None

    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["content-length"])))
        Program.events.append((self.path, event["Step"]))
        answer, headers = b"null", {"X-Amz-Log-Result": "dGhlIHByb2dyYW0ncyBsb2c="}
        if Program.failures > 0:
            Program.failures -= 1
            answer = json.dumps({"errorType": "ValueError", "errorMessage": "the database is gone"}).encode()
            headers["X-Amz-Function-Error"] = "Unhandled"
        else:
            self.rotate(event)
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def rotate(self, event):
        sm, secret, token = Program.secrets_manager, event["SecretId"], event["ClientRequestToken"]
        if event["Step"] == "createSecret":
            sm.put_secret_value(
                SecretId=secret,
                ClientRequestToken=token,
                SecretString=f"made-for-{token}",
                VersionStages=["AWSPENDING"],
                RotationToken=event["RotationToken"],
            )
        if event["Step"] == "finishSecret":
            stages = sm.describe_secret(SecretId=secret)["VersionIdsToStages"]
            current = next(version for version, of in stages.items() if "AWSCURRENT" in of)
            if current != token:
                sm.update_secret_version_stage(
                    SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
                )

    def log_message(self, *_):
        pass


@pytest.fixture
def program():
    Program.events, Program.failures = [], 0
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Program)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_arn_may_stand_for_a_program_that_answers_invoke(tmp_path, program):
    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:program"
    emulator = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:emulator"
    whole = f"{program}/2015-03-31/functions/function/invocations"
    nobody = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:nobody"
    mapped = f'[functions.http]\n"{function}" = "{program}"\n"{emulator}" = "{whole}"\n'
    mapped += f'"{nobody}" = "http://127.0.0.1:1"\n'
    first = started(tmp_path / "first", settings(ACCOUNT, mapped))
    try:
        sm = Program.secrets_manager = client("secretsmanager", first)
        sm.create_secret(Name="app", SecretString="first")
        made = sm.rotate_secret(SecretId="app", RotationLambdaARN=function, RotationRules=RULES)
        rotation.rotated(sm, "app", made["VersionId"])
        assert sm.get_secret_value(SecretId="app")["SecretString"] == f"made-for-{made['VersionId']}"
        steps = ["createSecret", "setSecret", "testSecret", "finishSecret"]
        assert Program.events == [("/2015-03-31/functions/program/invocations", step) for step in steps]
        assert "the program's log" in history(first, "app")

        made = sm.rotate_secret(SecretId="app", RotationLambdaARN=emulator)
        rotation.rotated(sm, "app", made["VersionId"])
        assert Program.events[-1] == ("/2015-03-31/functions/function/invocations", "finishSecret")

        Program.failures = 1
        made = sm.rotate_secret(SecretId="app")
        until(lambda: "ValueError: the database is gone" in history(first, "app"))
        stages = sm.describe_secret(SecretId="app")["VersionIdsToStages"]
        assert stages[made["VersionId"]] == ["AWSPENDING"]
        # Asked again, the server tries again at once.
        assert refused(sm.rotate_secret, SecretId="app") == "InvalidRequestException"
        rotation.rotated(sm, "app", made["VersionId"])

        sm.create_secret(Name="lost", SecretString="first")
        sm.rotate_secret(SecretId="lost", RotationLambdaARN=nobody, RotationRules=RULES)
        until(lambda: "http://127.0.0.1:1: " in history(first, "lost"))

        assert refused(client("lambda", first).invoke, FunctionName=function) == "ResourceNotFoundException"
        absent = function.replace(":program", ":absent")
        assert refused(sm.rotate_secret, SecretId="app", RotationLambdaARN=absent) == "ResourceNotFoundException"
    finally:
        ended(first)
