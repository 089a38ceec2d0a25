import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

// Threads in WebAssembly need a page that is isolated from others.
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** For `npm run bench:page`, which builds this folder's page and serves it. */
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  worker: { format: "es" },
  build: {
    outDir: fileURLToPath(new URL("../../out/bench-page", import.meta.url)),
    emptyOutDir: true,
    target: "esnext",
    chunkSizeWarningLimit: 2000,
  },
  preview: { headers },
});
