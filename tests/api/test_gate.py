"""Who may come in: Host, Origin, CORS, and the rate for each address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from app.api.gate import Rate, bucket_of
from tests.api.test_traces import URL, problem


def test_only_our_own_names(client: httpx.Client) -> None:
    for host in ("rebound.example", "localhost.example", "127.0.0.1.example:80", ""):
        problem(client.get("/", headers={"Host": host}), 400, "host-not-allowed")
    for host in ("localhost", "LOCALHOST:8000", "127.0.0.1", "[::1]:8000"):
        assert client.get("/", headers={"Host": host}).status_code == 200


def test_probes_come_under_any_name(client: httpx.Client) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert client.get(path, headers={"Host": "10.1.2.3"}).status_code == 200


def test_pages_of_others_may_not_post(client: httpx.Client, server: Any) -> None:
    body = {"code": "1"}
    for origin in ("https://other.example", "null", "http://localhost:1"):
        response = client.post(URL, json=body, headers={"Origin": origin})
        problem(response, 403, "origin-not-allowed")
        assert "access-control-allow-origin" not in response.headers
    assert client.post(URL, json=body, headers={"Origin": server.url}).status_code == 200


def test_settings_of_the_gate(server_with: Callable[..., Any]) -> None:
    """One server with all of them: names, CORS, frames and the rate."""
    origin = "https://course.example"
    with (
        server_with(
            *("--allowed-hosts", "gradwalk.example,other.example"),
            *("--cors-origins", origin, "--embed-origins", f"{origin},https://b.example"),
            *("--rate-limit", "6", "--rate-burst", "3"),
        ) as server,
        server.client() as client,
    ):
        assert client.get("/", headers={"Host": "other.example"}).status_code == 200
        problem(client.get("/", headers={"Host": "third.example"}), 400, "host-not-allowed")

        asked = client.options(
            URL,
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type",
            },
        )
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == origin

        policy = client.get("/embed").headers["content-security-policy"]
        assert policy.endswith(f"frame-ancestors {origin} https://b.example")
        assert "frame-ancestors 'none'" in client.get("/").headers["content-security-policy"]

        for _ in range(3):
            answered = client.post(URL, json={"code": "1"}, headers={"Origin": origin})
            assert answered.status_code == 200
            assert answered.headers["access-control-allow-origin"] == origin
        refused = client.post(URL, json={"code": "1"})
        problem(refused, 429, "rate-limited")
        elsewhere = client.post(URL, json={"code": "1"}, headers={"Origin": origin})
        problem(elsewhere, 429, "rate-limited")
        assert elsewhere.headers["access-control-allow-origin"] == origin
        assert 1 <= int(refused.headers["retry-after"]) <= 10
        assert client.get("/").status_code == 200
        assert 'gradwalk_refused_total{reason="rate_limited"} 2.0' in client.get("/metrics").text


def test_a_bucket_fills_again() -> None:
    rate = Rate(per_second=2.0, burst=2)
    assert rate.take("a", 0.0) == rate.take("a", 0.0) == 0.0
    assert rate.take("a", 0.0) == pytest.approx(0.5)
    assert rate.take("b", 0.0) == 0.0
    assert rate.take("a", 0.4) == pytest.approx(0.1)
    assert rate.take("a", 0.5) == 0.0
    assert [rate.take("a", 100.0) for _ in range(3)] == [0.0, 0.0, 0.5]


def test_no_rate_by_default() -> None:
    rate = Rate(per_second=0.0, burst=1)
    assert [rate.take("a", 0.0) for _ in range(100)] == [0.0] * 100


def test_an_ipv6_network_is_one_client() -> None:
    def bucket(address: str) -> str:
        return bucket_of({"client": (address, 1)})

    assert bucket("192.0.2.1") == "192.0.2.1" != bucket("192.0.2.2")
    assert bucket("2001:db8::1") == bucket("2001:db8::ffff:1:2") != bucket("2001:db8:0:1::1")
    assert bucket("fe80::1%eth0") == bucket("fe80::2")
