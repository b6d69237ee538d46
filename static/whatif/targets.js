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

/**
 * The name by which a what-if finds this card's tensor: no attribute of a
 * module, and for a leaf no loop variable that passed over several.
 * @param {import('../model/types.js').Model} model @param {import('../model/types.js').Card} card
 */
export function nameFor(model, card) {
  return card.names.find((name) => {
    if (name.includes('.')) return false;
    const bound = new Set((model.history.bindings.get(name) ?? []).map((entry) => entry.tensor));
    return card.kind !== 'leaf' || bound.size <= 1;
  });
}

/**
 * Where one use of a value stands in the program: the `y` in `y*y` that an edge
 * is, or the whole expression where it is written in place.
 * @param {import('../model/types.js').Model} model @param {import('../model/types.js').ModelEdge} edge
 * @returns {{name: string, target: Target & {line: number, col: number, end_col: number}} | null}
 */
export function useOf(model, edge) {
  const [usedId, userId] = edge.kind === 'gradient' ? [edge.target, edge.source] : [edge.source, edge.target];
  const [used, user] = [model.cardById.get(usedId), model.cardById.get(userId)];
  if (!used || !user?.site) return null;
  if (used.site && used.kind !== 'leaf' && within(used.site, user.site)) return { name: used.expression, target: { ...used.site } };
  const uses = model.edges
    .filter((one) => one.kind === edge.kind && one.graph === edge.graph && one.source === edge.source && one.target === edge.target)
    .sort((a, b) => a.input - b.input);
  for (const name of used.names) {
    const places = placesOf(model.code, user.site, name);
    // Otherwise it is not certain which place is which use.
    if (places.length === uses.length) return { name, target: { ...places[uses.indexOf(edge)], occurrence: user.iteration.length > 0 ? user.site.occurrence : null } };
  }
  return null;
}

/** How often the card's expression ran; one run of it may have several cards. @param {import('../model/types.js').Model} model @param {import('../model/types.js').Card} card */
export function turnsOf(model, card) {
  const { site } = card;
  if (!site) return 0;
  const same = model.cards.flatMap((one) => (one.site && one.site.line === site.line && one.site.col === site.col && one.site.end_line === site.end_line && one.site.end_col === site.end_col ? [one.site.occurrence] : []));
  return new Set(same).size;
}

/** @param {import('../state.js').Span} inner @param {import('../state.js').Span} outer */
function within(inner, outer) {
  const after = inner.line > outer.line || (inner.line === outer.line && inner.col >= outer.col);
  const before = inner.end_line < outer.end_line || (inner.end_line === outer.end_line && inner.end_col <= outer.end_col);
  return after && before;
}

/** Where a name is read in a part of the program. @param {string} code @param {import('../state.js').Span} site @param {string} name */
function placesOf(code, site, name) {
  const word = [...name];
  return code.split('\n').slice(site.line - 1, site.end_line).flatMap((text, i) => {
    const characters = [...text];
    const line = site.line + i;
    const from = line === site.line ? site.col : 0;
    const to = line === site.end_line ? site.end_col : characters.length;
    const found = [];
    for (let col = from; col + word.length <= to; col++) {
      if (word.some((c, k) => characters[col + k] !== c) || !isName(characters, col, col + word.length)) continue;
      found.push({ line, col, end_line: line, end_col: col + word.length });
    }
    return found;
  });
}

/** Neither a part of a longer name, nor an attribute, nor the name of an argument. @param {string[]} text @param {number} from @param {number} to */
function isName(text, from, to) {
  const rest = text.slice(to).join('').trimStart();
  return !/[\p{L}\p{N}_.]/u.test(text[from - 1] ?? ' ') && !/[\p{L}\p{N}_]/u.test(text[to] ?? ' ') && !/^=[^=]/.test(rest);
}

/** @param {InterventionKind} kind @param {string} what */
export function labelOf(kind, what) {
  const short = what.replace(/\s+/g, ' ');
  return `${kind} ${short.length > 28 ? `${short.slice(0, 27)}…` : short}`;
}
