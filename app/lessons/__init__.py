"""The teaching snippets: one TOML file each in `texts/`, read once.

A lesson is a program, a few notes bound to steps of its own timeline, and a
question that is answered by acting (a toggle, an edit) and checked against
the trace that the action gives.  Files are ordered by their names.
"""

from app.lessons.lesson import At, Goal, Lesson, Note, Question, all_lessons, get_lesson

__all__ = ["At", "Goal", "Lesson", "Note", "Question", "all_lessons", "get_lesson"]
