"""Settings from the environment and the command line, and what is refused."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from app.cli import main
from app.serve import refuse, share_hash
from app.settings import Settings
from app.trace import validate


def _run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["serve", "--help"])
    assert stopped.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name, field in Settings.model_fields.items():
        assert f"--{name.replace('_', '-')}" in shown
        assert f"[GRADWALK_{name.upper()}]" in shown
        assert field.description and field.description in shown


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADWALK_PORT", "81")
    monkeypatch.setenv("GRADWALK_ALLOWED_HOSTS", "a.example, b.example,")
    monkeypatch.setenv("GRADWALK_UNSAFE_NO_SANDBOX", "yes")
    settings = Settings(port=82)
    assert settings.port == 82
    assert settings.allowed_hosts == ["a.example", "b.example"]
    assert settings.unsafe_no_sandbox


def test_bad_values_are_named() -> None:
    run = _run("serve", "--port", "99999", "--rate-limit", "much")
    assert run.returncode == 2
    assert "--port:" in run.stderr and "--rate-limit:" in run.stderr


def test_bad_values_of_the_environment_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADWALK_PORT", "much")
    monkeypatch.setenv("GRADWALK_RATE_LIMT", "60")
    run = _run("serve")
    assert run.returncode == 2
    assert "GRADWALK_PORT: Input should be a valid integer" in run.stderr
    assert "GRADWALK_RATE_LIMT: no such setting; GRADWALK_RATE_LIMIT?" in run.stderr


@pytest.mark.parametrize(
    ("setting", "wrong", "right"),
    [
        ("cors_origins", "course.example", "https://course.example"),
        ("cors_origins", "https://course.example/", "http://localhost:8888"),
        ("embed_origins", "https://a.example; script-src *", "https://*.a.example"),
        ("allowed_hosts", "https://gradwalk.example", "gradwalk.example"),
        ("allowed_hosts", "gradwalk.example:8000", "[::1]"),
        ("trusted_proxies", "proxy", "10.0.0.0/8"),
    ],
)
def test_what_would_never_match_is_refused(setting: str, wrong: str, right: str) -> None:
    values: dict[str, Any] = {setting: f"*,{right}"}
    assert getattr(Settings(**values), setting) == ["*", right]
    values = {setting: wrong}
    with pytest.raises(ValidationError):
        Settings(**values)


def test_under_the_path_of_a_proxy(server_with: Callable[..., Any]) -> None:
    """The proxy strips the path from what it asks, and the pages have it in what they ask."""
    with server_with("--root-path", "tools/gradwalk/") as server, httpx.Client() as client:
        own, _, path = server.url.partition("/tools/gradwalk")
        assert path == ""
        page = client.get(own + "/").text
        assert '"/tools/gradwalk/static/' in page
        (script,) = re.findall(r'src="/tools/gradwalk(/static/[^"]+/studio.js)"', page)
        assert client.get(own + script).headers["cache-control"].endswith("immutable")
        answer = client.post(f"{own}/api/v1/traces", json={"code": "print(1)"})
        assert answer.json()["stdout"] == "1\n"
        assert client.get(f"{own}/openapi.json").json()["servers"] == [{"url": "/tools/gradwalk"}]
        assert client.get(f"{own}/healthz", headers={"Host": "10.1.2.3"}).status_code == 200
        assert client.get(f"{own}/nowhere").status_code == 404
        metrics = client.get(f"{own}/metrics").text
        for route in ("/", "/static", "/api/v1/traces"):
            assert f'route="{route}"' in metrics
    assert not any("Deprecat" in line for line in server.log)


def test_the_address_that_is_printed_answers(server_with: Callable[..., Any]) -> None:
    with server_with("--host", "0.0.0.0") as server, server.client() as client:
        assert server.url.startswith("http://localhost:")
        assert client.get("/healthz").status_code == client.get("/").status_code == 200
        assert any("--allowed-hosts" in line for line in server.log)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "gradwalk.example"])
def test_without_sandbox_only_on_loopback(host: str) -> None:
    reason = refuse(Settings(host=host, unsafe_no_sandbox=True))
    assert reason is not None and "127.0.0.1" in reason
    assert refuse(Settings(host="::1", unsafe_no_sandbox=True)) is None


def test_other_systems_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    reason = refuse(Settings())
    assert reason is not None and "--unsafe-no-sandbox" in reason


def test_without_sandbox_programs_still_cannot_end_the_service(
    server_with: Callable[..., Any],
) -> None:
    """--unsafe-no-sandbox: the same answers, from processes that nothing holds."""
    with server_with("--unsafe-no-sandbox", "--time-limit", "3") as server:
        assert server.trace("open('/dev/null').read()")["error"] is None
        trace = server.trace("x = torch.ones(2, requires_grad=True)\n(x * 3).sum().backward()")
        assert trace["variables"][0]["grad"]["data"] == [3.0, 3.0]
        assert server.trace("import sys\nprint(sys.argv)")["stdout"] == "['main.py']\n"
        assert server.trace("while True: pass")["error"]["kind"] == "timeout"
        assert server.trace("import os\nos.abort()")["error"]["kind"] == "crash"
        with server.client() as client:
            lines = client.post("/api/v1/traces?format=ndjson", json={"code": "1"}).text
            assert client.get("/readyz").json()["sandbox"]["layers"] == {}
        assert json.loads(lines.splitlines()[-1])["trace"]["error"] is None


def test_a_taken_port_is_told(server: Any) -> None:
    port = server.url.rpartition(":")[2]
    run = _run("serve", "--port", port)
    assert run.returncode == 1
    assert f":{port}: Address already in use" in run.stderr


def test_a_share_hash_holds_the_program() -> None:
    code = "print('é')\nx = torch.ones(2)"
    packed = share_hash(code).removeprefix("#z=")
    raw = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
    assert json.loads(zlib.decompress(raw, wbits=-15)) == {"c": code}
    assert share_hash(None) == ""


def test_record_writes_the_trace(tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text(
        "import torch\nx = torch.ones(2, requires_grad=True)\n(x * 3).sum().backward()"
    )
    out = tmp_path / "trace.json"
    assert _run("record", str(program), "-o", str(out)).returncode == 0
    trace = validate(out.read_bytes())
    assert trace["error"] is None
    assert trace["code"] == program.read_text()
    (x,) = (one for one in trace["variables"] if one["name"] == "x")
    assert x["grad"] is not None and x["grad"]["data"] == [3.0, 3.0]
    program.write_text("import sys\nprint(sys.argv)")
    recorded = json.loads(_run("record", str(program)).stdout)
    assert recorded["stdout"] == f"{[str(program)]}\n"
    (tmp_path / "helper.py").write_text("answer = 42")
    program.write_text("from helper import answer\nprint(answer)")
    assert json.loads(_run("record", str(program)).stdout)["stdout"] == "42\n"
    piped = _run("record", "-", stdin="print(1/0)")
    assert json.loads(piped.stdout)["error"]["type"] == "ZeroDivisionError"


def test_a_reader_that_has_had_enough_is_no_error(tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text("import torch\nfor i in range(3000): x = torch.ones(60) * i")
    run = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "record", str(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert run.stdout is not None and run.stderr is not None
    assert run.stdout.read(10) == b'{"schema_v'
    run.stdout.close()
    assert run.stderr.read() == b""
    assert run.wait() == 141


@pytest.mark.parametrize("command", ["record", "open"])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, command: str) -> None:
    binary = tmp_path / "model.pt"
    binary.write_bytes(b"\xff\xfe\x00")
    for file, reason in (
        (tmp_path / "nowhere.py", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (binary, "not a text in UTF-8"),
    ):
        run = _run(command, str(file))
        assert (run.returncode, run.stderr) == (1, f"gradwalk {command}: {file}: {reason}\n")


def test_a_trace_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    place = tmp_path / "nowhere" / "trace.json"
    run = _run("record", "-", "-o", str(place), stdin="1")
    assert (run.returncode, run.stderr) == (
        1,
        f"gradwalk record: {place}: No such file or directory\n",
    )
