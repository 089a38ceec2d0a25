import type { GraphWriter } from "./graph-writer.ts";

/** Reason why a node cannot be read, as an error. */
export class NodeRefusal extends Error {}

/** Node of the file, as seen by functions that write operations for it. */
export interface Site {
  readonly writer: GraphWriter;
  /** Length of the batch that the file was exported with; undefined if it does not tell. */
  readonly tracedBatch: number | undefined;
  /** @throws NodeRefusal */
  refuse(reason: string): never;
}
