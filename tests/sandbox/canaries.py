"""What hostile programs are set upon, and whether it was touched."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from app.trace import validate
from tests.sandbox.attacks import Attack
from tests.sandbox.running import Running

SECRET = "correct-horse-battery-staple"
_CONTENT = "untouched"


@dataclass
class Canaries:
    """A folder with one file, and a listener that nobody should reach."""

    folder: Path
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    def __post_init__(self) -> None:
        self.folder.chmod(0o777)
        self._file.write_text(_CONTENT)
        self._file.chmod(0o666)
        self.listener.setblocking(False)

    @property
    def _file(self) -> Path:
        return self.folder / "file"

    def code(self, attack: Attack) -> str:
        port = str(self.listener.getsockname()[1])
        return attack.code.replace("@CANARY@", str(self.folder)).replace("@PORT@", port)

    def touched(self) -> str | None:
        """What happened to them, in words; laid out anew for the next."""
        found = None
        names = sorted(path.name for path in self.folder.iterdir())
        if names != ["file"] or self._file.read_text() != _CONTENT:
            found = f"the folder holds {names}"
            for path in self.folder.iterdir():
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
            self._file.write_text(_CONTENT)
            self._file.chmod(0o666)
        try:
            connection, _ = self.listener.accept()
        except BlockingIOError:
            return found
        connection.close()
        return f"{found or ''} a connection was made"


def won(attack: Attack, running: Running, canaries: Canaries) -> str | None:
    """What the attack got, in words; None if nothing.  Its answer must be a trace."""
    answer = running.answer(canaries.code(attack))
    trace = validate(answer)
    if "PWNED" in trace["stdout"]:
        return trace["stdout"][:200]
    if SECRET.encode() in answer:
        return "the secret"
    return canaries.touched()


def winners(attacks: Iterable[Attack], running: Running, canaries: Canaries) -> dict[str, str]:
    """Those that got something, by name."""
    found = {attack.name: won(attack, running, canaries) for attack in attacks}
    return {name: what for name, what in found.items() if what is not None}
