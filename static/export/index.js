/**
 * Saving the picture and the trace.
 */
import { address } from '../api.js';
import { toast } from '../toast.js';

/** @param {Blob} blob @param {string} name */
function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** @param {string} svg */
export function saveSVG(svg) {
  save(new Blob([svg], { type: 'image/svg+xml' }), 'gradwalk.svg');
}

const LARGEST = 8192;

/** Drawn at twice its size, or as large as a canvas may be. @param {string} svg */
export async function savePNG(svg) {
  const image = new Image();
  const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  try {
    image.src = url;
    await image.decode();
    const scale = Math.min(2, LARGEST / Math.max(image.naturalWidth, image.naturalHeight, 1));
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
    canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
    if (blob) save(blob, 'gradwalk.png');
    else toast('The browser could not draw the picture at this size: save it as SVG');
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** The trace, with the code it belongs to. @param {import('../model/types.js').Model} model */
export function saveJSON(model) {
  const body = JSON.stringify({ code: model.code, trace: model.trace }, null, 1);
  save(new Blob([body], { type: 'application/json' }), 'gradwalk-trace.json');
}

const FORMATS = /** @type {Record<string, string>} */ ({ dot: 'dot', mermaid: 'mmd', html: 'html', svg: 'svg' });

/** What the service makes of a trace. @param {import('../model/types.js').Model} model @param {'dot' | 'mermaid' | 'html'} format */
export async function saveFrom(model, format) {
  let response;
  try {
    response = await fetch(address(`api/v1/export/${format}`), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ code: model.code, trace: model.trace }),
    });
  } catch {
    toast('The service does not answer: the export was not made');
    return;
  }
  if (!response.ok) {
    const { detail } = await response.json().catch(() => ({}));
    toast(`The export was not made. ${detail ?? `Status ${response.status}`}`);
    return;
  }
  save(await response.blob(), `gradwalk.${FORMATS[format]}`);
}

/**
 * Ask for a trace file; ours, or a trace as the API or the command line gives it.
 * @returns {Promise<{trace: any, code: string} | null>}
 */
export function pickTrace() {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = '.json,application/json';
  return new Promise((resolve) => {
    input.addEventListener('cancel', () => resolve(null));
    input.addEventListener('change', async () => resolve(input.files?.[0] ? readTrace(await input.files[0].text()) : null));
    input.click();
  });
}

/** The format that is read, and the lists that it has in every trace. */
const VERSION = 1;
const LISTS = ['tensors', 'ops', 'graphs', 'timeline', 'variables', 'warnings'];

/** @param {string} text @returns {{trace: any, code: string} | null} */
function readTrace(text) {
  try {
    const body = JSON.parse(text);
    const trace = body.trace ?? body;
    const { schema_version: version } = trace;
    if (Number.isInteger(version) && version !== VERSION) {
      toast(`This trace has format ${version}, and format ${VERSION} is read here: record it again`);
      return null;
    }
    if (version !== VERSION || !LISTS.every((name) => Array.isArray(trace[name])) || typeof trace.omitted !== 'object') throw new Error('not a trace');
    return { trace, code: typeof body.code === 'string' ? body.code : '' };
  } catch {
    toast('This file is not a trace');
    return null;
  }
}
