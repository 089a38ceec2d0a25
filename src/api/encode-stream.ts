import { checkOptions, isRevoked } from "../base/check.ts";
import { LatentflowError, markedMessage } from "../base/errors.ts";
import { completeOptions, count } from "../base/options.ts";
import { isFloat32Array } from "../base/realms.ts";
import { refused } from "../base/refuse.ts";
import { show } from "../base/show.ts";
import type { Decoder } from "../decoder/decoder.ts";
import { unlessAborted } from "../solver/control.ts";
import type { EncodeResult } from "../solver/result.ts";
import {
  type CommonEncodeOptions,
  checkSettings,
  ENCODE_FIELDS,
  type EncodeOptions,
  encode,
} from "./encode.ts";
import type { FlowAndSolver } from "./flow-and-solver.ts";
import { ReadAhead } from "./read-ahead.ts";

/** Batch of B samples in a stream: the data alone, or the data with options of `encode` for these samples. */
export type EncodeItem =
  | Float32Array
  | ({
      /** B × outputSize */
      readonly y: Float32Array;
    } & Pick<EncodeOptions, "weights" | "z0" | "fixed" | "points">);

/**
 * Options of `encodeStream`: those of `encode`. `weights`, `fixed` and `points` given here hold for every item that has none
 * of its own.
 */
export type EncodeStreamOptions = FlowAndSolver &
  Omit<CommonEncodeOptions, "z0" | "onAbort"> & {
    /** Number of items read while one is encoded, ≥ 0; it bounds memory. Default 2. */
    ahead?: number | undefined;
  };

const ITEM = { y: true, weights: true, z0: true, fixed: true, points: true } as const;

/**
 * Encodes items of samples one after the other as they come, from a file or a database say: the result of each, in their
 * order, to the same bits as `encode` of it. A few items are read while one is encoded, and no more are read than are
 * asked for, so that the source never runs ahead of whoever reads the results. Ending the loop early closes the source.
 * An item's arrays must not be changed before its result has come: a source that fills one buffer again and again has to
 * give copies, or to be read with `ahead: 0`.
 *
 * @param items an array, a generator, a stream: any iterable, or async iterable, of `EncodeItem`s
 * @throws LatentflowError at once `invalid_argument` on a wrong option, `disposed` when the decoder is; in the loop, where
 *   an item is wrong, as `encode` of it would, after the results of all before it. What the source throws, and the
 *   signal's reason at an abort, is thrown in the loop, too
 * @example
 * for await (const { z } of encodeStream(decoder, batches)) await save(z);
 */
export function encodeStream(
  decoder: Decoder,
  items: AsyncIterable<EncodeItem> | Iterable<EncodeItem>,
  options: EncodeStreamOptions = {},
): AsyncGenerator<EncodeResult, void, undefined> {
  const where = "encodeStream";
  const { z0, onAbort, ...fields } = ENCODE_FIELDS;
  const { ahead } = completeOptions(where, options, { ...fields, ahead: count(0, 2, 2 ** 16) });
  const { ahead: _, ...shared } = options;
  checkSettings(where, decoder, shared as EncodeOptions);
  if (!isIterable(items)) {
    const hint = isFloat32Array(items) ? "; give [y], or use encode" : "";
    throw refused(where, "items", "is", show(items), `an iterable of Float32Arrays${hint}`);
  }
  return results(decoder, items, ahead, shared as EncodeOptions);
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
    // A source that does not answer, or fails at its end, must not hold up or hide what has gone wrong.
    if (failed) closed.catch(() => {});
    else await closed;
  }
}

async function encodeItem(
  decoder: Decoder,
  item: EncodeItem,
  index: number,
  options: EncodeOptions,
): Promise<EncodeResult> {
  try {
    const isAlone = isFloat32Array(item) || typeof item !== "object" || item === null || isRevoked(item);
    if (isAlone || !("y" in item)) {
      return await encode(decoder, item as Float32Array, options);
    }
    checkOptions("encodeStream", item, ITEM);
    const { y, ...own } = item;
    return await encode(decoder, y, { ...options, ...own } as EncodeOptions);
  } catch (error) {
    if (!(error instanceof LatentflowError)) throw error;
    throw new LatentflowError(error.code, `item ${index}: ${markedMessage(error)}`, { cause: error });
  }
}

function isIterable(value: unknown): boolean {
  // A Float32Array is an iterable, too, of numbers; a string of characters.
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false;
  if (isRevoked(value)) return false;
  return Symbol.asyncIterator in value || Symbol.iterator in value;
}
