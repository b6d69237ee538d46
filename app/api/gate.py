"""Who may come in: Host and Origin checks, and a rate for each client address."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from ipaddress import ip_network
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.metrics import Metrics
from app.api.problems import Problem
from app.settings import Settings

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
#: Asked by orchestrators under any name; they tell nothing that is secret.
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
_PROGRAMS = "/api/v1/traces"
_CLIENTS = 10_000


class Gate:
    """Refuses requests under a foreign name, from foreign pages, and too many of them."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._any_host = "*" in settings.allowed_hosts
        self._hosts = _LOOPBACK | {host.lower() for host in settings.allowed_hosts}
        if not settings.any_address:
            self._hosts |= {f"[{settings.host}]" if ":" in settings.host else settings.host}
        self._origins = frozenset(settings.cors_origins)
        self._rate = Rate(settings.rate_limit / 60, settings.rate_burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            problem = self._check(scope)
            if problem is not None:
                response = problem.response(scope["state"]["request_id"])
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> Problem | None:
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        if path in _PROBES:
            return None
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if not self._any_host and _name(host) not in self._hosts:
            return Problem(
                "host-not-allowed",
                f"This service is not called {host!r}; its operator can allow the name.",
            )
        if scope["method"] != "POST":
            return None
        origin = headers.get(b"origin")
        if origin is not None and not self._same_or_allowed(origin, host):
            return Problem(
                "origin-not-allowed",
                f"Pages of {origin} may not call this service; its operator can allow the origin.",
            )
        if path == _PROGRAMS:
            wait = self._rate.take(bucket_of(scope), time.monotonic())
            if wait > 0:
                self._metrics.refused("rate_limited")
                seconds = str(math.ceil(wait))
                return Problem(
                    "rate-limited",
                    f"This address has sent too many programs; the next may come in {seconds} s.",
                    headers={"Retry-After": seconds},
                )
        return None

    def _same_or_allowed(self, origin: str, host: str) -> bool:
        if origin in self._origins or "*" in self._origins:
            return True
        return urlsplit(origin).netloc.lower() == host.lower()


def _name(host: str) -> str:
    """A Host header without its port."""
    head, colon, tail = host.lower().rpartition(":")
    return head if colon and tail.isdecimal() else host.lower()


def bucket_of(scope: Scope) -> str:
    """The client's address; of IPv6 its network, for one client has all of a /64."""
    address: str = (scope.get("client") or ("", 0))[0]
    if ":" not in address:
        return address
    return str(ip_network((address.partition("%")[0], 64), strict=False))


class Rate:
    """A token bucket for each address; the least recent addresses are forgotten first."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, now: float) -> float:
        """0 and one token taken, or the seconds until there is one."""
        if self._per_second <= 0:
            return 0.0
        tokens, then = self._buckets.pop(client, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._per_second)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._per_second
        self._buckets[client] = (tokens if wait else tokens - 1, now)
        while len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
        return wait
