"""GET /api/v1/operators: the rule of every kind of backward node."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from app.api.problems import Problem, responses
from app.explain.operators import Operator, OperatorSummary, operator, operators


class Operators(BaseModel):
    """The operators that match, those with a maths rule first."""

    operators: list[OperatorSummary]


router = APIRouter(prefix="/api/v1", tags=["operators"])


@router.get(
    "/operators",
    operation_id="listOperators",
    summary="Every kind of backward node that torch can make",
    responses=responses("host-not-allowed"),
)
def list_operators(
    q: Annotated[
        str, Query(max_length=100, description="Words to look for in names, titles and texts.")
    ] = "",
) -> Operators:
    return Operators(operators=operators(q))


@router.get(
    "/operators/{name}",
    operation_id="getOperator",
    summary="One kind of backward node: its rule in maths, words and torch's own formula",
    responses=responses("host-not-allowed", "not-found"),
)
def read_operator(name: str) -> Operator:
    found = operator(name)
    if found is None:
        raise Problem("not-found", f"No backward node is called {name!r}.")
    return found
