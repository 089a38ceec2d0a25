/**
 * Typed array on an ArrayBuffer, not on a SharedArrayBuffer: the type that Blob, fetch and crypto accept. TypeScript
 * expresses this as a type parameter since 5.7; the type of `slice`, which returns such arrays, works in older versions too.
 */
export type Owned<Values extends Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array> =
  ReturnType<Values["slice"]>;
