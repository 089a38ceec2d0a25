import { wasm } from "latentflow";
import { HANDLERS, type Workshop } from "../engine/handlers.ts";
import type { Calls } from "../engine/messages.ts";
import { serve } from "../engine/serve.ts";

// The element's worker. It has no address of its own, from which the workers of several threads could be found.

serve<Calls, Workshop>(HANDLERS, { networks: new Map(), backend: wasm({ threads: 1 }) });
