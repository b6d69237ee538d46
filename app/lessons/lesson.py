"""What a lesson is, and how its file is read."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

_EventKind = Literal[
    "op", "backward", "node", "accumulate", "zero_grad", "optimizer_step", "print", "error"
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class At(_Strict):
    """The step of the timeline that a note belongs to.

    Of the events of this `kind` (on this `line`, if given), the one with
    number `nth`, from 0; negative numbers count from the end.
    """

    kind: _EventKind
    line: int | None = Field(default=None, ge=1)
    nth: int = 0


class Note(_Strict):
    at: At
    text: str


class Goal(_Strict):
    """What must be true of a later run of the lesson for the question to be answered.

    Every condition that is given must hold.
    """

    #: A variable of the program, for `grad`, `equals` and `requires_grad`.
    variable: str | None = None
    #: Its `.grad` is None, or is there.
    grad: Literal["none", "some"] | None = None
    #: Its `.grad`, row by row, to 4 decimals.
    equals: list[float] | None = None
    #: Whether it requires grad when the run ends.
    requires_grad: bool | None = None
    #: The run ends without (False) or with (True) an error.
    error: bool | None = None
    #: An intervention of this kind, or the same change typed, must be active.
    intervention: Literal["detach", "no_grad", "requires_grad", "retain_grad"] | None = None
    #: The printed output contains this text.
    stdout_contains: str | None = None
    #: How many backward calls ran.
    backward_calls: int | None = None


class Question(_Strict):
    text: str
    hint: str
    goal: Goal
    answer: str


class Lesson(_Strict):
    id: str
    title: str
    section: str
    intro: str
    code: str
    notes: list[Note] = Field(default_factory=list)
    question: Question
    #: The lesson that the page opens on.
    opening: bool = False


@cache
def all_lessons() -> tuple[Lesson, ...]:
    """Every lesson in teaching order; raises `pydantic.ValidationError` on a bad file."""
    folder = resources.files(__package__) / "texts"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return tuple(
        Lesson.model_validate({"id": file.name[3:-5], **tomllib.loads(file.read_text("utf-8"))})
        for file in files
    )


def get_lesson(lesson_id: str) -> Lesson:
    """The lesson with this id; raises KeyError."""
    for lesson in all_lessons():
        if lesson.id == lesson_id:
            return lesson
    raise KeyError(lesson_id)
