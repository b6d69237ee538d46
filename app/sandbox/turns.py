"""Those who wait, one turn for each client after the other.

In the order of arrival alone, a client that sends a hundred requests at once would
make all others wait for a hundred programs.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    def __init__(self) -> None:
        #: By client, the one whose turn it is first; none is empty.
        self._clients: OrderedDict[str, deque[T]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, client: str, one: T) -> None:
        self._clients.setdefault(client, deque()).append(one)
        self._count += 1

    def next(self) -> T:
        """The oldest of the client whose turn it is; raises KeyError where nobody waits."""
        client, waiting = self._clients.popitem(last=False)
        one = waiting.popleft()
        if waiting:
            self._clients[client] = waiting  # the last to have its next turn
        self._count -= 1
        return one

    def remove(self, client: str, one: T) -> None:
        """Where it still waits."""
        waiting = self._clients.get(client)
        if waiting is not None and one in waiting:
            waiting.remove(one)
            self._count -= 1
            if not waiting:
                del self._clients[client]

    def displace(self, client: str) -> T | None:
        """Take out the newest of whoever waits for most, if that leaves `client` no more."""
        most = max(self._clients, key=lambda name: len(self._clients[name]), default=None)
        if most is None or len(self._clients[most]) <= len(self._clients.get(client, ())) + 1:
            return None
        one = self._clients[most].pop()
        self._count -= 1
        return one
