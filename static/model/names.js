/**
 * Names of a tensor as a reader looks for them: a module's parameter by its
 * path, before the loop variable that passed over all of them.
 * @param {readonly string[]} names
 */
export function readable(names) {
  return [...new Set(names)].sort((a, b) => Number(b.includes('.')) - Number(a.includes('.')));
}
