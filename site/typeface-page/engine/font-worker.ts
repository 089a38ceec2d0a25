import { serve } from "../../page/engine/serve.ts";
import { FONT_HANDLERS } from "./font-file.ts";
import type { FontCalls } from "./messages.ts";

// The worker that reads one font, and is ended if that takes too long.

serve<FontCalls, object>(FONT_HANDLERS, {});
