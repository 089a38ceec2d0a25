// An encoding on two threads, with the build whose results are the same bits everywhere.

/** @param {typeof import("latentflow")} library */
export async function encodeOnTwo({ createDecoder, decode, encode, wasm }) {
  const decoder = createDecoder({ layers: [3, 17, 20], loss: "bce", seed: 1 });
  const y = Float32Array.from({ length: 9 * decoder.outputSize }, (_, i) => ((i * i) % 101) / 100);
  const backend = wasm({ relaxed: false, threads: 2 });
  try {
    const { z, loss, status, backend: used } = await encode(decoder, y, { backend });
    const x = await decode(decoder, z, { backend });
    return { z: [...z], loss: [...loss], status, x: [...x], used };
  } catch ({ name, code, message }) {
    return { error: { name, code, message } };
  } finally {
    decoder.dispose();
  }
}
