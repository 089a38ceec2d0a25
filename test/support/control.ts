import type { Control } from "../../src/solver/base.ts";

/** Of a call that nobody aborts, and that leaves no turn to the event loop. */
export const uninterrupted: Control = { aborted: () => false, pause: async () => {} };
