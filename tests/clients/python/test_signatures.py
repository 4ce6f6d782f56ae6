"""Signatures: header and presigned form, everything that can be wrong with one, and AWS's error for it."""

import json
import re

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from wire import Signer, ago

MISMATCH = ("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
            "and signing method. Consult the service documentation for details.")
UNKNOWN_KEY = "The security token included in the request is invalid."


class Presigner(botocore.auth.SigV4QueryAuth):
    """botocore's presigner for a POST whose body stays a body, at a time of choice."""

    def __init__(self, credentials, region, expires=300, at=None):
        super().__init__(credentials, "secretsmanager", region, expires)
        self.at = at or ago()
        self.body = b""

    def payload(self, request):
        kept, request.data = request.data, self.body
        try:
            return super().payload(request)
        finally:
            request.data = kept

    def presign(self, request):
        """Signs the request and gives it its body back."""
        self.body, request.data = request.data, b""
        request.context["timestamp"] = self.at.strftime("%Y%m%dT%H%M%SZ")
        self._modify_request_before_signing(request)
        canonical = self.canonical_request(request)
        self._inject_signature_to_request(request, self.signature(self.string_to_sign(request, canonical), request))
        request.data = self.body
        return request.prepare()


def presigned(endpoint, name, **options):
    request = botocore.awsrequest.AWSRequest(
        method="POST", url=endpoint.url, data=json.dumps({"SecretId": name}).encode(),
        headers=endpoint.headers("GetSecretValue"))
    credentials = options.pop("credentials", endpoint.credentials)
    return Presigner(credentials, endpoint.region, **options).presign(request)


def keys(endpoint, **changes):
    """The account's credentials, with some of them changed."""
    frozen = endpoint.credentials
    parts = {"access_key": frozen.access_key, "secret_key": frozen.secret_key, "token": frozen.token, **changes}
    return botocore.credentials.Credentials(**parts).get_frozen_credentials()


def is_refused(answer, code, text=None):
    assert (answer.status, answer.code) == (400, code), answer
    assert answer.headers.get("x-amzn-requestid")
    assert answer.text, answer
    if text is not None:
        assert re.search(text, answer.text) if isinstance(text, re.Pattern) else answer.text == text, answer


def authorization(prepared, old, new):
    """Changes a part of the Authorization header."""
    value = prepared.headers["Authorization"]
    value = value.decode() if isinstance(value, bytes) else value
    changed = re.sub(old, new, value)
    assert changed != value
    prepared.headers["Authorization"] = changed
    return prepared


@pytest.fixture
def ask(endpoint, secret):
    """A signed GetSecretValue request for a secret."""

    def make(**options):
        return endpoint.sign("GetSecretValue", {"SecretId": secret["Name"]}, **options)

    return make


def test_the_control(endpoint, ask):
    assert endpoint.send(ask()).json["SecretString"] == "first"


def test_no_signature(endpoint, ask):
    prepared = ask()
    del prepared.headers["Authorization"]
    is_refused(endpoint.send(prepared), "MissingAuthenticationTokenException", "Missing Authentication Token")


@pytest.mark.parametrize("value", ["", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 nonsense", "AWS4-HMAC-SHA256 Credential=x",
                                   "AWS4-HMAC-SHA256 Credential=, SignedHeaders=, Signature=", "x" * 4000])
def test_malformed_headers(endpoint, ask, value):
    prepared = ask()
    prepared.headers["Authorization"] = value
    answer = endpoint.send(prepared)
    if value.startswith("AWS4-HMAC-SHA256 "):
        is_refused(answer, "IncompleteSignatureException")
    else:
        assert answer.status == 400, answer
        assert answer.code in ("IncompleteSignatureException", "MissingAuthenticationTokenException"), answer


@pytest.mark.parametrize("part", ["Credential", "SignedHeaders", "Signature"])
def test_a_part_is_missing(endpoint, ask, part):
    is_refused(endpoint.send(authorization(ask(), rf"{part}=[^,]*(, )?", "")), "IncompleteSignatureException")


@pytest.mark.parametrize("algorithm", ["Basic", "Bearer", "AWS", "AWS4-HMAC-SHA1", "AWS4-ECDSA-P256-SHA256"])
def test_other_algorithms(endpoint, ask, algorithm):
    answer = endpoint.send(authorization(ask(), "^AWS4-HMAC-SHA256", algorithm))
    assert answer.status == 400, answer
    assert answer.code in ("IncompleteSignatureException", "MissingAuthenticationTokenException",
                           "InvalidSignatureException"), answer


@pytest.mark.parametrize("new", ["Signature=" + "0" * 64, "Signature=" + "f" * 63, "Signature=x", "Signature=" + "\u00e9" * 8])
def test_another_signature(endpoint, ask, new):
    answer = endpoint.send(authorization(ask(), "Signature=[0-9a-f]+", new.encode().decode("latin-1")))
    if new == "Signature=" + "0" * 64:
        is_refused(answer, "InvalidSignatureException", MISMATCH)
    else:
        assert answer.status == 400 and answer.code in ("InvalidSignatureException", "IncompleteSignatureException"), answer


def test_another_secret_key(endpoint, ask):
    answer = endpoint.send(ask(credentials=keys(endpoint, secret_key="x" * 40)))
    is_refused(answer, "InvalidSignatureException", MISMATCH)


def test_a_changed_body(endpoint, ask, secret):
    prepared = ask()
    prepared.body = prepared.body.replace(secret["Name"].encode(), b"other" + secret["Name"].encode()[5:])
    is_refused(endpoint.send(prepared), "InvalidSignatureException", MISMATCH)


@pytest.mark.parametrize("header, value", [("X-Amz-Target", "secretsmanager.DescribeSecret"), ("Content-Type", "text/plain"),
                                           ("Host", "elsewhere.example")])
def test_a_changed_signed_header(endpoint, ask, header, value):
    prepared = ask()
    prepared.headers[header] = value
    is_refused(endpoint.send(prepared), "InvalidSignatureException")


def test_a_changed_date(endpoint, ask):
    prepared = ask()
    prepared.headers["X-Amz-Date"] = ago(seconds=-7).strftime("%Y%m%dT%H%M%SZ")
    is_refused(endpoint.send(prepared), "InvalidSignatureException")


@pytest.mark.parametrize("method, path", [("PUT", ""), ("POST", "elsewhere"), ("POST", "?x=y")])
def test_a_changed_request_line(endpoint, ask, method, path):
    prepared = ask()
    prepared.method, prepared.url = method, prepared.url + path
    answer = endpoint.send(prepared)
    assert 400 <= answer.status < 500 and answer.code != "", answer


def test_an_unknown_key(endpoint, ask):
    answer = endpoint.send(ask(credentials=keys(endpoint, access_key="AKIA" + "Z" * 16)))
    is_refused(answer, "UnrecognizedClientException", UNKNOWN_KEY)


@pytest.mark.parametrize("key", ["x", "AKIA", "a" * 128, "../../x", "%00"])
def test_odd_keys(endpoint, ask, key):
    answer = endpoint.send(ask(credentials=keys(endpoint, access_key=key)))
    assert answer.status == 400, answer
    assert answer.code in ("UnrecognizedClientException", "IncompleteSignatureException"), answer


def test_a_session_token_of_nobody(endpoint, ask):
    is_refused(endpoint.send(ask(credentials=keys(endpoint, token="no such token"))), "UnrecognizedClientException", UNKNOWN_KEY)


@pytest.mark.parametrize("age", [{"minutes": 16}, {"hours": 2}, {"days": 1}, {"days": 400}])
def test_an_old_request(endpoint, ask, age):
    answer = endpoint.send(ask(at=ago(**age)))
    is_refused(answer, "InvalidSignatureException", re.compile(r"^Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T"))


@pytest.mark.parametrize("age", [{"minutes": -16}, {"hours": -2}, {"days": -400}])
def test_a_request_from_the_future(endpoint, ask, age):
    answer = endpoint.send(ask(at=ago(**age)))
    is_refused(answer, "InvalidSignatureException", re.compile(r"^Signature not yet current: \d{8}T\d{6}Z is still later than"))


@pytest.mark.parametrize("age", [{"minutes": 4}, {"minutes": -4}])
def test_a_clock_that_is_a_little_off(endpoint, ask, age):
    assert endpoint.send(ask(at=ago(**age))).status == 200


@pytest.mark.parametrize("date", ["", "yesterday", "20240101", "2024-01-01T00:00:00Z", "20241301T000000Z", "99999999T999999Z"])
def test_dates_that_are_none(endpoint, ask, date):
    prepared = ask()
    prepared.headers["X-Amz-Date"] = date
    answer = endpoint.send(prepared)
    assert answer.status == 400, answer
    assert answer.code in ("IncompleteSignatureException", "InvalidSignatureException"), answer


def test_no_date(endpoint, ask):
    prepared = ask()
    del prepared.headers["X-Amz-Date"]
    answer = endpoint.send(prepared)
    assert answer.status == 400, answer
    assert answer.code in ("IncompleteSignatureException", "InvalidSignatureException"), answer


def test_the_date_header_instead(endpoint, ask):
    assert endpoint.send(ask(extra={"Date": "replaced by the signer"})).status == 200


def test_a_scope_of_another_day(endpoint, ask):
    yesterday = ago(days=1).strftime("%Y%m%d")
    answer = endpoint.send(authorization(ask(), r"/\d{8}/", f"/{yesterday}/"))
    assert answer.status == 400, answer
    assert answer.code in ("InvalidSignatureException", "IncompleteSignatureException"), answer


def test_another_region(endpoint, ask):
    other = "eu-west-1" if endpoint.region != "eu-west-1" else "us-east-1"
    is_refused(endpoint.send(ask(region=other)), "InvalidSignatureException",
               re.compile("Credential should be scoped to a valid region"))


@pytest.mark.parametrize("service", ["s3", "kms", "nosuchservice"])
def test_another_service(endpoint, ask, service):
    is_refused(endpoint.send(ask(service=service)), "InvalidSignatureException",
               re.compile("Credential should be scoped to correct service"))


def test_another_end_of_the_scope(endpoint, ask):
    answer = endpoint.send(authorization(ask(), "/aws4_request", "/aws5_request"))
    assert answer.status == 400, answer
    assert answer.code in ("InvalidSignatureException", "IncompleteSignatureException"), answer


def test_the_host_must_be_signed(endpoint, ask):
    class WithoutHost(Signer):
        def headers_to_sign(self, request):
            headers = super().headers_to_sign(request)
            del headers["host"]
            return headers

    request = botocore.awsrequest.AWSRequest(
        method="POST", url=endpoint.url, data=ask().body, headers=endpoint.headers("GetSecretValue"))
    WithoutHost(endpoint.credentials, "secretsmanager", endpoint.region).add_auth(request)
    answer = endpoint.send(request.prepare())
    assert answer.status == 400, answer
    assert answer.code in ("InvalidSignatureException", "IncompleteSignatureException"), answer


def test_headers_beside_the_signature(endpoint, ask):
    prepared = ask()
    for header, value in {"User-Agent": "any/1.0", "X-Forwarded-For": "203.0.113.9", "Accept-Encoding": "gzip", "X-Own": "\t x ",
                          "X-Amzn-Trace-Id": "Root=1-5e1b4151-5ac6c58f5b4daa6532b5f3ae", "Via": "1.1 proxy"}.items():
        prepared.headers[header] = value
    assert endpoint.send(prepared).json["SecretString"] == "first"


def test_signed_headers_of_ones_own(endpoint, ask):
    extra = {"X-Own": "  many   blanks  inside ", "X-Another": "b,a", "amz-sdk-request": "attempt=1; max=3"}
    assert endpoint.send(ask(extra=extra)).status == 200


def test_the_same_request_again(endpoint, ask):
    prepared = ask()
    assert [endpoint.send(prepared).status for _ in range(3)] == [200, 200, 200]


def test_presigned(endpoint, secret):
    assert endpoint.send(presigned(endpoint, secret["Name"])).json["SecretString"] == "first"


def test_presigned_for_a_week(endpoint, secret):
    prepared = presigned(endpoint, secret["Name"], expires=604800, at=ago(days=6))
    assert endpoint.send(prepared).status == 200


@pytest.mark.parametrize("expires, age", [(60, {"minutes": 2}), (1, {"minutes": 20}), (604800, {"days": 8})])
def test_presigned_and_expired(endpoint, secret, expires, age):
    answer = endpoint.send(presigned(endpoint, secret["Name"], expires=expires, at=ago(**age)))
    assert answer.status == 400, answer
    assert answer.code in ("InvalidSignatureException", "ExpiredTokenException", "RequestExpired"), answer


@pytest.mark.parametrize("expires", [-1, 604801, "soon", ""])
def test_presigned_for_no_valid_time(endpoint, secret, expires):
    answer = endpoint.send(presigned(endpoint, secret["Name"], expires=expires))
    assert 400 <= answer.status < 500 and answer.code, answer


@pytest.mark.parametrize("part", ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
                                  "X-Amz-Signature"])
def test_presigned_without_a_part(endpoint, secret, part):
    prepared = presigned(endpoint, secret["Name"])
    prepared.url = re.sub(rf"[?&]{part}=[^&]*", lambda match: "?" if match[0][0] == "?" else "", prepared.url)
    answer = endpoint.send(prepared)
    assert answer.status == 400, answer
    assert answer.code in ("IncompleteSignatureException", "MissingAuthenticationTokenException",
                           "InvalidSignatureException"), answer


def test_presigned_and_changed(endpoint, secret):
    prepared = presigned(endpoint, secret["Name"])
    prepared.url = re.sub("X-Amz-Expires=300", "X-Amz-Expires=301", prepared.url)
    is_refused(endpoint.send(prepared), "InvalidSignatureException", MISMATCH)
    prepared = presigned(endpoint, secret["Name"])
    prepared.body = prepared.body.replace(b"SecretId", b"SecretID")
    is_refused(endpoint.send(prepared), "InvalidSignatureException", MISMATCH)


def test_presigned_by_an_unknown_key(endpoint, secret):
    prepared = presigned(endpoint, secret["Name"], credentials=keys(endpoint, access_key="AKIA" + "Z" * 16))
    is_refused(endpoint.send(prepared), "UnrecognizedClientException", UNKNOWN_KEY)


def test_both_forms_at_once(endpoint, secret, ask):
    prepared = presigned(endpoint, secret["Name"])
    prepared.headers["Authorization"] = ask().headers["Authorization"]
    assert 400 <= endpoint.send(prepared).status < 500


def test_refusals_tell_no_secret(endpoint, ask):
    answer = endpoint.send(ask(credentials=keys(endpoint, secret_key="x" * 40)))
    assert endpoint.credentials.secret_key not in answer.raw.decode()
