"""The service as a container confines it: no capability, no new privileges, and the
system calls refused that Docker's default profile refuses.  And what the container's
files promise.
"""

from __future__ import annotations

import ctypes
import errno
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import running_server

ROOT = Path(__file__).parent.parent.parent
CONFINED = [sys.executable, "-m", "tests.container.confine", "--"]

PROBE = """
import ctypes, json, pathlib
libc = ctypes.CDLL(None, use_errno=True)
def errno_of(call):
    call()
    return ctypes.get_errno()
status = pathlib.Path("/proc/self/status").read_text()
field = lambda name: next(l.split()[1] for l in status.splitlines() if l.startswith(name + ":"))
print(json.dumps({
    "capabilities": int(field("CapEff"), 16) | int(field("CapBnd"), 16),
    "no_new_privileges": field("NoNewPrivs"),
    "unshare": errno_of(lambda: libc.unshare(0)),
    "clone3": errno_of(lambda: libc.syscall(435, 0, 0)),
}))
"""


def test_the_confinement_confines() -> None:
    run = subprocess.run(
        [*CONFINED, sys.executable, "-c", PROBE], capture_output=True, text=True, check=True
    )
    found = json.loads(run.stdout)
    assert found == {
        "capabilities": 0,
        "no_new_privileges": "1",
        "unshare": errno.EPERM,
        "clone3": errno.ENOSYS,
    }
    assert ctypes.CDLL(None).unshare(0) == 0, "not refused outside"


def test_the_service_holds_inside() -> None:
    """Ready means that its self-test passed with what the container leaves it.

    At a low priority, which it then may not raise.
    """
    with running_server(prefix=["nice", "-n", "10", *CONFINED]) as server:
        with server.client() as client:
            sandbox = client.get("/readyz").json()["sandbox"]
        assert sandbox["layers"]["seccomp"] and sandbox["layers"]["rlimits"]
        assert set(sandbox["self_test"].values()) <= {"refused", "killed"}
        code = "x = torch.ones(2, requires_grad=True)\n(x * 3).sum().backward()"
        trace = server.trace(code)
        assert trace["error"] is None
        assert trace["variables"][0]["grad"]["data"] == [3.0, 3.0]
        assert server.trace("open('/etc/passwd')")["error"]["type"] == "PermissionError"
        assert server.trace("while True: pass", seed=1)["error"]["kind"] == "timeout"


def test_compose_closes_what_it_can() -> None:
    service: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"][
        "gradwalk"
    ]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert {"mem_limit", "pids_limit", "cpus"} <= set(service)
    assert service["logging"]["options"]["max-size"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert "privileged" not in service and "volumes" not in service


def test_the_image_is_not_root_and_asks_for_its_health() -> None:
    text = (ROOT / "Dockerfile").read_text()
    last = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER \d+:\d+$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last and "/readyz" in last
    assert "gcc" not in last and "pip" not in last
    assert text.count("FROM ${BASE}") == 2


def test_the_build_gets_all_that_it_copies() -> None:
    """What the wheel is made from is let through .dockerignore, and nothing beside it."""
    ignore = (ROOT / ".dockerignore").read_text().split()
    assert ignore[0] == "*"
    let_through = {line[1:] for line in ignore if line.startswith("!")}
    assert all((ROOT / name).exists() for name in let_through)
    build = (ROOT / "hatch_build.py").read_text() + (ROOT / "pyproject.toml").read_text()
    needed = {name for name in ("vendor.mjs", "standalone.mjs", "README.md") if name in build}
    assert needed | {"app", "static", "templates", "package-lock.json"} <= let_through
