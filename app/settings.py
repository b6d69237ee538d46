"""Every setting of the service: its name, default and help, in one place.

Each is read from the environment as `GRADWALK_<NAME>` and given on the command
line as `--<name>`; the command line wins.  Lists are separated by commas.
"""

from __future__ import annotations

import os
import re
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.trace.limits import Limits
from app.trace.request import MAX_CODE

#: As the Host header has it, without its port.
_HOST = re.compile(r"\*|\[[0-9a-fA-F:.]+\]|[\w.-]+")
#: As the Origin header has it: no path, and nothing that would end a policy's directive.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[\w.*\[\]:-]+")

Names = Annotated[list[str], NoDecode]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="GRADWALK_", extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(
        default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one."
    )
    root_path: str = Field(
        default="",
        description="Path under which a proxy serves us, such as /gradwalk; it strips it.",
    )
    trusted_proxies: Names = Field(
        default_factory=list,
        description="Addresses of proxies whose X-Forwarded-For and -Proto are believed.",
    )
    shutdown_grace: float = Field(
        default=20, ge=0, description="Seconds that running requests are given when told to stop."
    )
    development: bool = Field(
        default=False, description="Read templates and static files anew for every request."
    )

    children: int = Field(
        default_factory=lambda: max(2, _cores()),
        ge=1,
        le=256,
        description="Programs that run at the same time. Default: one a core, at least 2.",
    )
    long_runs: int | None = Field(
        default=None,
        ge=0,
        le=1024,
        description="Programs that may go on at lowest priority after their first tenth of a "
        "second, beside those that begin. Default: 4 for each of --children, at least 8.",
    )
    queue: int = Field(
        default=64, ge=0, description="Requests that wait for a child; beyond it they get 503."
    )
    queue_seconds: float = Field(
        default=10, gt=0, description="Longest wait for a child, then 503."
    )
    time_limit: float = Field(
        default=10, gt=0, le=600, description="Seconds that one program may run."
    )
    memory_limit_mb: int = Field(
        default=1024,
        ge=64,
        description="Megabytes that one program may allocate, beside torch itself.",
    )
    unsafe_no_sandbox: bool = Field(
        default=False,
        description="Run programs without the sandbox; only for your own code, on loopback.",
    )

    max_request_bytes: int = Field(
        default=1_000_000, ge=1_000, description="Largest body of a request; beyond it 413."
    )
    max_code_chars: int = Field(
        default=MAX_CODE,
        ge=1,
        le=MAX_CODE,
        description="Longest program in characters; beyond it 413.",
    )
    max_answer_bytes: int = Field(
        default=64 * 1024 * 1024,
        ge=100_000,
        description="Largest trace; what is cut is counted in it.",
    )
    rate_limit: float = Field(
        default=0, ge=0, description="Programs a minute for each client address; 0 sets no limit."
    )
    rate_burst: int = Field(
        default=20,
        ge=1,
        description="Programs that a client may send at once before the rate counts.",
    )

    allowed_hosts: Names = Field(
        default_factory=list,
        description="Names we are reached by (the Host header), besides loopback; * takes any.",
    )
    cors_origins: Names = Field(
        default_factory=list,
        description="Origins whose pages may call the API, such as https://course.example.",
    )
    embed_origins: Names = Field(
        default_factory=list,
        description="Origins that may show /embed in a frame; * lets any.",
    )

    metrics: bool = Field(default=True, description="Serve Prometheus metrics at /metrics.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="How much is logged."
    )
    log_format: Literal["text", "json"] = Field(default="text", description="Shape of a log line.")
    log_code: bool = Field(
        default=False, description="Log the programs themselves too. They are private: think twice."
    )

    @field_validator(
        "trusted_proxies", "allowed_hosts", "cors_origins", "embed_origins", mode="before"
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("root_path")
    @classmethod
    def _from_the_root(cls, path: str) -> str:
        return f"/{path.strip('/')}" if path.strip("/") else ""

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, proxies: list[str]) -> list[str]:
        for one in proxies:
            if one != "*":
                ip_network(one, strict=False)
        return proxies

    @field_validator("allowed_hosts")
    @classmethod
    def _host_names(cls, hosts: list[str]) -> list[str]:
        for one in hosts:
            if not _HOST.fullmatch(one):
                raise ValueError(f"{one!r} is no name of a host, such as gradwalk.example")
        return hosts

    @field_validator("cors_origins", "embed_origins")
    @classmethod
    def _are_origins(cls, origins: list[str]) -> list[str]:
        for one in origins:
            if one != "*" and not _ORIGIN.fullmatch(one):
                raise ValueError(f"{one!r} is no origin, such as https://course.example")
        return origins

    @cached_property
    def loopback(self) -> bool:
        """Only this machine can reach us."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def any_address(self) -> bool:
        """It listens on all addresses of the machine, and so its own name is not among them."""
        return self.host in ("0.0.0.0", "::", "")

    @cached_property
    def limits(self) -> Limits:
        """How much of a run a trace holds."""
        return Limits(trace_bytes=self.max_answer_bytes)
