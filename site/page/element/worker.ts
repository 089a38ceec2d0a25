import { wasm } from "latentflow";
import { HANDLERS, type Workshop } from "../engine/handlers.ts";
import type { Calls } from "../engine/messages.ts";
import { serve } from "../engine/serve.ts";

// The element's worker. It uses one thread: it has no URL of its own from which further workers could be loaded.

serve<Calls, Workshop>(HANDLERS, { networks: new Map(), backend: wasm({ threads: 1 }) });
