/**
 * What a what-if is aimed at, and what it is called on the page.
 *
 * @typedef {import('../state.js').Target} Target
 * @typedef {import('../state.js').InterventionKind} InterventionKind
 */

/** @param {Target} a @param {Target} b */
export function sameTarget(a, b) {
  if ('name' in a) return 'name' in b && a.name === b.name;
  if ('lines' in a) return 'lines' in b && a.lines.join() === b.lines.join();
  return (
    'line' in b && a.line === b.line && a.col === b.col && a.end_line === b.end_line && a.end_col === b.end_col &&
    a.occurrence === b.occurrence
  );
}

/** @param {InterventionKind} kind @param {string} what */
export function labelOf(kind, what) {
  const short = what.replace(/\s+/g, ' ');
  return `${kind} ${short.length > 28 ? `${short.slice(0, 27)}…` : short}`;
}
