"""A client that asks for much at once does not keep the others waiting."""

from __future__ import annotations

import asyncio

from app.sandbox.evaluator import Overloaded
from app.sandbox.lanes import Lanes
from app.sandbox.turns import Turns
from tests.sandbox.running import on_a_loop


def test_clients_have_their_turns() -> None:
    turns: Turns[str] = Turns()
    for client, one in ("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), ("c", "c1"), ("b", "b2"):
        turns.add(client, one)
    turns.remove("c", "c1")
    turns.remove("c", "c1")
    assert len(turns) == 5
    assert [turns.next() for _ in range(len(turns))] == ["a1", "b1", "a2", "b2", "a3"]
    assert not turns


def test_who_waits_for_most_makes_room() -> None:
    turns: Turns[str] = Turns()
    for one in ("a1", "a2", "a3"):
        turns.add("a", one)
    turns.add("b", "b1")
    assert turns.displace("a") is None
    assert turns.displace("new") == "a3"
    assert turns.displace("b") is None  # it would wait for as much as the other
    assert [turns.next() for _ in range(len(turns))] == ["a1", "b1", "a2"]


def test_a_full_queue_takes_another_client_in_place_of_the_greedy() -> None:
    async def scene() -> tuple[list[str], int]:
        lanes = Lanes(1, 0, 3, 5.0)
        ended: list[str] = []
        refused = 0

        async def program(client: str) -> None:
            nonlocal refused
            try:
                place = await lanes.enter(client)
            except Overloaded:
                refused += 1
                return
            await asyncio.sleep(0.005)
            ended.append(client)
            place.leave()

        greedy = [asyncio.ensure_future(program("greedy")) for _ in range(6)]
        await asyncio.sleep(0)
        assert lanes.queued == 3
        other = asyncio.ensure_future(program("other"))
        await asyncio.gather(other, *greedy)
        assert lanes.running == lanes.queued == 0
        return ended, refused

    ended, refused = on_a_loop(scene())
    # One ran; of six two were refused at once and one gave its place away.
    assert ended == ["greedy", "greedy", "other", "greedy"]
    assert refused == 3


def test_who_gives_up_leaves_no_trace_in_the_queue() -> None:
    async def scene() -> None:
        lanes = Lanes(1, 0, 4, 0.02)
        place = await lanes.enter("a")
        waiting = asyncio.ensure_future(lanes.enter("b"))
        late = asyncio.ensure_future(lanes.enter("c"))
        await asyncio.sleep(0)
        waiting.cancel()
        results = await asyncio.gather(waiting, late, return_exceptions=True)
        assert [type(one) for one in results] == [asyncio.CancelledError, Overloaded]
        assert lanes.queued == 0
        place.leave()
        (await lanes.enter("d")).leave()
        assert lanes.running == 0

    on_a_loop(scene())
