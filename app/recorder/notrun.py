"""The graph of a program that never called backward, from the tensors that survived it."""

from __future__ import annotations

from typing import Any

import torch

from app.recorder.graph import walk
from app.recorder.graphlog import GraphLog, RootRow
from app.recorder.history import grad_fn
from app.recorder.state import State
from app.recorder.summaries import NOTHING


def not_run_graph(state: State, survivors: list[torch.Tensor]) -> None:
    """Add one graph whose roots are the results that lead to no other result."""
    results: dict[tuple[Any, int], torch.Tensor] = {}
    for tensor in survivors:
        node = grad_fn(tensor)
        if node is not None:
            results.setdefault((node, tensor.output_nr), tensor)
    if not results:
        return
    log = GraphLog(len(state.graphs), "not_run")
    walked = walk(state, log, [node for node, _ in results])
    targets = set(log.targets)
    for (node, output), tensor in results.items():
        index = walked.index.get(node)
        if index is not None and index not in targets:
            log.roots.append(RootRow(index, output, NOTHING, state.tensors.id(tensor)))
    walked.release(state.held)
    state.graphs.append(log)
