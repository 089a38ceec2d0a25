import { serve } from "../../page/engine/serve.ts";
import { HANDLERS, type Workshop } from "./handlers.ts";
import type { TypefaceCalls } from "./messages.ts";

// The page's worker.

serve<TypefaceCalls, Workshop>(HANDLERS, {});
