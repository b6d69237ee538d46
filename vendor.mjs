// Bundles the third-party modules of the page into static/vendor, one ES module
// each, with a .d.ts beside it that re-exports the packages' own types.
// Import them by bare name through the page's import map, or relatively in workers.

import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = path.dirname(fileURLToPath(import.meta.url));
const out = path.join(root, "static", "vendor");

/** Every name of each package, under one module name. */
const bundles = {
  codemirror: [
    "@codemirror/state",
    "@codemirror/view",
    "@codemirror/commands",
    "@codemirror/language",
    "@codemirror/lang-python",
    "@codemirror/lint",
    "@codemirror/search",
    "@codemirror/autocomplete",
    "@lezer/highlight",
  ],
  d3: [
    "d3-selection",
    "d3-transition",
    "d3-zoom",
    "d3-drag",
    "d3-shape",
    "d3-scale",
    "d3-scale-chromatic",
    "d3-interpolate",
    "d3-hierarchy",
    "d3-ease",
  ],
  tinykeys: ["tinykeys"],
  viz: ["@viz-js/viz"],
};

/** Modules whose export is the default one. */
const defaults = { flatbush: "flatbush", temml: "temml" };

/** Lucide icons, exported as SVG text under their names in camelCase. */
const icons = [
  "arrow-down", "arrow-left", "arrow-right", "arrow-up", "book-open", "box", "check",
  "chevron-down", "chevron-left", "chevron-right", "chevron-up", "chevrons-left",
  "chevrons-right", "circle", "circle-alert", "circle-help", "circle-x", "clipboard", "code",
  "command", "copy", "download", "expand", "external-link", "eye", "eye-off", "fast-forward",
  "file-down", "fullscreen", "gauge", "git-branch", "git-fork", "graduation-cap", "hand",
  "image", "info", "keyboard", "layers", "lightbulb", "link", "list", "loader", "lock",
  "maximize", "maximize-2", "menu", "minimize", "minimize-2", "minus", "monitor", "moon",
  "panel-left", "panel-right", "pause", "pencil", "pin", "play", "plus", "redo-2", "repeat",
  "rewind", "rotate-ccw", "scan", "scissors", "search", "settings", "share-2", "shield",
  "shield-off", "skip-back", "skip-forward", "sliders-horizontal", "square", "step-back",
  "step-forward", "sun", "terminal", "triangle-alert", "undo-2", "unlink", "variable", "wand",
  "x", "zap", "zoom-in", "zoom-out",
];

/** Files copied as they are, by package. */
const copies = {
  "swagger-ui-dist": [
    "swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png", "LICENSE", "NOTICE",
  ],
};

const camel = (/** @type {string} */ name) =>
  name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());

const packageFolder = (/** @type {string} */ name) => path.join(root, "node_modules", name);

async function iconModule() {
  const lines = [];
  for (const icon of icons) {
    const file = path.join(packageFolder("lucide-static"), "icons", `${icon}.svg`);
    const svg = (await readFile(file, "utf8"))
      .replace(/<!--.*?-->/gs, "")
      .replace(/\s*\n\s*/g, " ")
      .trim();
    lines.push(`export const ${camel(icon)} = ${JSON.stringify(svg)};`);
  }
  return lines.join("\n");
}

/** Duplicate names would vanish silently from an `export *`; refuse them. */
function refuseAmbiguity(/** @type {import("esbuild").Message[]} */ warnings) {
  if (warnings.length > 0) throw new Error(warnings.map((w) => w.text).join("\n"));
}

async function bundle(/** @type {string} */ name, /** @type {string} */ contents) {
  const result = await build({
    stdin: { contents, resolveDir: root, sourcefile: `${name}.js` },
    bundle: true,
    format: "esm",
    target: "es2023",
    minify: true,
    legalComments: "eof",
    logLevel: "error",
    outfile: path.join(out, `${name}.js`),
  });
  refuseAmbiguity(result.warnings);
}

async function main() {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const modules = Object.entries(bundles).map(([name, packages]) => {
    const source = packages.map((one) => `export * from "${one}";`).join("\n");
    return { name, source, types: source };
  });
  for (const [name, one] of Object.entries(defaults)) {
    const source = `export { default } from "${one}";`;
    modules.push({ name, source, types: source });
  }
  modules.push({
    name: "icons",
    source: await iconModule(),
    types: icons.map((icon) => `export const ${camel(icon)}: string;`).join("\n"),
  });
  await Promise.all(
    modules.map(async ({ name, source, types }) => {
      await bundle(name, source);
      await writeFile(path.join(out, `${name}.d.ts`), `${types}\n`);
    }),
  );
  for (const file of ["Temml-Local.css", "Temml.woff2"]) {
    await cp(path.join(packageFolder("temml"), "dist", file), path.join(out, file));
  }
  for (const [name, files] of Object.entries(copies)) {
    const folder = path.join(out, name.replace(/-ui-dist$/, ""));
    await mkdir(folder, { recursive: true });
    for (const file of files) await cp(path.join(packageFolder(name), file), path.join(folder, file));
  }
  await licences();
}

/** The bundles travel in the wheel and the image, so their licences do too. */
async function licences() {
  const lock = JSON.parse(await readFile(path.join(root, "package-lock.json"), "utf8"));
  const texts = [];
  for (const [folder, entry] of Object.entries(lock.packages)) {
    if (folder === "" || entry.dev || entry.optional) continue;
    for (const file of ["LICENSE", "LICENSE.md", "LICENSE.txt"]) {
      const text = await readFile(path.join(root, folder, file), "utf8").catch(() => null);
      if (text === null) continue;
      texts.push(`${folder.replace(/^.*node_modules\//, "")} ${entry.version}\n\n${text.trim()}\n`);
      break;
    }
  }
  await writeFile(path.join(out, "LICENSES.txt"), texts.join(`\n${"-".repeat(72)}\n\n`));
}

await main();
