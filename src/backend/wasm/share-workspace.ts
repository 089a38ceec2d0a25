import { Workspace as WorkspaceStruct } from "../../kernels/layout.ts";
import type { PackedDecoder } from "./packed.ts";
import { allocatePixelScratch } from "./pixel-scratch.ts";
import type { Workspace } from "./workspace.ts";

/**
 * Allocates another Workspace struct on the rows of a workspace, for a thread that works on some of them: with lists of rows and
 * scratch of its own, which are freed without the rows.
 *
 * @param capacity maximum number of rows of one pass
 * @param prior pointer to a Prior struct of the thread, 0 for none
 */
export function shareWorkspace(
  packed: PackedDecoder,
  workspace: Workspace,
  capacity: number,
  prior: number,
): Workspace {
  const { arena } = packed;
  const block = arena.allocate((piece) => ({
    pointer: piece(WorkspaceStruct.size),
    rows: piece(4 * capacity),
    sources: piece(4 * capacity),
    destinations: piece(4 * capacity),
    pixels: allocatePixelScratch(packed, piece),
  }));
  const { pointer, pixels, ...lists } = block.layout;
  const { start, size, free } = block;
  new Uint8Array(arena.memory.buffer).copyWithin(
    pointer,
    workspace.pointer,
    workspace.pointer + WorkspaceStruct.size,
  );
  const view = arena.view();
  WorkspaceStruct.set(view, pointer, { ...lists, scratch: pixels.pointer, prior });
  pixels.write(view);
  return { ...workspace, ...lists, pointer, start, size, free };
}
