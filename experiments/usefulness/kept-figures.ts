import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { type Figures, measure, type Task } from "./measure.ts";
import type { Method } from "./methods.ts";

/**
 * What methods came to, in a file: an interrupted run goes on where it was, and a method that is added does not have the
 * others measured again. Whoever changes what a method does removes the file.
 */
export class KeptFigures {
  readonly #file: string;
  readonly #figures: Record<string, Figures>;

  constructor(file: string) {
    this.#file = file;
    this.#figures = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  }

  /**
   * The figures that are there, else those that are measured now and kept.
   *
   * @param networks what the method depends on besides its name: hashes of parameters, nothing of one without a network
   */
  async of(method: Method, task: Task, networks: readonly string[]): Promise<Figures> {
    const { references, queries, neighbours, seed } = task;
    const counts = [references.labels.length, queries.labels.length, neighbours, seed];
    const key = [...networks.map((hash) => hash.slice(0, 12)), ...counts, method.name].join(" ");
    const kept = this.#figures[key];
    if (kept) return kept;
    const figures = await measure(method, task);
    this.#figures[key] = figures;
    writeFileSync(this.#file, `${JSON.stringify(this.#figures, undefined, 2)}\n`);
    return figures;
  }
}
