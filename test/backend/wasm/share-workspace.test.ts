import { test } from "uvu";
import * as assert from "uvu/assert";
import { packDecoder } from "../../../src/backend/wasm/packed.ts";
import { shareWorkspace } from "../../../src/backend/wasm/share-workspace.ts";
import { allocateWorkspace } from "../../../src/backend/wasm/workspace.ts";
import { conv, reshape, sequential } from "../../../src/graph/index.ts";
import { createDecoder } from "../../../src/index.ts";
import { PixelScratch, Workspace } from "../../../src/kernels/layout.ts";
import { compileKernels } from "../../../src/kernels/load.ts";

test("threads share a workspace's rows, and nothing that a pass writes besides", async () => {
  const layers = [reshape([2, 4]), conv({ channels: 3, kernel: 3, padding: 1 })];
  const decoder = createDecoder(sequential(8, layers), { seed: 1 });
  const packed = await packDecoder(decoder, await compileKernels(undefined));
  const { arena } = packed;
  const rows = 5;
  const workspace = allocateWorkspace(packed, rows, "squaredError", { prior: 64 });
  const shared = shareWorkspace(packed, workspace, rows, 128);
  const field = (pointer: number, name: keyof typeof Workspace.places) =>
    Workspace.get(arena.view(), pointer, name);
  const names = Object.keys(Workspace.places) as (keyof typeof Workspace.places)[];
  const own = names.filter((name) => field(workspace.pointer, name) !== field(shared.pointer, name));
  assert.equal(own.sort(), ["destinations", "prior", "rows", "scratch", "sources"]);
  assert.is(field(shared.pointer, "prior"), 128);
  // What a pass writes lies in the block of its own, without overlap, with room for all rows.
  const scratch = (name: keyof typeof PixelScratch.places) =>
    PixelScratch.get(arena.view(), field(shared.pointer, "scratch"), name);
  const pieces = [
    { at: shared.pointer, size: Workspace.size },
    ...(["rows", "sources", "destinations"] as const).map((name) => ({
      at: field(shared.pointer, name),
      size: 4 * rows,
    })),
    { at: field(shared.pointer, "scratch"), size: PixelScratch.size },
    ...(["sources", "destinations", "places"] as const).map((name) => ({ at: scratch(name), size: 4 * 96 })),
  ].sort((a, b) => a.at - b.at);
  pieces.forEach(({ at, size }, i) => {
    assert.ok(at >= shared.start && at + size <= shared.start + shared.size, `piece ${i} lies in the block`);
    if (i > 0) assert.ok(at >= pieces[i - 1]!.at + pieces[i - 1]!.size, `piece ${i} overlaps the one before`);
  });
  decoder.dispose();
});

test.run();
