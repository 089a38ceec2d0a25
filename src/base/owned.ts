/**
 * An array in memory of its own, no piece of a larger one and not shared: what Blob, fetch and crypto take. Since TypeScript
 * 5.7 arrays say so in their types; by `slice`, which makes such arrays in every version, older ones can read this, too.
 */
export type Owned<Values extends Float32Array | Float64Array | Uint32Array | Uint8Array> = ReturnType<
  Values["slice"]
>;
