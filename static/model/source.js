/**
 * Source text of an expression, shortened for a card.
 *
 * @typedef {import('./types.js').Site} Site
 * @typedef {import('./types.js').Span} Span
 * @typedef {import('./types.js').TraceOp} TraceOp
 */

/**
 * The text of a span.
 * @param {string[]} lines @param {Span} span
 */
export function textOf(lines, span) {
  if (span.line === span.end_line) return characters(lines[span.line - 1], span.col, span.end_col);
  const middle = lines.slice(span.line, span.end_line - 1);
  const first = characters(lines[span.line - 1], span.col);
  const last = characters(lines[span.end_line - 1], 0, span.end_col);
  return [first, ...middle, last].join('\n');
}

/**
 * Columns count characters; a string counts those beyond the first plane twice.
 * @param {string | undefined} line @param {number} from @param {number} [to]
 */
function characters(line = '', from, to) {
  return /[\ud800-\udbff]/.test(line) ? [...line].slice(from, to).join('') : line.slice(from, to);
}

/** @param {Span} a @param {Span} b */
function contains(a, b) {
  const starts = a.line < b.line || (a.line === b.line && a.col <= b.col);
  const ends = a.end_line > b.end_line || (a.end_line === b.end_line && a.end_col >= b.end_col);
  return starts && ends && spanKey(a) !== spanKey(b);
}

/** @param {Span} span */
export function spanKey(span) {
  return `${span.line}:${span.col}-${span.end_line}:${span.end_col}`;
}

/**
 * For each site of the program, its text with the expressions of other ops
 * inside it written as "…": `y*y*3` becomes `…*3` where `y*y` has its own card.
 * @param {TraceOp[]} ops
 * @param {string} code
 * @returns {Map<string, string>} By span.
 */
export function shortTitles(ops, code) {
  const lines = code.split('\n');
  /** @type {Map<string, Span>} */
  const spans = new Map();
  for (const op of ops) if (op.site) spans.set(spanKey(op.site), op.site);
  /** @type {Map<number, Span[]>} */
  const byLine = new Map();
  for (const span of spans.values()) {
    const list = byLine.get(span.line) ?? [];
    list.push(span);
    byLine.set(span.line, list);
  }
  const titles = new Map();
  for (const [key, span] of spans) {
    /** @type {Span[]} */
    const inside = [];
    for (let line = span.line; line <= span.end_line; line++) {
      for (const other of byLine.get(line) ?? []) if (contains(span, other)) inside.push(other);
    }
    const short = tidy(elide(lines, span, inside));
    const whole = tidy(textOf(lines, span));
    // "… / …" says nothing; a short whole says more.
    titles.set(key, /[\w.]/.test(short) || whole.length > 26 ? short : whole);
  }
  return titles;
}

/** @param {string[]} lines @param {Span} span @param {Span[]} inside */
function elide(lines, span, inside) {
  const outermost = inside
    .filter((one) => !inside.some((other) => contains(other, one)))
    .sort((a, b) => a.line - b.line || a.col - b.col);
  let text = '';
  let at = { line: span.line, col: span.col };
  for (const hole of outermost) {
    text += textOf(lines, { ...at, end_line: hole.line, end_col: hole.col });
    text += '…';
    at = { line: hole.end_line, col: hole.end_col };
  }
  return text + textOf(lines, { ...at, end_line: span.end_line, end_col: span.end_col });
}

/**
 * One line, without needless brackets and blanks.
 * @param {string} text
 */
function tidy(text) {
  return text
    .replace(/\s+/g, ' ')
    .replace(/^(torch\.)?(nn\.functional|F)\./, '')
    .replace(/\(…\)(?=\s*[-+*/@])/g, '…')
    .replace(/([-+*/@]\s*)\(…\)(?!\.)/g, '$1…')
    // Dots after an ellipsis would be four.
    .replace(/(^|[^(\w])…\./g, '$1(…).')
    .replace(/^(\w+|…)([-+*/@]{1,2})(?=[\w…(])/, '$1 $2 ')
    .trim();
}

/**
 * Cut in the middle to at most `most` characters.
 * @param {string} text @param {number} most
 */
export function clip(text, most) {
  if (text.length <= most) return text;
  const tail = Math.floor((most - 1) / 3);
  return `${text.slice(0, most - 1 - tail)}…${text.slice(text.length - tail)}`;
}
