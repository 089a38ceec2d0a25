import { subject, type Words, words } from "./message.ts";
import type { AbortSignalLike } from "./platform.ts";
import { objection, refused } from "./refuse.ts";
import { escapeText } from "./show.ts";

// Type tests that work across realms: a frame, a context of node:vm and jsdom each have classes of their own, and `instanceof`
// only recognises those of the realm in which the library runs.

const typedArrayTag = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)!.get!;

/** Getter of ArrayBuffer's byteLength; throws unless it is called on an ArrayBuffer, of any realm. */
const bufferLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "byteLength")!.get!;

/** Returns the name of the class of a typed array of any realm, such as "Float32Array"; undefined for other values. */
export function typedArrayName(value: unknown): string | undefined {
  return typedArrayTag.call(value);
}

/** True for a Float32Array of any realm, such as a frame's or another context's of node:vm. */
export function isFloat32Array(value: unknown): value is Float32Array {
  return typedArrayName(value) === "Float32Array";
}

/** True for a Uint8Array of any realm, including Node's Buffer. */
export function isUint8Array(value: unknown): value is Uint8Array {
  return typedArrayName(value) === "Uint8Array";
}

/** True for an ArrayBuffer of any realm; false for a SharedArrayBuffer. */
export function isArrayBuffer(value: unknown): value is ArrayBuffer {
  try {
    bufferLength.call(value);
    return true;
  } catch {
    return false;
  }
}

/**
 * True for an object of the platform's class called `name`, such as "URL", of any realm. An object that only claims the name
 * (by Symbol.toStringTag) passes too.
 */
export function isPlatformObject(name: string, value: unknown): boolean {
  return Object.prototype.toString.call(value) === `[object ${name}]`;
}

/** True for a Promise of any realm; used to detect a missing `await`. */
export function isPromise(value: unknown): boolean {
  return isPlatformObject("Promise", value);
}

/** Keeps a promise that nobody awaits, such as an asynchronous function returned where a number was expected, from ending Node. */
export function ignoreRejection(value: unknown): void {
  Promise.resolve(value).catch(() => {});
}

/**
 * Returns the message of an error, or the text of another thrown value: escaped, on one line, and cut to 400 characters.
 *
 * @param edit changes the text before it is escaped and cut
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

/**
 * Returns the system's code of an error, such as "ENOENT"; undefined if it has none. Works for Node's errors of other
 * realms, as in node:vm and Jest.
 */
export function codeOf(thrown: unknown): string | undefined {
  const code = (thrown as Partial<NodeJS.ErrnoException> | null | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

/** Throws the reason of an abort signal that has aborted; an AbortError if the signal lacks the method `throwIfAborted`. */
export function throwIfAborted(signal: Partial<AbortSignalLike> | undefined): void {
  if (signal?.throwIfAborted) signal.throwIfAborted();
  else if (signal?.aborted) throw new DOMException("This operation was aborted", "AbortError");
}

/**
 * Throws if the buffer of an array was transferred or can be resized: a call reads the array repeatedly while it runs.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function checkMemory(name: Words, { buffer }: { readonly buffer: ArrayBufferLike }): void {
  checkPresent(name, buffer);
  const { resizable, growable } = buffer as { readonly resizable?: boolean; readonly growable?: boolean };
  if (resizable || growable) {
    throw refused(bufferName(name), "is", `${resizable ? "resiz" : "grow"}able`, "a fixed size", COPY);
  }
}

/** Advice at the end of messages about a buffer. */
const COPY = "; give a copy, by slice()";

/** Returns the words by which messages name the buffer of an option or argument. */
function bufferName(name: Words): Words {
  return words`the buffer of ${subject(name)}`;
}

/** Throws `invalid_argument` if a buffer was transferred. (`buffer.detached` is not available everywhere yet.) */
export function checkPresent(name: Words, buffer: ArrayBufferLike): void {
  try {
    new Uint8Array(buffer);
  } catch {
    throw objection(bufferName(name), "has been detached", COPY);
  }
}

/**
 * Returns `values`, or throws if their buffer was transferred since the call began. Callers pass only values that were not
 * empty when the call began, so that length 0 shows a transfer.
 *
 * @throws LatentflowError `invalid_argument`
 */
export function attached<T extends { readonly length: number }>(name: string, values: T): T {
  if (values.length > 0) return values;
  throw objection(bufferName(name), "was detached (transferred) while the call was at work", COPY);
}
