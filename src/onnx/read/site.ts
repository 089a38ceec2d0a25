import type { GraphWriter } from "./graph-writer.ts";

/** Error with the reason why a node cannot be translated. */
export class NodeRefusal extends Error {}

/** A node of the ONNX file, as seen by functions that write operations for it. */
export interface Site {
  readonly writer: GraphWriter;
  /** Batch size with which the file was exported; undefined if the file does not state it. */
  readonly tracedBatch: number | undefined;
  /**
   * Refuses the node.
   *
   * @throws NodeRefusal
   */
  refuse(reason: string): never;
}
