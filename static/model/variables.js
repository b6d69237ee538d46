/**
 * The snippet's names at a step: what they hold, and why `.grad` is None.
 *
 * @typedef {import('./types.js').Model} Model
 * @typedef {import('./types.js').VariableState} VariableState
 * @typedef {import('./types.js').TraceTensor} TraceTensor
 */
import { absent } from './absent.js';
import { upTo } from './search.js';
import { gradAt } from './state.js';

/** @type {Record<string, string>} */
const WHY = {
  not_a_leaf: 'None: not a leaf',
  no_requires_grad: 'None: requires_grad is False',
  not_reached: 'None: backward did not come here',
  not_accumulated: 'None: autograd.grad gave it back instead',
  backward_not_run: 'None: backward was not called',
  cleared: 'None: cleared',
};

/**
 * @param {Model} model @param {number} step
 * @returns {VariableState[]}
 */
export function variablesAt(model, step) {
  const last = new Map(model.trace.variables.map((variable) => [variable.name, variable]));
  const out = [];
  for (const [name, entries] of model.history.bindings) {
    const entry = upTo(entries, step);
    const final = last.get(name);
    // Where ops were left out, no step tells of the last tensors that a name held.
    const now = model.trace.omitted.ops && final && step >= model.steps.length - 1 ? final : entry;
    const info = now && model.tensorById.get(now.tensor);
    if (!entry || !info) continue;
    const status = final && final.tensor === info.id ? final.grad_status : '';
    const grad = gradAt(model, step, info.id);
    const known = upTo(model.history.values.get(info.id), step);
    // Written through other views of its memory, or left out where it was made: no step tells of it.
    const end = step >= model.steps.length - 1 && final?.tensor === info.id ? final : undefined;
    const held = grad ? grad.after : status === 'assigned' ? (final?.grad ?? null) : null;
    const shown = held ?? end?.grad ?? null;
    out.push({
      name,
      tensor: info.id,
      card: model.cardOfTensor.get(info.id) ?? null,
      info,
      value: end?.value ?? (known ? known.value : info.value),
      absent: absent(model.trace),
      grad: shown,
      gradText: shown ? '' : grad?.came ? absent(model.trace) : whyNone(model, step, info, status),
      status,
      changed: (entry.step === step && !entry.met) || known?.step === step || Boolean(grad?.changed),
    });
  }
  return out;
}

/** @param {Model} model @param {number} step @param {TraceTensor} info @param {string} status */
function whyNone(model, step, info, status) {
  const next = model.history.grads.get(info.id)?.find((entry) => entry.step > step && entry.after);
  if (next) return `arrives at step ${next.step + 1}`;
  if (status in WHY) return WHY[status];
  if (!info.requires_grad) return WHY.no_requires_grad;
  if (!info.is_leaf) return WHY.not_a_leaf;
  if (model.history.grads.has(info.id)) return WHY.cleared;
  return model.trace.graphs.some((graph) => graph.kind !== 'not_run') ? WHY.not_reached : WHY.backward_not_run;
}
