"""Shared by all tests: a real server on a free port, and a real browser."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Server:
    """A `gradwalk serve` of its own: where it listens, its process, and what it wrote."""

    url: str
    process: subprocess.Popen[str]
    #: Lines of standard error: the log.
    log: list[str] = field(default_factory=list)

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60, trust_env=False, **options)

    def trace(self, code: str, **request: Any) -> dict[str, Any]:
        """The trace of a program, over HTTP."""
        with self.client() as client:
            response = client.post("/api/v1/traces", json={"code": code, **request})
        response.raise_for_status()
        found: dict[str, Any] = response.json()
        return found


@contextmanager
def running_server(
    *arguments: str, prefix: Sequence[str] = (), **environment: str
) -> Iterator[Server]:
    """`gradwalk serve` with these arguments on a free port; stopped at the end.

    `prefix` is a command that runs it, such as a confinement.
    """
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GRADWALK_")}
    process = subprocess.Popen(
        [*prefix, sys.executable, "-m", "app.cli", "serve", "--port", "0", *arguments],
        env={**clean, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    log: list[str] = []
    reader = threading.Thread(target=log.extend, args=(process.stderr,), daemon=True)
    reader.start()
    try:
        said = process.stdout.readline()
        found = re.search(r"http://\S+", said)
        if found is None:
            process.kill()
            reader.join(5)
            raise RuntimeError(f"gradwalk serve did not start: {said}{''.join(log)}")
        yield Server(found[0].rstrip("/"), process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(5)
        process.stdout.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The service with its defaults, sandbox included."""
    with running_server() as started:
        yield started


@pytest.fixture(scope="session")
def server_with() -> Callable[..., Any]:
    """Makes servers with other settings: `with server_with("--queue", "0") as server:`."""
    return running_server


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as made:
        yield made


def find_chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    raise RuntimeError("The browser tests need chromium; `make test` says how to get it.")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile at the size of a laptop; asks for nothing outside the server."""
    made = browser.new_context(viewport={"width": 1440, "height": 900})
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page whose test fails if a script throws or a policy is violated."""
    faults: list[str] = []
    made = context.new_page()
    made.on("pageerror", lambda error: faults.append(str(error)))
    made.on(
        "console",
        lambda message: (
            faults.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield made
    assert not faults, "\n".join(faults)
