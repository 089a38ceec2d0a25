import { serve } from "../engine/serve.ts";
import { TRAIN_HANDLERS, type Training } from "./handlers.ts";
import type { TrainCalls } from "./messages.ts";

// The worker that trains.

serve<TrainCalls, Training>(TRAIN_HANDLERS, {});
