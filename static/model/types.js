/**
 * The shapes that the page's parts exchange: the trace as it arrives, and the
 * model that is made of it.  Types only; nothing here runs.
 *
 * @typedef {number | boolean | 'NaN' | 'Infinity' | '-Infinity' | [number, number]} Num
 *   A number as the trace holds it; complex numbers are pairs.
 *
 * @typedef {object} Summary  What is shown of one tensor's numbers.
 * @property {number[]} shape
 * @property {string} dtype
 * @property {Num | null} norm
 * @property {Num | null} min
 * @property {Num | null} max
 * @property {Num | null} mean
 * @property {number} nonfinite
 * @property {any} data  Nested lists, null above the value limit.
 * @property {Num[][] | null} [heat]
 * @property {number[] | null} [histogram]
 *
 * @typedef {{line: number, col: number, end_line: number, end_col: number}} Span
 *   Lines from 1, columns from 0.
 * @typedef {Span & {occurrence: number}} Site
 *
 * @typedef {object} TraceTensor
 * @property {string} id
 * @property {number[]} shape
 * @property {string} dtype
 * @property {boolean} requires_grad
 * @property {boolean} is_leaf
 * @property {string[]} names
 * @property {Summary | null} value
 *
 * @typedef {object} TraceOp
 * @property {string} id
 * @property {string} name
 * @property {Site | null} site
 * @property {string | null} parent
 * @property {string | null} module
 * @property {string[]} inputs
 * @property {string[]} outputs
 * @property {boolean} recorded
 * @property {string | null} why_not_recorded
 * @property {string | null} intervention
 * @property {string | null} [expression]
 * @property {string[]} [mutated]
 * @property {number[]} [iteration]
 *
 * @typedef {{name: string, shape: number[], dtype: string, bytes: number, tensor?: string | null}} Saved
 * @typedef {{input: number, output: number, shape: number[], data: any[][]}} Jacobian
 *
 * @typedef {object} TraceNode
 * @property {string} id
 * @property {string} name
 * @property {string | null} op
 * @property {number} sequence_nr
 * @property {boolean} executed
 * @property {(string | null)[]} outputs
 * @property {Saved[]} saved
 * @property {(Summary | null)[]} upstream
 * @property {Jacobian[] | null} jacobians
 * @property {{graph: string, node: string} | null} created_by
 * @property {string | null} [tensor]
 * @property {(Summary | null)[] | null} [upstream_before_hooks]
 *
 * @typedef {object} TraceEdge
 * @property {string} id
 * @property {string} source
 * @property {number} input
 * @property {string} target
 * @property {number} output
 * @property {Summary | null} gradient
 *
 * @typedef {{node: string | null, output: number, gradient: Summary | null, tensor?: string | null}} TraceRoot
 *
 * @typedef {object} TraceGraph
 * @property {string} id
 * @property {'backward' | 'grad' | 'not_run'} kind
 * @property {Site | null} site
 * @property {boolean} retain_graph
 * @property {boolean} create_graph
 * @property {TraceRoot[]} roots
 * @property {TraceNode[]} nodes
 * @property {TraceEdge[]} edges
 * @property {string[]} order
 * @property {boolean} [failed]
 * @property {string} [failed_node]
 *
 * @typedef {{tensor: string, before: Summary | null, after: Summary | null, grad?: boolean}} Update
 *
 * @typedef {object} TraceEvent
 * @property {StepKind} kind
 * @property {number | null} line
 * @property {string} [op]
 * @property {string} [graph]
 * @property {string} [node]
 * @property {string} [text]
 * @property {Update[]} [updates]
 *
 * @typedef {object} TraceVariable
 * @property {string} name
 * @property {string} tensor
 * @property {number[]} shape
 * @property {string} dtype
 * @property {boolean} requires_grad
 * @property {boolean} is_leaf
 * @property {string | null} grad_fn
 * @property {Summary | null} grad
 * @property {string} grad_status
 * @property {Summary | null} [value]  At the end, where something wrote into its memory.
 * @property {string} explanation
 * @property {{sentence: string, steps: WhyStep[], cut: WhyStep | null, paths: WhyPath[], nodes: string[], edges: string[]}} [why]
 *
 * @typedef {{kind: string, ref: string, text: string}} WhyStep
 * @typedef {{nodes: string[], edges: string[], share: number | null}} WhyPath
 *
 * @typedef {object} Trace
 * @property {number} schema_version
 * @property {any} runtime
 * @property {string} stdout
 * @property {boolean} stdout_truncated
 * @property {string} [stderr]
 * @property {boolean} [stderr_truncated]
 * @property {any[]} warnings
 * @property {any} error
 * @property {TraceTensor[]} tensors
 * @property {TraceOp[]} ops
 * @property {TraceGraph[]} graphs
 * @property {TraceEvent[]} timeline
 * @property {TraceVariable[]} variables
 * @property {Record<string, number>} omitted
 * @property {{name: string, tensor: string, step: number}[]} [bindings]
 * @property {any[]} [inputs]
 * @property {{id: string, kind: string, applied: number, reason: string | null, edits: any[] | null}[]} [interventions]
 * @property {any[]} [hints]
 * @property {{value: string | null, gradient: string | null} | null} [first_nonfinite]
 *
 * @typedef {'op'|'backward'|'node'|'accumulate'|'zero_grad'|'optimizer_step'|'print'|'error'} StepKind
 *
 * ---- The model -------------------------------------------------------------
 *
 * @typedef {object} Ref  A thing that can be selected or hovered, anywhere on the page.
 * @property {'card' | 'edge' | 'group'} kind
 * @property {string} id
 *
 * @typedef {'op' | 'leaf' | 'ghost' | 'constant'} CardKind
 *   op: autograd recorded it.  leaf: a tensor that collects `.grad` (its
 *   AccumulateGrad is part of it).  ghost: autograd did not record it.
 *   constant: a tensor outside autograd that an op reads.
 *
 * @typedef {object} Card
 * @property {string} id  Stable within a trace: `c:` and the node, op or tensor id.
 * @property {CardKind} kind
 * @property {string} title  The source expression, inner ones shortened to "…".
 * @property {string} expression  The whole source expression.
 * @property {string} engine  Engine's name (MulBackward0), or the op's own for ghosts.
 * @property {string[]} names  Variables that held its result.
 * @property {TraceOp | null} op
 * @property {TraceNode | null} node  In the first graph that has it, see `graphs`.
 * @property {string[]} graphs  Ids of the graphs that contain its node.
 * @property {string[]} tensors  Its results (usually one).
 * @property {Summary | null} value  Of its first result, as it was made.
 * @property {string | null} module
 * @property {Site | null} site
 * @property {number[]} iteration  Loop iterations around it, outermost first.
 * @property {string | null} reason  Ghosts: why autograd did not record it.
 * @property {boolean} root  A backward call started here.
 * @property {string} key  The same in two runs of (nearly) the same code.
 * @property {string | null} cut  Kind of the intervention that took effect on it.
 *
 * @typedef {object} ModelEdge
 * @property {string} id
 * @property {'forward' | 'gradient'} kind
 * @property {string} source  Card id.  Gradients run from the consumer to what it used.
 * @property {string} target  Card id.
 * @property {number} input  Which input of the forward op.
 * @property {number} output  Which output slot of the producer.
 * @property {string} lane  Forward and gradient edges of one use share a lane.
 * @property {string | null} graph  Gradient: the graph it belongs to.
 * @property {Summary | null} gradient  What was sent along; null where nothing was.
 * @property {string} [absent]  Text in place of a gradient that is null.
 * @property {boolean} recorded  Forward: autograd follows it.
 * @property {boolean} [cut]  Severed: by the what-if itself, not further up.
 *
 * @typedef {{text: string, ref?: Ref, code?: boolean}} Part  A piece of a sentence.
 *
 * @typedef {object} Step
 * @property {number} index
 * @property {StepKind} kind
 * @property {string} label  A few characters for the tick.
 * @property {Part[]} sentence
 * @property {number | null} line
 * @property {Site | null} site
 * @property {string[]} cards
 * @property {string[]} edges
 * @property {number | null} norm  Gradient norm, for the height of the tick; null: none.
 * @property {string | null} graph
 * @property {string | null} node
 * @property {string | null} op
 * @property {string | null} text  Printed or error text.
 * @property {Update[]} updates
 *
 * @typedef {object} Model
 * @property {Trace} trace
 * @property {string} code
 * @property {Card[]} cards
 * @property {ModelEdge[]} edges
 * @property {Step[]} steps
 * @property {Map<string, Card>} cardById
 * @property {Map<string, ModelEdge>} edgeById
 * @property {Map<string, string>} cardOfTensor  Tensor id -> the card that made it.
 * @property {Map<string, string>} cardOfNode  Node id -> card (AccumulateGrad: the leaf's).
 * @property {Map<string, string>} cardOfOp
 * @property {Map<string, TraceTensor>} tensorById
 * @property {History} history
 * @property {boolean} [partial]  Of its backward calls only the one that is looked at has numbers: a drag asked for no more.
 *
 * @typedef {object} History  Everything that changes with the step, per thing, by step.
 * @property {Map<string, ValueEntry[]>} values  By tensor.
 * @property {Map<string, GradEntry[]>} grads  By tensor: its `.grad`.
 * @property {Map<string, FlowEntry[]>} flows  By card: gradients that reach it.
 * @property {Map<string, EdgeEntry[]>} edges  By edge.
 * @property {Map<string, number>} forward  By card: the step that made it.
 * @property {Map<string, BindingEntry[]>} bindings  By name.
 *
 * @typedef {{step: number, value: Summary | null}} ValueEntry
 * @typedef {{step: number, before: Summary | null, after: Summary | null, kind: StepKind}} GradEntry
 * @typedef {{step: number, graph: string, n: number, of: number, gradient: Summary | null, ran: boolean}} FlowEntry
 * @typedef {{step: number, gradient: Summary | null, sent: boolean}} EdgeEntry
 * @typedef {{step: number, tensor: string, met?: boolean}} BindingEntry  met: no line bound the name then, it was there before.
 *
 * @typedef {'future' | 'forward' | 'idle' | 'receiving' | 'ready' | 'backward' | 'done'} CardStatus
 *   future: its line did not run yet.  forward: it runs in this step.  idle: it
 *   has its value.  receiving: some gradients came, not all.  ready: all came.
 *   backward: its node runs in this step.  done: its node ran.
 *
 * @typedef {object} CardState
 * @property {Summary | null} value
 * @property {Summary | null | 'pending'} gradient  null: none comes, or None came.
 * @property {[number, number]} arrived  How many of how many gradients came.
 * @property {CardStatus} status
 * @property {{before: Summary | null, after: Summary | null, changed: boolean, came: boolean} | null} grad
 *   A leaf's (or retained result's) `.grad` around this step.
 * @property {string} absent  Text in place of a gradient, or of a `.grad` that came, which is null.
 *
 * @typedef {{state: 'pending' | 'active' | 'done', gradient: Summary | null}} EdgeState
 *
 * @typedef {object} VariableState
 * @property {string} name
 * @property {string} tensor
 * @property {string | null} card
 * @property {TraceTensor} info
 * @property {Summary | null} value
 * @property {string} absent  Text in place of a value that is null.
 * @property {Summary | null} grad
 * @property {string} gradText  "" where `grad` is shown, else why it is None (by now).
 * @property {string} status  The trace's grad_status where it is the last word.
 * @property {boolean} changed  In this step.
 *
 * @typedef {object} State  What is so right after a step; asked lazily.
 * @property {number} step  -1: before the run.
 * @property {string | null} graph  The backward call in progress or last done.
 * @property {(id: string) => CardState} card
 * @property {(id: string) => EdgeState} edge
 * @property {(edges: ModelEdge[]) => {sent: number, last: import('./sends.js').Sending | undefined}} sends  Of many gradient edges together.
 * @property {() => VariableState[]} variables
 *
 * @typedef {object} Change  One card before and after an intervention.
 * @property {string} key
 * @property {string | null} before  Card id in the first model.
 * @property {string | null} after  Card id in the second.
 * @property {'same' | 'changed' | 'lost' | 'gained' | 'removed' | 'added'} gradient
 * @property {Summary | null} gradientBefore
 * @property {Summary | null} gradientAfter
 * @property {'same' | 'changed'} value
 *
 * @typedef {object} Comparison
 * @property {Model} before
 * @property {Model} after
 * @property {Change[]} changes  Every card that is not the same in both.
 * @property {Map<string, Change>} byAfter  After-card id -> change.
 * @property {Map<string, Change>} byBefore
 * @property {Map<string, string>} match  Before-card id -> after-card id.
 * @property {ModelEdge[]} severed  Before's gradient lanes that are gone, as forward edges with ids of `after`'s cards.
 * @property {{name: string, before: Summary | null, after: Summary | null, same: boolean}[]} leaves
 */

export {};
