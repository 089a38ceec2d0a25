import { mkdirSync, rmSync } from "node:fs";
import packageJson from "../package.json" with { type: "json" };
import type { Settings } from "./element.ts";
import { elementNamed, jobsOf } from "./elements.ts";

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
  | {
      readonly kind: "done";
      readonly result: unknown;
      readonly seconds: number;
      readonly versions: Record<string, string>;
    }
  | { readonly kind: "failed"; readonly message: string };

const answer = (message: Answer) => process.send!(message);

process.on("disconnect", () => process.exit(1));
// The terminal's Ctrl-C reaches every process: the one that sends jobs says when to end.
process.on("SIGINT", () => {});
process.on("message", async ({ element, id, settings, folder }: Order) => {
  try {
    const job = jobsOf(elementNamed(element), settings).find((one) => one.id === id)!;
    mkdirSync(folder, { recursive: true });
    const start = performance.now();
    let last = 0;
    const progress = (share: number) => {
      // Not a thousand messages a second.
      if (performance.now() - last > 500) answer({ kind: "progress", share });
      last = performance.now();
    };
    const context = { folder, progress, isAnew: false };
    const result = await job.run(context).catch((error: Error) => {
      const isStale =
        /is a checkpoint of another run/.test(error.message) ||
        (error as { code?: string }).code === "invalid_file";
      // Of what was killed before the code changed: begin anew.
      if (!isStale || context.isAnew) throw error;
      context.isAnew = true;
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
      return job.run(context);
    });
    const seconds = (performance.now() - start) / 1000;
    const versions = { latentflow: packageJson.version, node: process.versions.node };
    answer({ kind: "done", result, seconds, versions });
  } catch (error) {
    answer({ kind: "failed", message: error instanceof Error ? `${error.stack}` : String(error) });
  }
});
