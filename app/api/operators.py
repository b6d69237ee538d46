"""GET /api/v1/operators: what each kind of backward node computes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from app.api.problems import Problem, responses
from app.explain.operators import Operator, OperatorSummary, operator, operators

_CACHED = {"Cache-Control": "public, max-age=3600"}

router = APIRouter(prefix="/api/v1", tags=["operators"])


class Operators(BaseModel):
    """Every kind of node that is known, those with a rule in maths first."""

    operators: list[OperatorSummary]


@router.get(
    "/operators",
    operation_id="listOperators",
    summary="Every kind of backward node",
    responses=responses("host-not-allowed", "invalid-request"),
)
def list_operators(
    response: Response,
    query: Annotated[
        str, Query(max_length=200, description="Words to be found in names, titles and texts.")
    ] = "",
) -> Operators:
    response.headers.update(_CACHED)
    return Operators(operators=operators(query))


@router.get(
    "/operators/{name}",
    operation_id="getOperator",
    summary="The derivative rule of one kind of node",
    responses=responses("host-not-allowed", "not-found"),
)
def read_operator(name: str, response: Response) -> Operator:
    """By the engine's name, such as MulBackward0: the rule in maths and in words, torch's own
    formulas, and a worked example."""
    found = operator(name)
    if found is None:
        raise Problem("not-found", f"No backward node is called {name!r}.")
    response.headers.update(_CACHED)
    return found
