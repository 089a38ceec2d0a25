import { calling } from "../base/calling.ts";
import { checkOptions } from "../base/check.ts";
import { LatentflowError, type Place, partsOf, remade } from "../base/errors.ts";
import { completeOptions, count } from "../base/options.ts";
import { isFloat32Array } from "../base/realms.ts";
import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { unlessAborted } from "../solver/control.ts";
import type { EncodeResult } from "../solver/result.ts";
import type { Samples } from "./check-data.ts";
import {
  type CommonEncodeOptions,
  checkSettings,
  ENCODE_FIELDS,
  type EncodeOptions,
  encode,
} from "./encode.ts";
import { type FlowAndSolver, IN_SOLVER } from "./flow-and-solver.ts";
import { ReadAhead } from "./read-ahead.ts";

/** Batch of B samples for `encodeStream`: the data y, [B, outputSize], alone or in an object with options for this batch. */
export type EncodeItem =
  | Samples
  | ({
      /** Data of the batch, [B, outputSize]. */
      readonly y: Samples;
    } & Pick<EncodeOptions, "weights" | "z0" | "fixed" | "points">);

/**
 * Options of `encodeStream`: `ahead`, and all options of `encode` except `z0` and `onAbort`. `weights`, `fixed` and `points`
 * apply to every item (batch) that has no value of its own for the option.
 */
export type EncodeStreamOptions = FlowAndSolver &
  Omit<CommonEncodeOptions, "z0" | "onAbort"> & {
    /** Number of items (batches) to read ahead while one is encoded, from 0 to 65,536; it bounds memory. Default 2. */
    ahead?: number | undefined;
  };

const ITEM = { y: true, weights: true, z0: true, fixed: true, points: true } as const;

/**
 * Encodes batches of samples, called items, one after the other as they arrive, for example from a file or a database.
 * Yields the result of each item in order, identical to the last bit to that of `encode`.
 *
 * While one item is encoded, `ahead` more are read, and none beyond those until the next result is requested. Leaving the
 * loop early closes the source. An item's arrays must not change before its result has been yielded: a source that refills
 * one buffer must either yield copies or be read with `ahead: 0`.
 *
 * @param items an array, a generator, a stream: any iterable, or async iterable, of `EncodeItem`s
 * @throws LatentflowError at the call: `invalid_argument` on a wrong option except `starts`, `disposed` when the decoder is. In the loop:
 *   what `encode` throws for an item, after the results of all items before it; also what the source throws, and the abort
 *   signal's reason at an abort
 * @example
 * for await (const { z } of encodeStream(decoder, batches)) await save(z);
 */
export function encodeStream(
  decoder: Decoder,
  items: AsyncIterable<EncodeItem> | Iterable<EncodeItem>,
  options: EncodeStreamOptions = {},
): AsyncGenerator<EncodeResult, void, undefined> {
  return calling("encodeStream", () => {
    const { z0, onAbort, ...fields } = ENCODE_FIELDS;
    const { ahead } = completeOptions(options, { ...fields, ahead: count(0, 2, 2 ** 16) }, IN_SOLVER);
    const { ahead: _, ...shared } = options;
    checkSettings(decoder, shared as EncodeOptions);
    if (!isIterable(items)) {
      const hint = isFloat32Array(items) ? "; give [y], or use encode" : "";
      throw refused("items", "is", show(items), "an iterable of Float32Arrays", hint);
    }
    return results(decoder, items, ahead, shared as EncodeOptions);
  });
}

async function* results(
  decoder: Decoder,
  items: AsyncIterable<EncodeItem> | Iterable<EncodeItem>,
  ahead: number,
  options: EncodeOptions,
): AsyncGenerator<EncodeResult, void, undefined> {
  const { signal } = options;
  const source = new ReadAhead(items, ahead);
  let failed = false;
  try {
    for (let index = 0; ; index++) {
      const { done, value } = await unlessAborted(signal, () => source.next());
      if (done) return;
      yield await encodeItem(decoder, value as EncodeItem, index, options);
    }
  } catch (error) {
    failed = true;
    throw error;
  } finally {
    const closed = source.close();
    // A source whose close hangs or fails must not delay or replace the first error.
    if (failed) closed.catch(() => {});
    else await closed;
  }
}

const HERE: Place = { text: "encodeStream", call: "encodeStream" };

async function encodeItem(
  decoder: Decoder,
  item: EncodeItem,
  index: number,
  options: EncodeOptions,
): Promise<EncodeResult> {
  try {
    const isAlone = isFloat32Array(item) || typeof item !== "object" || item === null;
    if (isAlone || !("y" in item)) {
      return await encode(decoder, item as Samples, options);
    }
    calling("encodeStream", () => checkOptions(item, ITEM));
    const { y, ...own } = item;
    return await encode(decoder, y, { ...options, ...own } as EncodeOptions);
  } catch (error) {
    // What a callback has thrown, and an abort signal's reason, is passed on as it is.
    if (!(error instanceof LatentflowError && /^encode(Stream)?$/.test(error.call ?? ""))) throw error;
    // Under the name of the function that was called.
    const places = partsOf(error).places.map((place) => (place.call === "encode" ? HERE : place));
    throw remade(error, { before: { text: `item ${index}` }, places });
  }
}

function isIterable(value: unknown): boolean {
  // A Float32Array is also an iterable, of numbers, and a string one of characters: neither holds items.
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false;
  return Symbol.asyncIterator in value || Symbol.iterator in value;
}
