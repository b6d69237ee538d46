"""What the OpenAPI document shows: true requests and a shortened true answer."""

from __future__ import annotations

from typing import Any

SEED_CODE = """\
x = torch.randn(3, requires_grad=True)
y = x+2
a = y*y*3
b = a.mean()
b.backward()
print(x.grad)
"""

REQUEST_EXAMPLES: dict[str, dict[str, Any]] = {
    "backward": {
        "summary": "A scalar and its backward pass",
        "value": {"code": SEED_CODE, "seed": 0},
    },
    "vector": {
        "summary": "A non-scalar root with a gradient argument from outside",
        "value": {
            "code": "x = torch.ones(3, requires_grad=True)\ny = x * 2\n",
            "auto_backward": True,
            "gradient": [0.1, 1.0, 0.0001],
        },
    },
    "expression": {
        "summary": "An expression; its free names become leaves",
        "value": {
            "code": "sin(x)*y + x**2",
            "inputs": {"x": {"value": 1.5}, "y": {"value": [1, 2]}},
            "auto_backward": True,
            "gradient": [1, 1],
        },
    },
    "detach": {
        "summary": "The same program with one expression detached",
        "value": {
            "code": SEED_CODE,
            "interventions": [
                {
                    "id": "cut",
                    "kind": "detach",
                    "target": {"line": 3, "col": 4, "end_line": 3, "end_col": 5},
                }
            ],
        },
    },
}

TRACE_EXAMPLE: dict[str, Any] = {
    "schema_version": 1,
    "runtime": {"python": "3.11.7", "torch": "2.13.0", "seed": 0, "elapsed_ms": {"total": 4.2}},
    "stdout": "tensor([7.0820, 3.4132, -0.3576])\n",
    "stdout_truncated": False,
    "warnings": [],
    "error": None,
    "tensors": [],
    "ops": [],
    "graphs": [],
    "timeline": [],
    "variables": [],
    "omitted": {},
}

#: How the other forms of the same answer begin.
FORMAT_EXAMPLES = {
    "ndjson": '{"kind":"progress","elapsed_ms":250.0,"ops":1200,"nodes":0,"stdout":""}\n',
    "dot": 'digraph backward {\n  "n0" -> "n1";\n}\n',
    "mermaid": "flowchart TB\n  n0 --> n1\n",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"></svg>',
    "html": '<!doctype html>\n<html lang="en"></html>',
}
