"""`make container`: builds the image and runs it confined, without a container engine.

As root, with Debian's buildah and debootstrap.  The base is a tree of Debian
with its Python.  Extra arguments go to buildah (mounts, build arguments):

    python -m tests.container.image [-v /opt/wheels:/opt/wheels:ro ...]

What an engine adds and this leaves out: cgroup limits, the engine's own network,
the profile in its exact form, and HEALTHCHECK by the engine's clock.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

TREE = Path("/var/tmp/gradwalk-base")
BASE, IMAGE = "localhost/gradwalk-base", "localhost/gradwalk"
ENVIRONMENT = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
USER = 10001
CODE = "x = torch.ones(2, requires_grad=True)\\n(x * 3).sum().backward()"
ASK = f"""
import json, urllib.request as r
print(r.urlopen('http://127.0.0.1:8000/readyz', timeout=4).read().decode())
body = json.dumps({{'code': '{CODE}'}}).encode()
kind = {{'Content-Type': 'application/json'}}
asked = r.Request('http://127.0.0.1:8000/api/v1/traces', body, kind)
trace = json.loads(r.urlopen(asked, timeout=20).read())
print(trace['error'] or trace['variables'][0]['grad']['data'])
"""


def _run(*command: str) -> str:
    run = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True)
    return run.stdout.strip()


def base() -> None:
    if not TREE.exists():
        packages = "--include=python3,python3-venv,ca-certificates"
        _run("debootstrap", "--variant=minbase", packages, "bookworm", str(TREE))
    container = _run("buildah", "from", "scratch")
    _run("buildah", "add", "-q", container, str(TREE), "/")
    _run("buildah", "commit", "-q", "--rm", container, BASE)


def run(root: str) -> None:
    """The service in the image's file system, read-only, not root, without a network."""
    confine = [sys.executable, "-m", "tests.container.confine", "--root", root]
    path = "/opt/gradwalk/bin:/usr/bin:/bin"
    environment = {"PATH": path, "HOME": "/nonexistent", "GRADWALK_HOST": "0.0.0.0"}
    service = subprocess.Popen(
        ["unshare", "--mount", "--net", *confine, "--user", str(USER), "--", "gradwalk", "serve"],
        env={**environment, "PATH": f"{path}:/usr/sbin:/sbin"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert service.stdout is not None
        print(service.stdout.readline().strip())
        inside = ["nsenter", "--target", str(service.pid), "--mount", "--net", "--root"]
        for _ in range(20):
            asked = subprocess.run(
                [*inside, "/opt/gradwalk/bin/python", "-c", ASK],
                capture_output=True,
                text=True,
                check=False,
            )
            if asked.returncode == 0:
                break
            time.sleep(1)
        ready, gradient = asked.stdout.strip().splitlines()
        print(json.dumps(json.loads(ready)["sandbox"]["layers"]), gradient)
        assert gradient == "[3.0, 3.0]", asked.stderr
    finally:
        service.terminate()
        assert service.wait(30) == 0
    print("the image serves: read-only, uid", USER, "no capability, no network but loopback")


def main() -> None:
    base()
    build = ["buildah", "bud", "-q", "--format", "docker", "--build-arg", f"BASE={BASE}"]
    build += [*sys.argv[1:], "-t", IMAGE, "."]
    _run(*build)
    container = _run("buildah", "from", IMAGE)
    try:
        root = _run("buildah", "mount", container)
        size = _run("du", "-sm", root).split()[0]
        print(f"image: {size} MB")
        run(root)
    finally:
        _run("buildah", "rm", container)


if __name__ == "__main__":
    main()
