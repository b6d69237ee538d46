/**
 * Names of a tensor as a reader looks for them: a module's parameter by its
 * path, before the loop variable that passed over all of them.
 * @param {readonly string[]} names
 */
export function readable(names) {
  return [...new Set(names)].sort((a, b) => Number(b.includes('.')) - Number(a.includes('.')));
}

/**
 * The one `.grad` that an expression reads; null where it reads none or several.
 * @param {string | null | undefined} expression
 */
export function gradIn(expression) {
  const found = new Set(expression?.match(GRAD) ?? []);
  return found.size === 1 ? [...found][0] : null;
}

/** `w.grad`, `layers[0].weight.grad`; no call, as `torch.autograd.grad(…)` is. */
const GRAD = /[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}_][\p{L}\p{N}_]*|\[\d+\])*\.grad\b(?!\s*\()/gu;
