"""The graph of a program that never called backward, from the tensors that survived it."""

from __future__ import annotations

from typing import Any

import torch

from app.recorder.graph import walk
from app.recorder.state import State
from app.trace.document import Graph


def not_run_graph(state: State, survivors: list[torch.Tensor]) -> None:
    """Add one graph whose roots are the results that lead to no other result."""
    results: dict[tuple[Any, int], torch.Tensor] = {}
    for tensor in survivors:
        if tensor.grad_fn is not None:
            results.setdefault((tensor.grad_fn, tensor.output_nr), tensor)
    if not results:
        return
    graph: Graph = {
        "id": f"g{len(state.graphs)}", "kind": "not_run", "site": None, "retain_graph": False,
        "create_graph": False, "roots": [], "nodes": [], "edges": [], "order": [],
    }  # fmt: skip
    walked = walk(state, graph, [node for node, _ in results])
    targets = {edge["target"] for edge in graph["edges"]}
    for (node, output), tensor in results.items():
        identity = walked.id_of(node)
        if identity is not None and identity not in targets:
            graph["roots"].append(
                {
                    "node": identity,
                    "output": output,
                    "gradient": None,
                    "tensor": state.tensors.id(tensor),
                }
            )
    walked.release(state.held)
    state.graphs.append(graph)
