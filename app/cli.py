"""The command `gradwalk`: serve | record | open."""

from __future__ import annotations

import argparse
import os
import sys
import typing
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from app import __version__
from app.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = vars(parser.parse_args(arguments))
    command = options.pop("command")
    try:
        status: int = command(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever reads what we write has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gradwalk", description="Walk the backward pass that autograd really recorded."
    )
    parser.add_argument("--version", action="version", version=f"gradwalk {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    serve = commands.add_parser(
        "serve",
        help="serve the page and the API",
        description="Serve the page and the API. Every option can also be given as an "
        "environment variable, shown in brackets; the option wins.",
    )
    for name, field in Settings.model_fields.items():
        _add_setting(serve, name, field)
    serve.set_defaults(command=_serve)

    record = commands.add_parser(
        "record",
        help="trace a program in this process and write the JSON",
        description="Run FILE here, without server and sandbox, and write its trace.",
    )
    record.add_argument("file", type=Path, help="the program; - reads standard input")
    record.add_argument("-o", "--output", type=Path, help="where to write (standard output)")
    record.add_argument("--seed", type=int, default=0, help="of torch's random numbers (0)")
    record.add_argument(
        "--auto-backward", action="store_true", help="call backward on the last scalar"
    )
    record.set_defaults(command=_record)

    open_ = commands.add_parser("open", help="serve on a free port and open the page in a browser")
    open_.add_argument("file", type=Path, nargs="?", help="a program to open")
    open_.set_defaults(command=_open)
    return parser


def _add_setting(parser: argparse.ArgumentParser, name: str, field: FieldInfo) -> None:
    flag = _flag(name)
    default = field.get_default(call_default_factory=True, validated_data={})
    shown = ",".join(default) if isinstance(default, list) else default
    text = f"{field.description} ({shown or '-'}) [{_variable(name)}]".replace("%", "%%")
    if field.annotation is bool:
        parser.add_argument(
            flag, dest=name, action=argparse.BooleanOptionalAction, default=None, help=text
        )
        return
    choices = _choices(field.annotation)
    parser.add_argument(
        flag,
        dest=name,
        default=None,
        choices=choices,
        metavar=None if choices else name.rsplit("_", 1)[-1].upper(),
        help=text,
    )


def setting_rows() -> list[str]:
    """The table of docs/operations.md: option, default, help."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default if field.default_factory is None else ""
        shown = f"`{default}`" if default not in ("", None) else ""
        rows.append(f"| `{_flag(name)}` | {shown} | {field.description} |")
    return rows


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _variable(name: str) -> str:
    return f"GRADWALK_{name.upper()}"


def _misspelt(environment: Iterable[str]) -> list[str]:
    """A limit whose variable has a typo would not be there, and nobody would be told."""
    known = [_variable(name) for name in Settings.model_fields]
    wrong = []
    for variable in sorted(environment):
        if variable.startswith("GRADWALK_") and variable not in known:
            meant = get_close_matches(variable, known, 1)
            wrong.append(f"{variable}: no such setting" + "".join(f"; {one}?" for one in meant))
    return wrong


def _choices(annotation: Any) -> list[str] | None:
    if typing.get_origin(annotation) is typing.Literal:
        return [str(one) for one in typing.get_args(annotation)]
    return None


def _serve(options: dict[str, Any]) -> int:
    from app.serve import refuse, serve

    given = {name: value for name, value in options.items() if value is not None}
    wrong = _misspelt(os.environ)
    try:
        settings = Settings(**given)
    except ValidationError as error:
        for one in error.errors():
            name = str(one["loc"][0])
            place = _flag(name) if name in given else _variable(name)
            wrong.append(f"{place}: {one['msg']}")
    if wrong:
        print(*(f"gradwalk serve: {one}" for one in wrong), sep="\n", file=sys.stderr)
        return 2
    reason = refuse(settings)
    if reason is not None:
        print(f"gradwalk serve: {reason}", file=sys.stderr)
        return 2
    return serve(settings)


def _record(options: dict[str, Any]) -> int:
    from app.evaluate import evaluate
    from app.trace import TraceRequest

    file: Path = options["file"]
    try:
        code = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return _unreadable("record", file, error)
    # As the program finds them when Python runs it: its arguments, and what it imports.
    sys.argv = [str(file)]
    sys.path.insert(0, str(file.resolve().parent))
    request = TraceRequest(code=code, seed=options["seed"], auto_backward=options["auto_backward"])
    # Who opens the file wants to see the program too.
    parts = evaluate(request, amend=lambda trace: trace.update({"code": code}))
    trace = chain((next(parts),), parts)  # a program that is stopped leaves the file as it was
    if options["output"] is None:
        sys.stdout.buffer.writelines(trace)
        sys.stdout.buffer.write(b"\n")
        return 0
    try:
        with options["output"].open("wb") as file_out:
            file_out.writelines(trace)
    except OSError as error:
        return _unreadable("record", options["output"], error)
    return 0


def _unreadable(command: str, file: Path, error: OSError | UnicodeDecodeError) -> int:
    reason = error.strerror if isinstance(error, OSError) else "not a text in UTF-8"
    print(f"gradwalk {command}: {file}: {reason}", file=sys.stderr)
    return 1


def _open(options: dict[str, Any]) -> int:
    from app.serve import refuse, serve

    file: Path | None = options["file"]
    try:
        code = file.read_text(encoding="utf-8") if file is not None else None
    except (OSError, UnicodeDecodeError) as error:
        return _unreadable("open", options["file"], error)
    settings = Settings(port=0)
    reason = refuse(settings)
    if reason is not None:
        settings = Settings(port=0, unsafe_no_sandbox=True)
        print(f"gradwalk open: {reason}\nIt is your own program, so it runs without.")
    return serve(settings, browser=True, code=code)


if __name__ == "__main__":
    sys.exit(main())
