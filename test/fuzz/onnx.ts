import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { LatentflowError } from "../../src/base/errors.ts";
import type { Random } from "../../src/base/random.ts";
import { createRandom } from "../../src/base/random.ts";
import { loadOnnx } from "../../src/onnx/index.ts";
import { hostileNames, hostileNumbers } from "./files.ts";

// Files of ONNX that somebody has changed: fields of messages, bytes, lengths. Whatever comes of it is read, or refused by
// an error of ours, in bounded time.

const folder = fileURLToPath(new URL("../fixtures/onnx/read/", import.meta.url));
const files = readdirSync(folder)
  .filter((name) => name.endsWith(".onnx"))
  .map((name) => new Uint8Array(readFileSync(`${folder}${name}`)));

/** Of the processor's time, in milliseconds: a busy machine makes no difference. */
const MOST_TIME = 3000;
const MAX_BYTES = 2 ** 22;

/** The messages within a message, itself among them. */
function messagesIn(value: unknown, into: Message[] = []): Message[] {
  if (Array.isArray(value)) for (const each of value) messagesIn(each, into);
  else if (typeof value === "object" && value !== null && !(value instanceof Uint8Array)) {
    if ("$typeName" in value) into.push(value as Message);
    for (const each of Object.values(value)) messagesIn(each, into);
  }
  return into;
}

const pick = <T>(random: Random, items: readonly T[]): T => items[random.below(items.length)]!;

const INTEGERS = [...hostileNumbers, -2, 2, 4, 6, 7, 12, 2 ** 33].filter(
  (number) => Number.isInteger(number) && Math.abs(number) < 2 ** 63,
);

/** Something else of the same type. */
function other(random: Random, value: unknown, names: readonly string[]): unknown {
  if (typeof value === "string")
    return random.below(2) === 0
      ? pick(random, names)
      : pick(random, hostileNames).replace(/[\ud800-\udfff]/g, "");
  if (typeof value === "bigint") return BigInt(pick(random, INTEGERS));
  if (typeof value === "number") {
    // What is an integer in the schema has to stay one that fits.
    return Number.isInteger(value)
      ? pick(random, [0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 16, -1, 2 ** 30])
      : pick(random, [0, -1, 1e30, Number.NaN, Infinity, 0.5]);
  }
  if (value instanceof Uint8Array) {
    const bytes = value.slice(0, random.below(value.length + 1));
    if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256);
    return bytes;
  }
  if (Array.isArray(value)) return otherList(random, value, names);
  return value;
}

function otherList(random: Random, list: readonly unknown[], names: readonly string[]): unknown[] {
  const changed = [...list];
  const at = random.below(changed.length + 1);
  const way = random.below(4);
  if (way === 0) changed.splice(at, 1);
  else if (way === 1 && changed.length > 0) changed.splice(at, 0, pick(random, changed));
  else if (way === 2 && changed.length > 1) changed.reverse();
  else if (at < changed.length) changed[at] = other(random, changed[at], names);
  return changed;
}

/** A file with something in it that is wrong, or only different. */
export function mutated(random: Random): Uint8Array {
  const bytes = pick(random, files);
  const way = random.below(8);
  if (way === 0) return bytes.slice(0, random.below(bytes.length));
  if (way === 1) {
    const changed = bytes.slice();
    for (let i = random.below(8); i >= 0; i--) changed[random.below(changed.length)] = random.below(256);
    return changed;
  }
  const model = fromBinary(ModelProtoSchema, bytes);
  const messages = messagesIn(model);
  const names = model.graph!.node.flatMap(({ input, output, opType }) => [...input, ...output, opType]);
  for (let i = random.below(3); i >= 0; i--) {
    const message = pick(random, messages) as unknown as Record<string, unknown>;
    const keys = Object.keys(message).filter((key) => !key.startsWith("$"));
    const key = pick(random, keys);
    const value = message[key];
    // Of several possible types of a field: the value of the one that is there.
    if (typeof value === "object" && value !== null && "case" in value && "value" in value) {
      const one = value as { value: unknown };
      one.value = other(random, one.value, names);
    } else message[key] = other(random, value, names);
  }
  try {
    return toBinary(ModelProtoSchema, model);
  } catch {
    // A number that its field cannot hold.
    return bytes;
  }
}

/**
 * Makes so many files wrong, the same ones for a seed, and has them read.
 *
 * @throws Error where one is neither read nor refused as it should be; it says which round that was
 */
export async function fuzzOnnx(
  seed: number,
  rounds: number,
  first = 0,
): Promise<{ read: number; refused: number }> {
  const counts = { read: 0, refused: 0 };
  for (let round = first; round < first + rounds; round++) {
    const file = mutated(createRandom(seed, round));
    const start = process.cpuUsage();
    const outcome = await loadOnnx(file, {
      maxBytes: MAX_BYTES,
      ...(round % 3 === 0 && { points: "xyz" }),
    }).catch((error: unknown) => error);
    const { user, system } = process.cpuUsage(start);
    const time = (user + system) / 1000;
    const problem = problemOf(outcome) ?? (time > MOST_TIME ? `it took ${time} ms` : undefined);
    if (problem !== undefined)
      throw new Error(`seed ${seed}, round ${round}: ${problem}`, { cause: outcome });
    if (outcome instanceof Error) counts.refused++;
    else counts.read++;
  }
  return counts;
}

function problemOf(outcome: unknown): string | undefined {
  if (!(outcome instanceof Error)) return undefined;
  if (!(outcome instanceof LatentflowError)) return `another error: ${outcome.stack}`;
  const { code, message } = outcome;
  if (code !== "invalid_file" && code !== "invalid_argument") return `the code is ${code}: ${message}`;
  if (message.length >= 1200) return `the message has ${message.length} characters: ${message.slice(0, 300)}`;
  return /\p{Cc}/u.test(message)
    ? `the message has control characters: ${JSON.stringify(message)}`
    : undefined;
}
