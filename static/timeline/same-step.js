/**
 * The same moment in two runs of nearly the same program.
 *
 * @typedef {import('../model/types.js').Model} Model
 * @typedef {import('../model/types.js').Step} Step
 */

/** Without the line, which an edit above moves. @param {Step} step */
const nameOf = (step) => `${step.kind}|${step.label}`;

/**
 * The end stays the end; else the step of the same name with the same number
 * among those of its name; else the same place, as far as there is one.
 * @param {Model} from @param {Model} to @param {number} step
 */
export function sameStep(from, to, step) {
  const last = to.steps.length - 1;
  if (step >= from.steps.length - 1) return last;
  if (step < 0) return -1;
  const name = nameOf(from.steps[step]);
  let nth = from.steps.slice(0, step).filter((one) => nameOf(one) === name).length;
  const found = to.steps.find((one) => nameOf(one) === name && nth-- === 0);
  return found ? found.index : Math.min(step, last);
}
