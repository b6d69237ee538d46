"""Edits of the source: exact columns, whatever the text holds."""

from __future__ import annotations

import ast

from app.explain import source as edits
from app.explain.source import Source, apply


def call(source: Source, name: str) -> ast.Call:
    return next(c for n in range(1, 9) for c in source.calls(n, name))


def test_columns_count_characters_not_bytes() -> None:
    source = Source("größe = 'ä'; y = f(größe)")
    edit = edits.add_argument(source, call(source, "f"), "k=1")
    assert apply(source.code, [edit]) == "größe = 'ä'; y = f(größe, k=1)"


def test_arguments_are_added_to_any_call() -> None:
    for code, expected in (
        ("f()", "f(k=1)"),
        ("f(a)", "f(a, k=1)"),
        ("f(a, )", "f(a, k=1, )"),
        ("f(\n    a,\n    b,\n)", "f(\n    a,\n    b, k=1,\n)"),
        ("f(x for x in y)", "f(x for x in y, k=1)"),
        ("f(*a, **b)", "f(*a, **b, k=1)"),
    ):
        source = Source(code)
        assert apply(code, [edits.add_argument(source, call(source, "f"), "k=1")]) == expected


def test_a_keyword_is_set_over_the_old_value() -> None:
    source = Source("f(a, k=False)")
    assert apply(source.code, [edits.set_keyword(source, call(source, "f"), "k", "True")]) == (
        "f(a, k=True)"
    )


def test_methods_are_put_behind_what_needs_brackets() -> None:
    source = Source("y = f(a + b, c)")
    first, second = call(source, "f").args
    assert (
        apply(source.code, [edits.append_to(source, first, ".sum()")]) == "y = f((a + b).sum(), c)"
    )
    assert (
        apply(source.code, [edits.append_to(source, second, ".sum()")]) == "y = f(a + b, c.sum())"
    )


def test_lines_come_and_go_with_their_indentation() -> None:
    source = Source("if a:\n    b()\n    c()")
    assert apply(source.code, [edits.insert_line(source, 3, "x()")]) == (
        "if a:\n    b()\n    x()\n    c()"
    )
    assert apply(source.code, [edits.add_line(source, 3, "x()")]) == (
        "if a:\n    b()\n    c()\n    x()"
    )
    assert apply(source.code, [edits.delete_lines(source, 2, 2)]) == "if a:\n    c()"
    assert apply(source.code, [edits.delete_lines(source, 3, 3)]) == "if a:\n    b()\n"


def test_several_edits_stand_from_last_to_first() -> None:
    source = Source("a = 1\nb = 2")
    first, second = (
        n for n in ast.walk(source.tree or ast.Module()) if isinstance(n, ast.Constant)
    )
    fix = edits.fix("Both", edits.replace(source, first, "10"), edits.replace(source, second, "20"))
    assert [e["line"] for e in fix["edits"]] == [2, 1]
    assert apply(source.code, fix["edits"]) == "a = 10\nb = 20"


def test_text_that_does_not_parse_has_lines_but_no_calls() -> None:
    source = Source("x = (\ny")
    assert source.tree is None
    assert source.line(2) == "y" and source.line(9) == ""
    assert source.calls(1) == [] and source.statement(1) is None
