import { wasm } from "latentflow";
import { HANDLERS, type Workshop } from "./handlers.ts";
import type { Calls } from "./messages.ts";
import { serve } from "./serve.ts";

// The page's worker. It uses several threads if the page is cross-origin isolated.

const shop: Workshop = {
  networks: new Map(),
  backend: globalThis.crossOriginIsolated
    ? wasm({
        threads: "auto",
        worker: () => new Worker(new URL("latentflow/worker", import.meta.url), { type: "module" }),
      })
    : wasm(),
};

serve<Calls, Workshop>(HANDLERS, shop);
