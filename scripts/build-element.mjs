/**
 * Builds the element <latent-flow> into site/public/latent-flow.js, from where VitePress copies it into the site: one file, which a
 * page of any address takes in. Its worker is a text in it, since a browser starts no worker from another address.
 *
 *   node scripts/build-element.mjs            part of npm run site; it needs build/lib/
 *   node scripts/build-element.mjs FOLDER     into FOLDER/latent-flow.js
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const [folder = join(root, "site/public")] = process.argv.slice(2);
const sources = join(root, "site/page/element");

/** @type {import("esbuild").BuildOptions} */
const common = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  // As the site's page does: what is published, by the names of its entries. tsconfig.json leads them to src/.
  tsconfigRaw: {},
  // Of workers for several threads, which it does not start; of the library's chunks without side effects.
  logOverride: { "empty-import-meta": "silent", "ignored-bare-import": "silent" },
};

const {
  outputFiles: [worker],
} = await build({ ...common, entryPoints: [join(sources, "worker.ts")], write: false });
if (!worker) throw new Error("build-element: esbuild wrote no worker");

await build({
  ...common,
  entryPoints: [join(sources, "latent-flow.ts")],
  outfile: join(folder, "latent-flow.js"),
  plugins: [
    {
      name: "worker-source",
      setup({ onResolve, onLoad }) {
        onResolve({ filter: /^worker-source$/ }, ({ path }) => ({ path, namespace: "worker-source" }));
        onLoad({ filter: /./, namespace: "worker-source" }, () => ({
          contents: worker.text,
          loader: "text",
        }));
      },
    },
  ],
});
