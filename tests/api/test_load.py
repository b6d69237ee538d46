"""More requests than there is room for, clients that leave, and the end of the service."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.api.test_traces import URL, problem

BUSY = {"code": "while True: pass"}


def _post(server: Any, body: dict[str, Any]) -> httpx.Response:
    with server.client() as client:
        return client.post(URL, json=body)


def _running(server: Any) -> int:
    with server.client() as client:
        status: dict[str, int] = client.get("/readyz").json()["sandbox"]
    return status["running"]


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_beyond_the_queue_there_is_503(server_with: Callable[..., Any]) -> None:
    with (
        server_with(
            "--children", "1", "--long-runs", "0", "--queue", "1", "--time-limit", "2"
        ) as server,
        ThreadPoolExecutor(8) as pool,
    ):
        busy = [pool.submit(_post, server, BUSY) for _ in range(8)]
        answers = [one.result() for one in busy]
        refused = [one for one in answers if one.status_code != 200]
        # One runs, one waits; one more may come after the first has ended.
        assert 5 <= len(refused) <= 6
        for one in refused:
            problem(one, 503, "overloaded")
            assert int(one.headers["retry-after"]) >= 1
        for one in answers:
            if one.status_code == 200:
                assert one.json()["error"]["kind"] == "timeout"
        assert _post(server, {"code": "1"}).json()["error"] is None


def test_a_client_that_leaves_frees_its_child(server_with: Callable[..., Any]) -> None:
    with server_with(
        "--children", "1", "--long-runs", "0", "--queue", "0", "--time-limit", "60"
    ) as server:
        url = httpx.URL(server.url)
        body = json.dumps(BUSY).encode()
        with socket.create_connection((url.host, url.port)) as connection:
            head = (
                f"POST {URL} HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            connection.sendall(head.encode() + body)
            _until(lambda: _running(server) == 1)
        _until(lambda: _running(server) == 0)
        assert _post(server, {"code": "1"}).json()["error"] is None


def test_what_runs_is_finished_before_the_end(server_with: Callable[..., Any]) -> None:
    slow = {"code": "import time\nend = time.monotonic() + 1\nwhile time.monotonic() < end: pass"}
    answers: list[httpx.Response] = []
    with server_with() as server:
        asked = threading.Thread(target=lambda: answers.append(_post(server, slow)))
        asked.start()
        _until(lambda: _running(server) == 1)
        server.process.send_signal(signal.SIGTERM)
        asked.join()
        assert server.process.wait(20) == 0
    assert answers[0].status_code == 200
    assert answers[0].json()["error"] is None
