import type { Kept, Settings } from "./element.ts";
import { elementNamed, jobsOf } from "./elements.ts";
import { runJob } from "./job.ts";

// A process of its own that runs the jobs it is sent, one after the other, and ends with the one that sends them.

/** What a worker is sent. */
export interface Order {
  readonly element: string;
  readonly id: string;
  readonly settings: Settings;
  /** Of the job's own, see JobContext. */
  readonly folder: string;
}

/** What it answers with. */
export type Answer =
  | { readonly kind: "progress"; readonly share: number }
  | { readonly kind: "soFar"; readonly kept: Kept<unknown> }
  | { readonly kind: "done"; readonly kept: Kept<unknown> }
  | { readonly kind: "failed"; readonly message: string };

const answer = (message: Answer) => process.send!(message);

process.on("disconnect", () => process.exit(1));
// The terminal's Ctrl-C reaches every process: the one that sends jobs says when to end.
process.on("SIGINT", () => {});
process.on("message", async ({ element, id, settings, folder }: Order) => {
  try {
    const job = jobsOf(elementNamed(element), settings).find((one) => one.id === id)!;
    let last = 0;
    const progress = (share: number) => {
      // Not a thousand messages a second.
      if (performance.now() - last > 500) answer({ kind: "progress", share });
      last = performance.now();
    };
    const soFar = (kept: Kept<unknown>) => answer({ kind: "soFar", kept });
    answer({ kind: "done", kept: await runJob<unknown>(job, { folder, progress, soFar }) });
  } catch (error) {
    answer({ kind: "failed", message: error instanceof Error ? `${error.stack}` : String(error) });
  }
});
