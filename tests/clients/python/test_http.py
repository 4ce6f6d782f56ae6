"""HTTP/1.1 itself: connections that are kept, ways to send a body, methods, paths, and broken requests."""

import socket

import pytest


@pytest.fixture
def wire_request(endpoint, secret):
    """The bytes of a signed GetSecretValue request, by how its body is framed."""

    def make(framing="length", extra=()):
        prepared = endpoint.sign("GetSecretValue", {"SecretId": secret["Name"]})
        lines = ["POST / HTTP/1.1", *extra]
        for key, value in prepared.headers.items():
            if key.lower() != "content-length":
                lines.append(f"{key}: {value.decode() if isinstance(value, bytes) else value}")
        body = prepared.body
        if framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
            pieces = [body[start:start + 7] for start in range(0, len(body), 7)]
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        else:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n", body

    return make


def dial(endpoint):
    return socket.create_connection((endpoint.host, endpoint.port), timeout=30)


def read_answer(stream):
    """Reads one answer off a stream: status line, headers in lower case, body."""
    status = stream.readline().decode()
    headers = {}
    while (line := stream.readline().strip()):
        key, value = line.decode().split(":", 1)
        headers[key.lower()] = value.strip()
    return int(status.split()[1]), headers, stream.read(int(headers.get("content-length", 0)))


def is_alive(endpoint, secret):
    assert endpoint.call("GetSecretValue", {"SecretId": secret["Name"]}).json["SecretString"] == "first"


def test_one_connection_for_many_requests(endpoint, secret):
    connection = endpoint.connect()
    for number in range(60):
        if number % 3 == 1:
            assert endpoint.call("GetSecretValue", {"SecretId": "no-such"}, connection).status == 400
        elif number % 3 == 2:
            assert endpoint.call("GetSecretValue", b"{", connection).status == 400
        else:
            assert endpoint.call("GetSecretValue", {"SecretId": secret["Name"]}, connection).status == 200
        assert connection.sock is not None, "the server closed a connection that is to be kept"
        first = connection.sock if number == 0 else first
        assert connection.sock is first
    connection.close()


def test_requests_sent_ahead(endpoint, wire_request):
    with dial(endpoint) as line, line.makefile("rb") as stream:
        line.sendall(b"".join(b"".join(wire_request()) for _ in range(5)))
        for _ in range(5):
            status, _, body = read_answer(stream)
            assert status == 200 and b'"first"' in body


def test_a_chunked_body(endpoint, wire_request):
    with dial(endpoint) as line, line.makefile("rb") as stream:
        line.sendall(b"".join(wire_request("chunked")))
        status, _, body = read_answer(stream)
        assert status == 200 and b'"first"' in body


def test_a_body_in_small_pieces(endpoint, wire_request):
    with dial(endpoint) as line, line.makefile("rb") as stream:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        whole = b"".join(wire_request())
        for start in range(0, len(whole), 50):
            line.sendall(whole[start:start + 50])
        assert read_answer(stream)[0] == 200


def test_a_client_that_waits_to_be_asked(endpoint, wire_request):
    head, body = wire_request(extra=["Expect: 100-continue"])
    with dial(endpoint) as line, line.makefile("rb") as stream:
        line.sendall(head)
        assert stream.readline().startswith(b"HTTP/1.1 100")
        assert stream.readline() == b"\r\n"
        line.sendall(body)
        assert read_answer(stream)[0] == 200


def test_a_client_that_wants_to_close(endpoint, wire_request):
    with dial(endpoint) as line, line.makefile("rb") as stream:
        line.sendall(b"".join(wire_request(extra=["Connection: close"])))
        assert read_answer(stream)[0] == 200
        assert stream.read() == b""


def test_an_answer_says_its_form(endpoint, secret):
    answer = endpoint.call("GetSecretValue", {"SecretId": secret["Name"]})
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert int(answer.headers["content-length"]) == len(answer.raw)
    assert "date" in answer.headers


def test_request_ids_differ(endpoint, secret):
    ids = {endpoint.call("DescribeSecret", {"SecretId": secret["Name"]}).headers["x-amzn-requestid"] for _ in range(5)}
    assert len(ids) == 5


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
def test_other_methods(endpoint, secret, method):
    answer = endpoint.call("GetSecretValue", {"SecretId": secret["Name"]}, method=method)
    assert 400 <= answer.status < 500 or (method == "OPTIONS" and answer.status < 300), answer
    assert b"first" not in answer.raw
    is_alive(endpoint, secret)


@pytest.mark.parametrize("path", ["elsewhere", "secretsmanager", "..%2f..%2fetc%2fpasswd", "%00", "x" * 5000])
def test_other_paths(endpoint, secret, path):
    answer = endpoint.call("GetSecretValue", {"SecretId": secret["Name"]}, path=path)
    assert 400 <= answer.status < 500, answer
    assert b"first" not in answer.raw


@pytest.mark.parametrize(
    "noise",
    [b"\r\n\r\n", b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00" * 1000,
     b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
     b"Content-Length: 2\r\n\r\nab", b"POST / HTTP/1.1\r\nHost x\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 300000
     + b"\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(3000)) + b"\r\n",
     b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"],
    ids=["blank", "one word", "version", "tls", "zeros", "negative length", "two lengths", "no colon", "long header",
         "many headers", "bad chunk", "bad preface"],
)
def test_broken_requests(endpoint, secret, noise):
    with dial(endpoint) as line:
        try:
            line.sendall(noise)
            line.shutdown(socket.SHUT_WR)
            answered = line.recv(65536)
        except OSError:
            answered = b""
        assert not answered.startswith(b"HTTP/1.1 2"), answered[:200]
    is_alive(endpoint, secret)


def test_clients_that_go_away(endpoint, secret, wire_request):
    for cut in (1, 20, 200, -10, -1):
        with dial(endpoint) as line:
            line.sendall(b"".join(wire_request())[:cut])
    is_alive(endpoint, secret)


def test_silent_clients_take_no_one_elses_place(endpoint, secret):
    silent = [dial(endpoint) for _ in range(100)]
    try:
        is_alive(endpoint, secret)
    finally:
        for line in silent:
            line.close()


def test_an_error_of_the_service_has_a_capital_message(endpoint):
    answer = endpoint.call("GetSecretValue", {"SecretId": "no-such-secret-at-all"})
    assert (answer.status, answer.code) == (400, "ResourceNotFoundException")
    assert answer.json["Message"] == "Secrets Manager can't find the specified secret."
