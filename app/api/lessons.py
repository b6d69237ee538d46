"""GET /api/v1/lessons: the teaching snippets, in order."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from app.api.problems import Problem, responses
from app.lessons import Lesson, all_lessons, get_lesson


class Lessons(BaseModel):
    """All lessons in teaching order."""

    lessons: list[Lesson]


router = APIRouter(prefix="/api/v1", tags=["lessons"])


@router.get(
    "/lessons",
    operation_id="listLessons",
    summary="Every lesson, in teaching order",
    responses=responses("host-not-allowed"),
)
async def list_lessons() -> Lessons:
    return Lessons(lessons=list(all_lessons()))


@router.get(
    "/lessons/{lesson_id}",
    operation_id="getLesson",
    summary="One lesson",
    responses=responses("host-not-allowed", "not-found"),
)
async def read_lesson(lesson_id: str) -> Lesson:
    try:
        return get_lesson(lesson_id)
    except KeyError:
        raise Problem("not-found", f"No lesson is called {lesson_id!r}.") from None
