/**
 * Numbers of a trace as numbers of this language, and as text.
 *
 * @typedef {import('./types.js').Num} Num
 * @typedef {import('./types.js').Summary} Summary
 */

/**
 * A real number; complex ones give their modulus with the sign of the real part.
 * @param {Num | null | undefined} value
 * @returns {number}
 */
export function toNumber(value) {
  if (typeof value === 'number') return value;
  if (value === null || value === undefined) return NaN;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (Array.isArray(value)) {
    const size = Math.hypot(toNumber(value[0]), toNumber(value[1]));
    return toNumber(value[0]) < 0 ? -size : size;
  }
  return Number(value);
}

/**
 * Three or four significant digits in at most seven characters.
 * @param {Num | null | undefined} value
 * @param {string} [dtype]
 * @returns {string}
 */
export function formatNumber(value, dtype = 'float32') {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) {
    const imaginary = formatNumber(value[1]);
    return `${formatNumber(value[0])}${imaginary.startsWith('-') ? '' : '+'}${imaginary}i`;
  }
  const number = Number(value);
  if (Number.isNaN(number)) return 'nan';
  if (!Number.isFinite(number)) return number > 0 ? 'inf' : '-inf';
  if (number === 0) return '0';
  const size = Math.abs(number);
  if (/int|bool/.test(dtype) && size < 1e6) return String(number);
  if (size >= 99999.5 || size < 0.00995) return exponential(number);
  if (size >= 999.5) return number.toFixed(0);
  if (size >= 99.95) return number.toFixed(1);
  if (size >= 9.995) return number.toFixed(2);
  return number.toFixed(3);
}

/** @param {number} number */
function exponential(number) {
  return number.toExponential(1).replace('.0e', 'e').replace('e+', 'e');
}

/**
 * "3", "64×128", "scalar".
 * @param {number[]} shape
 */
export function formatShape(shape) {
  return shape.length === 0 ? 'scalar' : shape.join('×');
}

/** @param {number[]} shape */
export function elementsOf(shape) {
  return shape.reduce((product, side) => product * side, 1);
}

/**
 * The numbers of a summary in memory order; null when the trace left them out.
 * @param {Summary | null | undefined} summary
 * @returns {Num[] | null}
 */
export function flatten(summary) {
  if (!summary || summary.data === null || summary.data === undefined) return null;
  /** @type {Num[]} */
  const out = [];
  collect(summary.data, summary.shape.length, out);
  return out;
}

/** @param {any} data @param {number} depth @param {Num[]} out */
function collect(data, depth, out) {
  if (depth === 0) out.push(data);
  else for (const item of data) collect(item, depth - 1, out);
}

/**
 * One line: the numbers while they are few, else shape and norm.
 * @param {Summary | null | undefined} summary
 * @param {number} [most]  How many numbers still count as few.
 */
export function formatSummary(summary, most = 4) {
  if (!summary) return 'None';
  const numbers = flatten(summary);
  if (numbers && numbers.length > 0 && numbers.length <= most) {
    return numbers.map((n) => formatNumber(n, summary.dtype)).join(' ');
  }
  return `${formatShape(summary.shape)} · norm ${formatNumber(summary.norm)}`;
}

/**
 * As formatNumber, for a sentence: columns need no zeros at the end there.
 * @param {Num | null | undefined} value @param {string} [dtype]
 */
export function briefNumber(value, dtype) {
  const text = formatNumber(value, dtype);
  return /^-?\d+\.\d+$/.test(text) ? text.replace(/\.?0+$/, '') : text;
}

/**
 * In a sentence: a few numbers with brackets around a vector, else shape and norm.
 * @param {Summary | null | undefined} summary
 */
export function formatInline(summary) {
  if (!summary) return 'None';
  const numbers = flatten(summary);
  if (!numbers || numbers.length > 4) {
    const { shape } = summary;
    const what = shape.length === 1 ? `a vector of ${shape[0].toLocaleString('en')}` : `a ${formatShape(shape)} tensor`;
    return `${what}${numbers?.length === 0 ? '' : `, norm ${briefNumber(summary.norm)}`}`;
  }
  const text = numbers.map((n) => briefNumber(n, summary.dtype)).join(', ');
  return summary.shape.length === 0 ? text : `[${text}]`;
}

/**
 * The elementwise sum of gradients of one shape; null when numbers are missing.
 * @param {(Summary | null)[]} parts
 * @returns {Summary | null}
 */
export function sum(parts) {
  const present = parts.filter((part) => part !== null);
  if (present.length === 0) return null;
  if (present.length === 1) return present[0];
  const columns = present.map(flatten);
  const [first] = columns;
  if (!first || columns.some((column) => !column || column.length !== first.length)) return null;
  const total = first.map((_, i) =>
    columns.reduce((acc, column) => acc + toNumber(/** @type {Num[]} */ (column)[i]), 0),
  );
  return {
    shape: present[0].shape,
    dtype: present[0].dtype,
    norm: Math.hypot(...total),
    min: Math.min(...total),
    max: Math.max(...total),
    mean: total.reduce((a, b) => a + b, 0) / total.length,
    nonfinite: total.filter((n) => !Number.isFinite(n)).length,
    data: nest(total, present[0].shape),
  };
}

/** @param {number[]} flat @param {number[]} shape @returns {any} */
function nest(flat, shape) {
  if (shape.length === 0) return flat[0];
  const inner = shape.slice(1);
  const size = elementsOf(inner);
  return Array.from({ length: shape[0] }, (_, i) =>
    nest(flat.slice(i * size, (i + 1) * size), inner),
  );
}

/**
 * The same numbers, within what float32 can hold.
 * @param {Summary | null} a @param {Summary | null} b
 */
export function same(a, b) {
  if (a === null || b === null) return a === b;
  if (a.shape.join() !== b.shape.join()) return false;
  const [left, right] = [flatten(a), flatten(b)];
  if (left && right) return left.every((n, i) => near(toNumber(n), toNumber(right[i])));
  return (
    near(toNumber(a.norm), toNumber(b.norm)) &&
    near(toNumber(a.min), toNumber(b.min)) &&
    near(toNumber(a.max), toNumber(b.max))
  );
}

/** @param {number} a @param {number} b */
function near(a, b) {
  if (Number.isNaN(a) && Number.isNaN(b)) return true;
  if (a === b) return true;
  return Math.abs(a - b) <= 1e-6 * Math.max(Math.abs(a), Math.abs(b));
}
