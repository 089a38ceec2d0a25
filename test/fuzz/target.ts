import { loadDecoder } from "../../src/api/load-decoder.ts";
import { LatentflowError } from "../../src/base/errors.ts";
import { createRandom } from "../../src/base/random.ts";
import { PROBE, readProbe } from "../../src/decoder/probe-text.ts";
import { readArray } from "../../src/files/read.ts";
import { layersOf } from "../../src/graph/layers.ts";
import { readCheckpoint } from "../../src/train/checkpoint-format.ts";
import { readDataset } from "../../src/train/read-dataset.ts";
import { type Kind, kinds, Maker, mutateBytes, probedSizes } from "./files.ts";

// The property: whatever the bytes, a reader returns a value or refuses them by an error of ours, whose message is
// short and plain; within bounded time and memory, and leaving nothing behind.

/** The limit that readers are given; files are far smaller. */
const MAX_BYTES = 2 ** 22;
/** Of the processor's time, in milliseconds: a busy machine makes no difference. */
const MOST_TIME = 2000;
/** What a reader may leave to the garbage collector, or have given back to nobody yet. */
const MOST_MEMORY = 2 ** 26;

/** What became of the files. */
export interface Counts {
  rounds: number;
  read: number;
  refused: number;
  /** By kind of file and reader: how many were read. */
  readonly byKind: Record<string, { read: number; refused: number }>;
  /** The longest, in milliseconds of the processor. */
  longest: number;
}

export function newCounts(): Counts {
  return { rounds: 0, read: 0, refused: 0, byKind: {}, longest: 0 };
}

const readers = {
  decoder: async (bytes: Uint8Array) => {
    const decoder = await loadDecoder(bytes, { maxBytes: MAX_BYTES });
    expect(decoder.parameters.every(Number.isFinite), "a decoder's parameters are finite");
    const again = await loadDecoder(decoder.toSafetensors(), { maxBytes: MAX_BYTES });
    expect(same(again.parameters, decoder.parameters), "a decoder that is written is read back");
    expect(JSON.stringify(layersOf(again)) === JSON.stringify(layersOf(decoder)), "with its layers");
  },
  dataset: async (bytes: Uint8Array) => {
    const dataset = await readDataset(bytes, { maxBytes: MAX_BYTES });
    expect(Number.isInteger(dataset.count) && dataset.size > 0, "a data set has samples");
  },
  probe: async (bytes: Uint8Array) => {
    const metadata = new Map([[PROBE, Buffer.from(bytes).toString("base64")]]);
    const { rows, z, x } = readProbe(metadata, probedSizes)!;
    expect(z.length === rows * probedSizes.latentSize && x.every(Number.isFinite), "a probe has rows");
  },
  "named array": async (bytes: Uint8Array) => {
    await readArray(bytes, { array: "x", maxBytes: MAX_BYTES });
  },
  "labelled dataset": async (bytes: Uint8Array) => {
    const { count, labels } = await readDataset(bytes, { array: "x", labels: "labels", maxBytes: MAX_BYTES });
    expect(labels?.length === count, "there is a label for each sample");
  },
  array: async (bytes: Uint8Array) => {
    const { shape, data } = await readArray(bytes, { maxBytes: MAX_BYTES });
    expect(shape.reduce((product, length) => product * length, 1) === data.length, "an array has its shape");
  },
  checkpoint: async (bytes: Uint8Array) => {
    readCheckpoint(bytes);
  },
} as const;

const readersOf: Readonly<Record<Kind, readonly (keyof typeof readers)[]>> = {
  decoder: ["decoder"],
  "graph decoder": ["decoder"],
  probe: ["probe"],
  checkpoint: ["checkpoint"],
  npy: ["array", "dataset"],
  npz: ["named array", "dataset", "labelled dataset"],
  idx: ["array", "dataset"],
  gzip: ["array"],
  foreign: ["decoder", "dataset", "array"],
};

function same(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`not so: ${what}`);
}

const names = (object: object) => Reflect.ownKeys(object).map(String).join();
const builtIns = [Object.prototype, Array.prototype, Function.prototype, Map.prototype, Uint8Array.prototype];
const before = builtIns.map(names);

/**
 * Makes the file of a round, the same each time, and reads it.
 *
 * @throws Error where the property does not hold; its message says which seed and round it was
 */
export async function fuzzRound(seed: number, round: number, counts: Counts): Promise<void> {
  const random = createRandom(seed, round);
  // Sound files are made too, that the right ways are gone, and files wrong in many places.
  const maker = new Maker(random, [0, 0.01, 0.03, 0.1][random.below(4)]!);
  const kind = maker.pick(Object.keys(kinds) as Kind[]);
  let file = kinds[kind](maker);
  if (maker.wrongness > 0 && maker.below(3) === 0) file = mutateBytes(maker, file);
  // Any file may be given to any reader.
  const wanted = maker.below(8) === 0 ? (Object.keys(readers) as (keyof typeof readers)[]) : readersOf[kind];
  const name = maker.pick(wanted);

  const memory = process.memoryUsage().arrayBuffers;
  const start = process.cpuUsage();
  const outcome = await readers[name](file).catch((error: unknown) => error);
  const { user, system } = process.cpuUsage(start);
  const grown = process.memoryUsage().arrayBuffers - memory;
  const time = (user + system) / 1000;

  counts.rounds++;
  counts.longest = Math.max(counts.longest, time);
  const key = `${kind} as ${name}`;
  counts.byKind[key] ??= { read: 0, refused: 0 };
  const result = outcome === undefined ? "read" : "refused";
  counts[result]++;
  counts.byKind[key][result]++;
  try {
    if (outcome !== undefined) checkRefusal(outcome);
    expect(time < MOST_TIME, `it took ${time} ms`);
    expect(grown < MOST_MEMORY + 8 * file.length, `${grown} bytes for a file of ${file.length}`);
    expect(
      builtIns.every((object, i) => names(object) === before[i]),
      "built-in objects are as before",
    );
    const isSound = maker.wrongness === 0 && kind !== "foreign" && name === readersOf[kind][0];
    expect(!isSound || outcome === undefined, `a sound file is read, but: ${outcome}`);
  } catch (cause) {
    throw new Error(
      `seed ${seed}, round ${round}, ${key}: ${cause instanceof Error ? cause.message : cause}`,
      {
        cause: outcome ?? cause,
      },
    );
  }
}

function checkRefusal(error: unknown): void {
  if (!(error instanceof LatentflowError)) {
    throw new Error(`another error: ${error instanceof Error ? error.stack : error}`);
  }
  const { code, message } = error;
  expect(/^(invalid_file|invalid_argument|needs_conversion)$/.test(code), `the code is ${code}`);
  expect(message.length < 1000, `the message has ${message.length} characters: ${message.slice(0, 300)}`);
  expect(!/\p{Cc}/u.test(message), `the message has control characters: ${JSON.stringify(message)}`);
}
