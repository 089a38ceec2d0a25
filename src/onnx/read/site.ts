import type { GraphWriter } from "./graph-writer.ts";

/** Why a node cannot be read. */
export class NodeRefusal extends Error {}

/** A node of the file, as who writes operations for it sees it. */
export interface Site {
  readonly writer: GraphWriter;
  /** The length of the batch that the file was exported with, where it says so. */
  readonly tracedBatch: number | undefined;
  /** @throws NodeRefusal */
  refuse(reason: string): never;
}
