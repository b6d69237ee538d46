/**
 * Lanes: several links between the same two boxes side by side, each with its
 * numbers at its own side.
 *
 * @typedef {import('./layout.js').LayoutRequest} LayoutRequest
 *
 * @typedef {object} Lane
 * @property {number} index  Of the link in the request.
 * @property {number} offset  From the bundle's line, across the flow.
 * @property {number} end  The same where it meets the boxes.
 * @property {number | null} label  Middle of its numbers, from the slot's start, across the flow.
 *
 * @typedef {object} Bundle
 * @property {string} source
 * @property {string} target
 * @property {Lane[]} lanes
 * @property {boolean} labelled
 * @property {number} across  Size of the slot across the flow.
 * @property {number} along
 * @property {number} port  Where its line passes, from the slot's start.
 */

/** Room for a line and its twin arrow. */
const LANE = 18;
/** Between a line and its numbers. */
const LABEL_GAP = 10;
/** The same where lanes lie side by side: wide enough to be told apart. */
const SIDE_LANE = 34;
/** Where lanes meet a box they stand this far apart at most. */
const MEET = 34;

/**
 * @param {LayoutRequest['links']} links @param {'TB' | 'LR'} direction
 * @returns {Bundle[]}
 */
export function bundle(links, direction) {
  /** @type {Map<string, {index: number, link: LayoutRequest['links'][number]}[]>} */
  const groups = new Map();
  links.forEach((link, index) => {
    const key = `${link.source}\u0000${link.target}`;
    const list = groups.get(key);
    if (list) list.push({ index, link });
    else groups.set(key, [{ index, link }]);
  });
  return [...groups.values()].map((group) => makeBundle(group, direction));
}

/** @param {{index: number, link: LayoutRequest['links'][number]}[]} group @param {'TB' | 'LR'} direction @returns {Bundle} */
function makeBundle(group, direction) {
  const count = group.length;
  const vertical = direction === 'TB';
  const room = count > 1 ? SIDE_LANE : LANE;
  let cursor = 0;
  let along = 0;
  /** @type {{index: number, at: number, label: number | null}[]} */
  const placed = [];
  group.forEach(({ index, link }, i) => {
    const size = link.label ? link.label[vertical ? 0 : 1] + LABEL_GAP : 0;
    along = Math.max(along, link.label ? link.label[vertical ? 1 : 0] : 0);
    const leads = count > 1 && i < count / 2;
    if (leads) cursor += size;
    const at = cursor + room / 2;
    cursor += room + (leads ? 0 : size);
    const label = size === 0 ? null : leads ? at - (LANE + size + LABEL_GAP) / 2 : at + (LANE + size + LABEL_GAP) / 2;
    placed.push({ index, at, label });
  });
  const port = (placed[0].at + placed[count - 1].at) / 2;
  const widest = placed[count - 1].at - placed[0].at;
  const squeeze = widest > MEET * (count - 1) ? (MEET * (count - 1)) / widest : 1;
  return {
    source: group[0].link.source,
    target: group[0].link.target,
    labelled: placed.some(({ label }) => label !== null),
    across: cursor,
    along,
    port,
    lanes: placed.map(({ index, at, label }) => ({ index, label, offset: at - port, end: (at - port) * squeeze })),
  };
}

/**
 * A lane's own way: the bundle's, moved across the flow.
 * @param {number[]} base  Béziers.
 * @param {number} first  How many numbers of it lead to the slot; 0: no slot.
 * @param {Bundle} one @param {Lane} lane @param {'TB' | 'LR'} direction
 */
export function spreadLane(base, first, one, lane, direction) {
  if (one.lanes.length === 1) return base;
  const shifted = direction === 'TB' ? 0 : 1;
  const last = base.length / 2 - 1;
  return base.map((value, k) => {
    if (k % 2 !== shifted) return value;
    const i = Math.floor(k / 2);
    // The ends keep their straight start: the first and last two points go along.
    const atEnd = i <= 1 || i >= last - 1;
    const inSlot = first > 0 && i >= first / 2 - 2 && i <= first / 2 + 3;
    return value + (inSlot || !atEnd ? lane.offset : lane.end);
  });
}

/**
 * Lines that meet a box at one point are set side by side along its border,
 * in the order in which they come.
 * @param {Map<string, number[]>} ways  Béziers: `e` and number of a bundle, or
 *   `i` to its numbers and `o` on from them; moved in place.
 * @param {Bundle[]} bundles
 * @param {Map<string, {width: number, height: number}>} boxes
 * @param {'TB' | 'LR'} direction
 */
export function fanOut(ways, bundles, boxes, direction) {
  const across = direction === 'TB' ? 0 : 1;
  for (const side of /** @type {const} */ (['source', 'target'])) {
    /** @type {Map<string, number[]>} */
    const meeting = new Map();
    bundles.forEach((one, b) => {
      const list = meeting.get(one[side]);
      if (list) list.push(b);
      else meeting.set(one[side], [b]);
    });
    for (const [id, list] of meeting) {
      if (list.length < 2) continue;
      const box = boxes.get(id);
      const border = (direction === 'TB' ? box?.width : box?.height) ?? 100;
      const found = list.flatMap((b) => {
        const way = ways.get(`e${b}`) ?? ways.get(`${side === 'source' ? 'i' : 'o'}${b}`);
        return way && way.length >= 8 ? [{ way, need: bundles[b].lanes.length * LANE + 10 }] : [];
      });
      found.sort((a, b) => comingFrom(a.way, side, across) - comingFrom(b.way, side, across));
      const total = found.reduce((sum, { need }) => sum + need, 0);
      const scale = Math.min(1, (border * 0.86) / total);
      let at = (-total * scale) / 2;
      for (const { way, need } of found) {
        nudge(way, side, across, at + (need * scale) / 2);
        at += need * scale;
      }
    }
  }
}

/** Where a line comes from, off the box. @param {number[]} way @param {'source' | 'target'} side @param {number} across */
function comingFrom(way, side, across) {
  return way[side === 'source' ? way.length - 2 + across : across];
}

/** @param {number[]} way @param {'source' | 'target'} side @param {number} across @param {number} by */
function nudge(way, side, across, by) {
  const last = way.length / 2 - 1;
  for (const i of side === 'source' ? [0, 1] : [last - 1, last]) way[2 * i + across] += by;
}
