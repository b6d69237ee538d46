/**
 * Looking up in what is in the order of steps.
 */

/**
 * How many entries are at or before a step.
 * @param {{step: number}[]} list @param {number} step
 */
export function countUpTo(list, step) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].step <= step) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The last entry at or before a step.
 * @template {{step: number}} T
 * @param {T[] | undefined} list @param {number} step
 * @returns {T | undefined}
 */
export const upTo = (list, step) => list?.[countUpTo(list, step) - 1];
