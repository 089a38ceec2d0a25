import { serve } from "../../page/engine/serve.ts";
import { FONT_HANDLERS } from "./font-file.ts";
import type { FontCalls } from "./messages.ts";

// Worker that reads one font; it is terminated if that takes too long.

serve<FontCalls, object>(FONT_HANDLERS, {});
