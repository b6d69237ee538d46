"""Errors as `application/problem+json` (RFC 9457).

    Problem
      invalid (400, 422), too_large (413), unsupported (415), forbidden (403),
      too_many (429), overloaded (503), ...

`type` is a stable URI that a program can compare; `detail` is for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
INTERNAL_DETAIL = "The fault is ours and has been logged; the program was not the cause."


class InvalidField(BaseModel):
    """One thing that is wrong with the request."""

    pointer: str = Field(
        description="JSON pointer into the body; of a parameter, such as /query/format.",
        examples=["/seed"],
    )
    detail: str = Field(examples=["Input should be greater than or equal to 0"])


class ProblemDocument(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(examples=["urn:gradwalk:problem:invalid-request"])
    title: str = Field(examples=["The request is not valid"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["seed: Input should be greater than or equal to 0"])
    request_id: str | None = Field(default=None, description="As in X-Request-ID and the logs.")
    errors: list[InvalidField] | None = Field(default=None, description="Field by field.")


#: name -> (status, title)
KINDS: dict[str, tuple[int, str]] = {
    "not-json": (400, "The body is not JSON"),
    "host-not-allowed": (400, "This name is not served here"),
    "origin-not-allowed": (403, "This origin may not call the API"),
    "not-found": (404, "There is nothing here"),
    "method-not-allowed": (405, "This method is not supported here"),
    "not-acceptable": (406, "None of the accepted formats can be given"),
    "too-large": (413, "The request is too large"),
    "unsupported-media-type": (415, "The body must be application/json"),
    "invalid-request": (422, "The request is not valid"),
    "nothing-to-draw": (422, "The trace has no such graph"),
    "too-large-to-draw": (422, "The graph is too large for a picture"),
    "rate-limited": (429, "Too many programs from this address"),
    "internal": (500, "Something went wrong here"),
    "overloaded": (503, "Too busy to run this now"),
    "not-ready": (503, "Not ready to run programs"),
}


class Problem(Exception):
    """Raise it anywhere below the routes; it becomes the response."""

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})

    @property
    def status(self) -> int:
        return KINDS[self.kind][0]

    def document(self, request_id: str | None) -> dict[str, Any]:
        status, title = KINDS[self.kind]
        document: dict[str, Any] = {
            "type": f"urn:gradwalk:problem:{self.kind}",
            "title": title,
            "status": status,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.errors is not None:
            document["errors"] = self.errors
        return document

    def response(self, request_id: str | None) -> Response:
        return Response(
            orjson.dumps(self.document(request_id)),
            self.status,
            headers=self.headers,
            media_type=MEDIA_TYPE,
        )


def request_id_of(request: Request) -> str | None:
    value: str | None = request.scope.get("state", {}).get("request_id")
    return value


async def handle_problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return problem.response(request_id_of(request))


async def handle_validation(request: Request, error: Exception) -> Response:
    """A query parameter that is not what the document says."""
    assert isinstance(error, RequestValidationError)
    errors = [
        {"pointer": "".join(f"/{part}" for part in one["loc"]), "detail": one["msg"]}
        for one in error.errors()
    ]
    detail = "; ".join(f"{one['pointer'][1:]}: {one['detail']}" for one in errors)
    return Problem("invalid-request", detail, errors=errors).response(request_id_of(request))


async def handle_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own 404 and 405, in our shape."""
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code == 404:
        problem = Problem("not-found", f"Nothing is called {path}. /docs lists every path.")
    elif error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        problem = method_not_allowed(request.method, path, allowed)
    else:
        phrase = HTTPStatus(error.status_code).phrase
        problem = Problem("internal", f"{request.method} {path}: {phrase}")
    return problem.response(request_id_of(request))


def method_not_allowed(method: str, path: str, allowed: str) -> Problem:
    """`allowed` is what the header Allow says, such as "GET, HEAD"."""
    if "GET" in allowed and "HEAD" not in allowed:
        allowed += ", HEAD"
    return Problem(
        "method-not-allowed",
        f"{path} does not take {method}, but {allowed.replace(', ', ' and ')}.",
        headers={"Allow": allowed},
    )


async def handle_unexpected(request: Request, error: Exception) -> Response:
    """A fault of ours: logged in full by the server, told to the client without detail."""
    del error
    return Problem("internal", INTERNAL_DETAIL).response(request_id_of(request))


def responses(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries of these errors, with an example each."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        status, title = KINDS[kind]
        entry = found.setdefault(
            status,
            {
                "description": title,
                "content": {
                    MEDIA_TYPE: {
                        "schema": {"$ref": "#/components/schemas/ProblemDocument"},
                        "examples": {},
                    }
                },
            },
        )
        if title not in entry["description"]:
            entry["description"] += f". {title}"
        entry["content"][MEDIA_TYPE]["examples"][kind] = {
            "value": {
                "type": f"urn:gradwalk:problem:{kind}",
                "title": title,
                "status": status,
                "detail": f"{title}.",
                "request_id": "5f0c2a9be1d34c77",
            }
        }
        if kind in ("overloaded", "rate-limited", "not-ready"):
            entry["headers"] = {
                "Retry-After": {
                    "description": "Seconds to wait before the next try.",
                    "schema": {"type": "integer", "minimum": 1},
                }
            }
    return found
