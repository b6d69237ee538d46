"""The documentation is true: examples run, tables are complete, links lead somewhere."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.api.formats import FORMATS
from app.api.problems import KINDS
from app.cli import setting_rows
from app.trace import TraceRequest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SERVED = "http://127.0.0.1:8000"


def _blocks(page: Path, *languages: str) -> list[tuple[str, str]]:
    found = re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    return [(language, text) for language, text in found if language in languages]


@pytest.mark.parametrize("name", ["README.md", "docs/api.md"])
def test_python_examples_print_what_they_say(name: str, server: Any) -> None:
    names: dict[str, Any] = {}
    printed: str | None = None
    ran = 0
    for language, text in _blocks(ROOT / name, "python", "output"):
        if language == "output":
            assert printed == text
            continue
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(text.replace(SERVED, server.url), name, "exec"), names)
        printed = out.getvalue()
        said = re.findall(r"^# (.*)$", text, re.MULTILINE)
        if said:
            assert printed.splitlines() == said
        ran += 1
    assert ran > 0


@pytest.mark.parametrize("name", ["README.md", "docs/api.md"])
def test_curl_examples_answer(name: str, server: Any, tmp_path: Path) -> None:
    commands = [text for _, text in _blocks(ROOT / name, "sh") if text.startswith("curl ")]
    assert commands
    for text in commands:
        command = text.replace(SERVED, server.url).replace("curl -s", "curl -sS --fail")
        run = subprocess.run(
            ["sh", "-ec", command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
        written = [path.read_text() for path in tmp_path.iterdir()]
        assert any(text.startswith(("{", "<svg", "<?xml")) for text in (run.stdout, *written))


def test_every_setting_is_documented_as_it_is() -> None:
    """A setting, its default or its help changed: so must docs/operations.md."""
    text = (ROOT / "docs/operations.md").read_text()
    rows = re.findall(r"^\| `--.*\|$", text, re.MULTILINE)
    assert rows == setting_rows()


def test_every_problem_form_and_field_is_documented() -> None:
    text = (ROOT / "docs/api.md").read_text()
    for kind in KINDS:
        assert f"`{kind}`" in text
    for name, media in FORMATS.items():
        assert f"| `{name}` | `{media}` |" in text
    for field in TraceRequest.model_fields:
        assert f"| `{field}` |" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"
