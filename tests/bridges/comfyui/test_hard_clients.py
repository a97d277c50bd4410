"""Clients that send too much, too slowly or half of it, and such that do not read: others are served meanwhile, in
bounded memory."""

from __future__ import annotations

import json
import socket
import time

import psutil
import pytest
import requests
import websocket
from bridges.comfyui.client import Client, workflow

LIMIT = 256 << 20  # what /features tells as max_upload_size
PART = b"x" * (1 << 20)


@pytest.fixture
def lone(new_bridges):
    """Bridges of the test's own, whose memory nobody else uses."""
    return new_bridges()


def connect(bridges) -> socket.socket:
    host, port = bridges.comfyui_address.split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def memory(bridges) -> int:
    return psutil.Process(bridges.process.pid).memory_info().rss


def is_served(bridges) -> None:
    begin = time.monotonic()
    assert requests.get(f"{bridges.comfyui}/queue", timeout=30).status_code == 200
    assert time.monotonic() - begin < 10
    client = Client(bridges.comfyui_address)
    entry, _ = client.run(workflow(sampler={"seed": time.monotonic_ns() % 10**9}))
    assert entry["status"]["status_str"] == "success"
    client.close()


def status_of(answer: bytes) -> int:
    return int(answer.split()[1])


def test_announced_size_is_refused_unread(lone):
    before = memory(lone)
    for path in ("/upload/image", "/upload/mask", "/prompt", "/userdata/x"):
        with connect(lone) as client:
            client.sendall(f"POST {path} HTTP/1.1\r\nHost: {lone.comfyui_address}\r\nContent-Length: {LIMIT + 1}\r\n\r\n".encode())
            assert status_of(client.recv(4096)) == 413
    assert memory(lone) - before < 32 << 20
    is_served(lone)


def test_chunks_are_read_up_to_the_limit(lone):
    before = memory(lone)
    with connect(lone) as client:
        client.sendall(f"POST /upload/image HTTP/1.1\r\nHost: {lone.comfyui_address}\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n".encode())
        answer = b""
        try:
            for _ in range(LIMIT // len(PART) + 16):
                client.sendall(b"%x\r\n%s\r\n" % (len(PART), PART))
        except OSError:
            pass
        try:
            answer = client.recv(4096)
        except OSError:  # what was still under way made the answer be lost
            pass
    assert not answer or status_of(answer) == 413
    assert memory(lone) - before < 3 * LIMIT
    is_served(lone)


def test_announced_but_never_sent_takes_no_memory(lone):
    before = memory(lone)
    clients = [connect(lone) for _ in range(100)]
    for client in clients:
        client.sendall(f"POST /upload/image HTTP/1.1\r\nHost: {lone.comfyui_address}\r\nContent-Length: {LIMIT}\r\n\r\nx".encode())
    time.sleep(1)
    assert memory(lone) - before < 64 << 20
    is_served(lone)
    for client in clients:
        client.close()


def test_long_heads_are_refused(lone):
    for head in (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nX: " + b"a" * 1_000_000,
                 b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100_000):
        with connect(lone) as client:
            answer = b""
            try:
                client.sendall(head)
                answer = client.recv(4096)
            except OSError:  # closed while the rest was being sent
                pass
            assert not answer or 400 <= status_of(answer) < 500
    is_served(lone)


@pytest.mark.parametrize("text", [b"\0" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 1000, b"\x16\x03\x01\x02\x00\x01",
                                  b"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: 9" + b"9" * 40 + b"\r\n\r\n",
                                  b"POST /prompt HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                                  b"POST /prompt HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"])
def test_what_is_no_http(lone, text):
    with connect(lone) as client:
        answer = b""
        try:
            client.sendall(text)
            client.shutdown(socket.SHUT_WR)
            answer = client.recv(4096)
        except OSError:  # closed as soon as it was clear that this is no HTTP
            pass
        assert not answer or 400 <= status_of(answer) < 500
    is_served(lone)


def test_slow_clients_hold_nobody_up(lone):
    """Heads and bodies that come byte by byte, more of them than the server has threads."""
    slow = [connect(lone) for _ in range(120)]
    for number, client in enumerate(slow):
        if number % 2:
            client.sendall(f"POST /prompt HTTP/1.1\r\nHost: {lone.comfyui_address}\r\nContent-Length: 1000\r\n\r\n".encode())
    for letter in b"GET /":
        for client in slow:
            client.sendall(bytes([letter]))
        requests.get(f"{lone.comfyui}/queue", timeout=10)
    is_served(lone)
    for client in slow:
        client.close()
    is_served(lone)


def test_half_closed_connections_are_answered(lone):
    for _ in range(50):
        with connect(lone) as client:
            client.sendall(f"GET /queue HTTP/1.1\r\nHost: {lone.comfyui_address}\r\n\r\n".encode())
            client.shutdown(socket.SHUT_WR)
            assert status_of(client.recv(4096)) == 200
        with connect(lone) as client:  # in the middle of a body
            client.sendall(f"POST /prompt HTTP/1.1\r\nHost: {lone.comfyui_address}\r\nContent-Length: 99\r\n\r\n{{".encode())
            client.shutdown(socket.SHUT_WR)
            answer = client.recv(4096)
            assert not answer or 400 <= status_of(answer) < 500
        with connect(lone) as client:  # gone before the answer
            client.sendall(f"GET /object_info HTTP/1.1\r\nHost: {lone.comfyui_address}\r\n\r\n".encode())
    is_served(lone)


def test_many_connections(lone):
    clients = []
    for _ in range(1100):  # more than the server keeps
        try:
            clients.append(connect(lone))
        except OSError:
            break
    for client in clients:
        client.close()
    time.sleep(0.5)
    is_served(lone)


def test_sockets_that_do_not_read(lone):
    """Every event of a job goes to them; the job is not held up, nor does what they leave unread pile up."""
    host, port = lone.comfyui_address.split(":")
    deaf = []
    for number in range(20):
        made = socket.create_connection((host, int(port)), timeout=60)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client = websocket.create_connection(f"ws://{lone.comfyui_address}/ws?clientId=deaf{number}", socket=made, timeout=60)
        client.send(json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}}))
        deaf.append(client)
    is_served(lone)
    before = memory(lone)
    for seed in range(5):  # without a client of its own, so that all are told
        answer = requests.post(f"{lone.comfyui}/prompt", json={"prompt": workflow(sampler={"seed": seed, "steps": 30})}, timeout=60)
        assert answer.status_code == 200
    while requests.get(f"{lone.comfyui}/prompt", timeout=60).json()["exec_info"]["queue_remaining"]:
        time.sleep(0.05)
    assert memory(lone) - before < 128 << 20
    is_served(lone)
    for client in deaf:
        client.close()


def test_odd_socket_messages(lone):
    client = Client(lone.comfyui_address)
    for message in ("", "{", "[" * 1_000_000, json.dumps({"type": "feature_flags"}), json.dumps({"type": ["x"], "data": 5}), "\0" * 1000):
        client.socket.send(message)
    client.socket.send_binary(b"\xff" * 1000)
    is_served(lone)
    too_long = Client(lone.comfyui_address)
    try:
        too_long.socket.send("x" * (17 << 20))
    except OSError:  # closed in the middle of it
        pass
    is_served(lone)
