import { subject } from "./message.ts";
import type { AbortSignalLike } from "./platform.ts";
import { invalid } from "./refuse.ts";
import { escapeText } from "./show.ts";

// What a value is, whichever realm it comes from: a frame, a context of node:vm and jsdom have classes of their own,
// and `instanceof` knows only those of the realm that the library runs in.

const typedArrayTag = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)!.get!;

/** Getter of ArrayBuffer's byteLength, which throws unless it is called on an ArrayBuffer, of any realm. */
const bufferLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "byteLength")!.get!;

/** Returns the name of a typed array of any realm, such as "Float32Array"; undefined for other values. */
export function typedArrayName(value: unknown): string | undefined {
  return typedArrayTag.call(value);
}

export function isFloat32Array(value: unknown): value is Float32Array {
  return typedArrayName(value) === "Float32Array";
}

/** True for a Uint8Array of any realm, Node's Buffer among them. */
export function isUint8Array(value: unknown): value is Uint8Array {
  return typedArrayName(value) === "Uint8Array";
}

export function isArrayBuffer(value: unknown): value is ArrayBuffer {
  try {
    bufferLength.call(value);
    return true;
  } catch {
    return false;
  }
}

/**
 * True for an object of the platform's class of this name, "URL" say, in any realm. An object that only claims the name is
 * taken, too, and fails where it is used.
 */
export function isPlatformObject(name: string, value: unknown): boolean {
  try {
    return Object.prototype.toString.call(value) === `[object ${name}]`;
  } catch {
    return false;
  }
}

/** True for a Promise of any realm, given where an `await` is missing. */
export function isPromise(value: unknown): boolean {
  return isPlatformObject("Promise", value);
}

/**
 * Returns the message of an error, or the text of another value that was thrown: escaped, on one line, and cut.
 *
 * @param edit what is to be done with the words before that: of what is cut nothing is found any more
 */
export function messageOf(thrown: unknown, edit = (words: string) => words): string {
  try {
    const { message } = thrown as Error;
    return escapeText(edit(typeof message === "string" ? message : String(thrown)), LONGEST_MESSAGE);
  } catch {
    return "an error without a message";
  }
}

const LONGEST_MESSAGE = 400;

/** Returns the system's name of an error, `ENOENT` say. (In node:vm, and so in Jest, Node's errors are of another realm.) */
export function codeOf(thrown: unknown): string | undefined {
  const code = (thrown as Partial<NodeJS.ErrnoException> | null | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

/** Throws the reason of a signal that has aborted. (Older signals of other realms lack a method for it.) */
export function throwIfAborted(signal: Partial<AbortSignalLike> | undefined): void {
  if (signal?.throwIfAborted) signal.throwIfAborted();
  else if (signal?.aborted) throw new DOMException("This operation was aborted", "AbortError");
}

/**
 * Refuses an array whose buffer was transferred or can be resized: a call reads it repeatedly while it is at work.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function checkMemory(where: string, name: string, { buffer }: Float32Array | Uint8Array): void {
  checkPresent(where, name, buffer);
  const { resizable, growable } = buffer as { readonly resizable?: boolean; readonly growable?: boolean };
  if (resizable || growable) {
    throw invalid(
      `${where}: the buffer of ${subject(name)} is ${resizable ? "resizable" : "growable"}, expected a fixed size; give a copy, by slice()`,
    );
  }
}

/** Refuses an array whose buffer was transferred. (`buffer.detached` is not available everywhere yet.) */
export function checkPresent(where: string, name: string, buffer: ArrayBufferLike): void {
  try {
    new Uint8Array(buffer);
  } catch {
    throw invalid(`${where}: the buffer of ${subject(name)} has been detached; give a slice()`);
  }
}

/**
 * Returns data of a call to be read now, and refuses data whose buffer was transferred since the call began. The data was
 * not empty then, so an empty array shows it.
 *
 * @param where function that was called, where its name is at hand
 * @throws LatentflowError `invalid_argument`
 */
export function attached<T extends { readonly length: number }>(name: string, values: T, where?: string): T {
  if (values.length > 0) return values;
  throw invalid(
    `${where === undefined ? "" : `${where}: `}the buffer of ${subject(name)} was detached (transferred) while the call was at work; give a copy, by slice()`,
  );
}
