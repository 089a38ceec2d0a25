import { build } from "esbuild";

await build({
  entryPoints: { main: "main.js", worker: "latentflow/worker" },
  bundle: true,
  format: "esm",
  outdir: "dist",
});
