// Bundles the whole page, twice:
// - static/vendor/studio.js, studio.css and worker.js are what the service sends:
//   a tenth of the requests and half the bytes of the modules one by one, which
//   `--development` still sends.
// - static/vendor/standalone.js and .css, one script and one style sheet for traces
//   that are saved as a page of their own.  static/standalone/ stands in for the
//   service; the worker travels as text.

import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = path.dirname(fileURLToPath(import.meta.url));
const fixed = path.join(root, "static");
const out = path.join(fixed, "vendor");
const WORKER = "new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })";

const common = /** @type {const} */ ({
  bundle: true,
  write: false,
  minify: true,
  target: "es2023",
  legalComments: "eof",
  logLevel: "error",
});

async function workerText() {
  const entryPoints = [path.join(fixed, "graph", "worker.js")];
  const built = await build({ ...common, entryPoints, format: "iife" });
  return built.outputFiles[0].text;
}

/** @type {import("esbuild").Plugin} */
const standIns = {
  name: "stand-ins",
  setup(builder) {
    builder.onResolve({ filter: /(^|\/)(api|storage)\.js$/ }, (args) => {
      const wanted = path.resolve(args.resolveDir, args.path);
      const name = path.basename(wanted);
      const inside = args.resolveDir === path.join(fixed, "standalone");
      if (inside || path.dirname(wanted) !== fixed) return undefined;
      return { path: path.join(fixed, "standalone", name) };
    });
    builder.onResolve({ filter: /^[a-z][\w-]*$/ }, (args) => ({
      path: path.join(out, `${args.path}.js`),
    }));
    builder.onLoad({ filter: /graph\/layout\.js$/ }, async (args) => {
      const source = await readFile(args.path, "utf8");
      if (!source.includes(WORKER)) throw new Error(`${args.path} starts no worker as ${WORKER}`);
      const text = JSON.stringify(await workerText());
      // A classic worker: from disk, a browser refuses to load a module from a blob.
      const started = `new Worker(URL.createObjectURL(new Blob([${text}])))`;
      return { contents: source.replace(WORKER, () => started), loader: "js" };
    });
  },
};

/** The page's style sheets, in the page's own order. */
async function styles() {
  const page = await readFile(path.join(root, "templates", "index.html"), "utf8");
  const list = /for sheet in (\[[^\]]*\])/.exec(page);
  if (!list) throw new Error("templates/index.html lists no style sheets");
  const sheets = /** @type {string[]} */ (JSON.parse(list[1]));
  return sheets.map((sheet) => `@import "./${sheet}.css";`).join("\n");
}

/** The packages themselves, so that only what the page uses of them is taken. */
/** @type {import("esbuild").Plugin} */
const packages = {
  name: "packages",
  setup(builder) {
    builder.onResolve({ filter: /^(codemirror|d3|icons|temml|flatbush|tinykeys)$/ }, (args) => ({
      path: path.join(out, `${args.path}.js`),
      sideEffects: false,
    }));
    // Large and only for the worker: fetched beside it, when a layout is wanted.
    builder.onResolve({ filter: /vendor\/viz\.js$/ }, () => ({ path: "./viz.js", external: true }));
  },
};

for (const old of await readdir(out)) {
  if (/^studio-.*\.js$/.test(old)) await rm(path.join(out, old));
}
await build({
  ...common,
  write: true,
  entryPoints: {
    studio: path.join(fixed, "main.js"),
    worker: path.join(fixed, "graph", "worker.js"),
  },
  outdir: out,
  chunkNames: "studio-[name]-[hash]",
  splitting: true,
  format: "esm",
  plugins: [packages],
});
await build({
  ...common,
  write: true,
  stdin: { contents: await styles(), resolveDir: fixed, loader: "css" },
  outfile: path.join(out, "studio.css"),
  external: ["*.woff2"],
});

const script = await build({
  ...common,
  entryPoints: [path.join(fixed, "main.js")],
  format: "esm",
  plugins: [standIns],
});
await writeFile(path.join(out, "standalone.js"), script.outputFiles[0].text);

const sheet = await build({
  ...common,
  stdin: { contents: await styles(), resolveDir: fixed, loader: "css" },
  loader: { ".woff2": "dataurl", ".svg": "dataurl" },
});
await writeFile(path.join(out, "standalone.css"), sheet.outputFiles[0].text);
