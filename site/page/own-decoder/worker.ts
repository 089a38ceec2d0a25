import { serve } from "../engine/serve.ts";
import { FILE_HANDLERS, type Opened } from "./handlers.ts";
import type { FileCalls } from "./messages.ts";

// The worker that reads a visitor's files and encodes with them.

serve<FileCalls, Opened>(FILE_HANDLERS, {});
