"""What a client asks for: a program, and how to run it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_CODE = 200_000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Input(_Strict):
    """A leaf's value, or the shape of one to be drawn from the seed."""

    value: Any = Field(default=None, description="A number or nested lists of numbers.")
    shape: list[Annotated[int, Field(ge=0)]] | None = None
    dtype: str = "float32"
    requires_grad: bool = True


class SpanTarget(_Strict):
    """An expression, by its exact span; `occurrence` None means every run of it."""

    line: int = Field(ge=1)
    col: int = Field(ge=0)
    end_line: int = Field(ge=1)
    end_col: int = Field(ge=0)
    occurrence: int | None = Field(default=None, ge=0)


class LinesTarget(_Strict):
    """The lines from the first to the second, both included."""

    lines: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]


class NameTarget(_Strict):
    """Every tensor that is bound to this name."""

    name: str


class Intervention(_Strict):
    id: str = Field(max_length=64)
    kind: Literal["detach", "no_grad", "requires_grad", "retain_grad"]
    target: SpanTarget | LinesTarget | NameTarget


class TraceRequest(_Strict):
    """The body of `POST /api/v1/traces`."""

    code: str = Field(max_length=MAX_CODE)
    seed: int = Field(default=0, ge=0, lt=2**63)
    inputs: dict[str, Input] = Field(default_factory=dict)
    interventions: list[Intervention] = Field(default_factory=list, max_length=100)
    gradient: Any = Field(default=None, description="Nested list for a non-scalar root.")
    auto_backward: bool = False
    jacobians: Literal["auto", "all", "none"] = Field(
        default="auto", description="auto: for graphs small enough that they cost little."
    )
    values_of: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="Numbers of this backward call only (0 is the first), of what is computed from "
        "the one before it to the one after, and of the variables at the end: all that a long "
        "training loop needs to show one turn of it. Other numbers are counted in `omitted`.",
    )
    check: bool = Field(
        default=False, description="Compare leaf gradients with finite differences in float64."
    )
