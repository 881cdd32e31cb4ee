/** Bundles the web page of the chat into `dist/web`: files named by their content, and the HTML that names them. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const source = fileURLToPath(new URL("src/web", import.meta.url));
const target = fileURLToPath(new URL("dist/web", import.meta.url));

mkdirSync(target, { recursive: true });
const { metafile } = await build({
  absWorkingDir: source,
  entryPoints: ["main.ts", "style.css", "icon.svg"],
  outdir: target,
  entryNames: "[name]-[hash]",
  loader: { ".svg": "copy" },
  bundle: true,
  format: "esm",
  minify: true,
  sourcemap: true,
  target: ["es2022", "chrome111", "firefox113", "safari16.4"],
  metafile: true,
  logLevel: "warning",
});

let html = readFileSync(join(source, "index.html"), "utf8");
for (const [path, { entryPoint }] of Object.entries(metafile.outputs)) {
  if (entryPoint === undefined) continue;
  const address = `/${entryPoint.replace(/\.ts$/, ".js")}`;
  if (!html.includes(`"${address}"`)) throw new Error(`index.html does not name ${address}`);
  html = html.replaceAll(`"${address}"`, `"/${basename(path)}"`);
}

// A server may be running from this folder: it has a whole page at any moment.
const fresh = join(target, "index.html.new");
writeFileSync(fresh, html);
renameSync(fresh, join(target, "index.html"));
const built = new Set(["index.html", ...Object.keys(metafile.outputs).map((path) => basename(path))]);
for (const name of readdirSync(target)) if (!built.has(name)) rmSync(join(target, name));
