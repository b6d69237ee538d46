/**
 * The state and the address: a table of typed properties, read and written the
 * same way.  A lesson as it stands is `#lesson=02-backward&step=4`; a program of
 * one's own is packed into `z=`, deflated and in base64url.
 */

/**
 * @typedef {import('./state.js').State} State
 * @typedef {object} Property
 * @property {keyof State} key
 * @property {string} name  In the address.
 * @property {boolean} packed  Goes into `z=`.
 * @property {(value: any) => boolean} valid
 * @property {(text: string) => any} [parse]  Of a plain one; text by default.
 */

/** @param {any} value */
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const KINDS = ['detach', 'no_grad', 'requires_grad', 'retain_grad'];

/** @type {Property[]} */
export const PROPERTIES = [
  { key: 'lesson', name: 'lesson', packed: false, valid: (v) => /^[\w-]{1,64}$/.test(v) },
  { key: 'step', name: 'step', packed: false, valid: (v) => Number.isInteger(v) && v >= -1, parse: Number },
  { key: 'view', name: 'view', packed: false, valid: (v) => v === 'after' || v === 'before' },
  { key: 'scope', name: 'scope', packed: false, valid: (v) => v === 'call' || v === 'all' },
  { key: 'direction', name: 'direction', packed: false, valid: (v) => v === 'TB' || v === 'LR' },
  { key: 'code', name: 'c', packed: true, valid: (v) => typeof v === 'string' && v.length <= 200_000 },
  { key: 'seed', name: 's', packed: true, valid: (v) => Number.isInteger(v) && v >= 0 },
  { key: 'inputs', name: 'i', packed: true, valid: isObject },
  { key: 'gradient', name: 'g', packed: true, valid: (v) => v !== undefined },
  {
    key: 'interventions',
    name: 'w',
    packed: true,
    valid: (v) =>
      Array.isArray(v) &&
      v.length <= 100 &&
      v.every((one) => isObject(one) && KINDS.includes(one.kind) && isObject(one.target) && typeof one.id === 'string' && typeof one.label === 'string'),
  },
  { key: 'selection', name: 'n', packed: true, valid: (v) => isObject(v) && typeof v.id === 'string' && ['card', 'edge', 'group'].includes(v.kind) },
];

/**
 * The hash of a state, without what is as `base` has it.
 * @param {State} state @param {Partial<State>} base
 */
export async function toHash(state, base) {
  const parts = new URLSearchParams();
  /** @type {Record<string, any>} */
  const packed = {};
  for (const property of PROPERTIES) {
    const value = state[property.key];
    if (JSON.stringify(value) === JSON.stringify(base[property.key])) continue;
    if (value === null || value === undefined) continue;
    if (property.packed) packed[property.name] = value;
    else parts.set(property.name, String(value));
  }
  if (Object.keys(packed).length > 0) parts.set('z', await pack(JSON.stringify(packed)));
  return parts.size > 0 ? `#${parts}` : '';
}

/**
 * What a hash says; what is not valid is left out.
 * @param {string} hash
 * @returns {Promise<Partial<State>>}
 */
export async function fromHash(hash) {
  const parts = new URLSearchParams(hash.replace(/^#/, ''));
  /** @type {Record<string, any>} */
  let packed = {};
  const text = parts.get('z');
  if (text) packed = JSON.parse(await unpack(text));
  /** @type {Record<string, any>} */
  const patch = {};
  for (const { key, name, packed: inside, valid, parse } of PROPERTIES) {
    const raw = inside ? packed[name] : parts.get(name);
    if (raw === undefined || raw === null) continue;
    const value = inside || !parse ? raw : parse(raw);
    if (valid(value)) patch[key] = value;
  }
  return patch;
}

/** @param {string} text */
export async function pack(text) {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** @param {string} text */
export async function unpack(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = Uint8Array.from(binary, (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Response(stream).text();
}
