"""Around every answer: headers, ids, compression, caching, logs, metrics."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import zstandard

from app.api.wire import accepted_encodings
from tests.api.test_traces import URL
from tests.conftest import Server

LONG = {"code": "x = torch.randn(3, requires_grad=True)\n" + "x = x * 2\n" * 30}


@pytest.mark.parametrize("path", ["/", "/embed", "/docs", "/healthz", "/static/main.js", "/no"])
def test_security_headers(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "server" not in headers


def test_a_pages_policy_allows_nothing_inline_or_outside(client: httpx.Client) -> None:
    first, second = (client.get("/").headers["content-security-policy"] for _ in range(2))
    policy = dict(part.split(" ", 1) for part in first.split("; "))
    nonce = re.search(r"'nonce-([^']+)'", first)
    assert nonce and nonce[0] not in second
    assert policy["script-src"] == f"'self' 'wasm-unsafe-eval' {nonce[0]}"
    assert policy["style-src"] == f"'self' {nonce[0]}"
    assert policy["connect-src"] == "'self'"
    assert not re.search(r"https?:|\*|unsafe-inline|'unsafe-eval'", first)


def test_request_ids(client: httpx.Client) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "a.b-1"}).headers["x-request-id"] == (
        "a.b-1"
    )
    for bad in ("x" * 65, "a b", "<i>"):
        made = client.get("/healthz", headers={"X-Request-ID": bad}).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{16}", made)


def test_compression(client: httpx.Client) -> None:
    """The same trace plain, as gzip and as zstd; the times in it differ."""

    def body(accept: str) -> tuple[str | None, bytes]:
        with client.stream("POST", URL, json=LONG, headers={"Accept-Encoding": accept}) as answer:
            raw = b"".join(answer.iter_raw())
            assert int(answer.headers["content-length"]) == len(raw)
            assert "Accept-Encoding" in answer.headers["vary"]
            return answer.headers.get("content-encoding"), raw

    coding, plain = body("identity")
    assert coding is None
    coding, zipped = body("gzip")
    assert coding == "gzip"
    coding, packed = body("gzip, deflate, br, zstd")
    assert coding == "zstd"
    for raw, small in (
        (gzip.decompress(zipped), zipped),
        (zstandard.decompress(packed), packed),
    ):
        assert json.loads(raw)["ops"] == json.loads(plain)["ops"]
        assert len(small) < len(plain) / 4


def test_which_coding_is_taken() -> None:
    assert accepted_encodings("") == []
    assert accepted_encodings("br") == []
    assert accepted_encodings("gzip, zstd") == ["zstd", "gzip"]
    assert accepted_encodings("*") == ["zstd", "gzip"]
    assert accepted_encodings("zstd;q=0, gzip;q=0.5") == ["gzip"]
    assert accepted_encodings("*;q=0, gzip") == ["gzip"]
    assert accepted_encodings("gzip;q=much") == []


def test_static_files_are_cached_by_content(client: httpx.Client) -> None:
    page = client.get("/").text
    paths = set(re.findall(r'"(/static/[^"]+)"', page))
    assert len(paths) >= 4
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    tag = answer.headers["etag"]
    for sent, status in (
        (f'"other", {tag}', 304),
        (tag.removeprefix("W/"), 304),
        ("*", 304),
        ('"other"', 200),
    ):
        assert client.get(path, headers={"If-None-Match": sent}).status_code == status
    plain = client.get("/static/main.js")
    assert plain.headers["cache-control"] == "no-cache"
    other_version = client.get("/static/0123456789abcdef/main.js")
    assert other_version.content == plain.content
    assert other_version.headers["cache-control"] == "no-cache"


def test_static_serves_its_own_folder_only(client: httpx.Client) -> None:
    for path in ("/static/../app/main.py", "/static/%2e%2e/app/main.py", "/static//etc/passwd"):
        assert client.get(path).status_code == 404


def test_logs_have_ids_and_no_code(server_with: Callable[..., Any]) -> None:
    code = "secret_name = 1/0"
    for log_code in (False, True):
        flags = ["--log-format", "json"] + (["--log-code"] if log_code else [])
        with server_with(*flags) as server:
            with server.client() as client:
                client.post(URL, json={"code": code}, headers={"X-Request-ID": "find-me"})
            _until(lambda: any("find-me" in line for line in server.log))
            lines = [json.loads(line) for line in server.log]
        found = next(line for line in lines if line.get("request_id") == "find-me")
        assert found["message"] == f"POST {URL} 200"
        assert found["end"] == "exception"
        assert found["milliseconds"] > 0 and found["client"] == "127.0.0.1"
        assert ("secret_name" in json.dumps(lines)) == log_code


def test_metrics_count_ends(client: httpx.Client) -> None:
    def count(end: str) -> float:
        text = client.get("/metrics").text
        found = re.search(rf'gradwalk_program_seconds_count{{end="{end}"}} (\S+)', text)
        return float(found[1]) if found else 0.0

    before = {end: count(end) for end in ("ok", "exception", "syntax")}
    client.post(URL, json={"code": "1"})
    client.post(URL, json={"code": "1/0"})
    client.post(URL, json={"code": "("})
    client.post(URL, json={"code": 'print(\'"error":{"kind":"crash"\')'})
    after = {end: count(end) for end in ("ok", "exception", "syntax")}
    assert {end: after[end] - before[end] for end in before} == {
        "ok": 2.0,
        "exception": 1.0,
        "syntax": 1.0,
    }
    text = client.get("/metrics").text
    for name in ("children", "programs_running", "programs_queued", "request_seconds_bucket"):
        assert f"gradwalk_{name}" in text


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_head_is_get_without_its_body(client: httpx.Client) -> None:
    for path in ("/", "/healthz", "/static/main.js", "/api/v1/lessons"):
        plain = {"Accept-Encoding": "identity"}
        head, get = client.head(path, headers=plain), client.get(path, headers=plain)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == get.headers["content-length"] != "0"
    assert client.head(URL).status_code == 405


def test_a_path_cannot_forge_a_log_line_or_a_label(server: Server, client: httpx.Client) -> None:
    client.get("/x%0aforged", headers={"X-Request-ID": "forger"})
    client.request("FORGED", "/")
    _until(lambda: any("forger" in line for line in server.log))
    assert not any(line.startswith("forged") for line in server.log)
    assert "FORGED" not in client.get("/metrics").text
