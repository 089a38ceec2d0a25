// A training in a second or two, with the build whose results are the same bits everywhere.

/** @param {typeof import("latentflow") & typeof import("latentflow/train")} library */
export async function trainTiny(library) {
  const { adam, amd, createDecoder, binaryCrossEntropy, evaluate, shift, train, trainAutoencoder, wasm } =
    library;
  const loss = binaryCrossEntropy();
  const decoder = createDecoder({ layers: [3, 17, 20], outputShape: [4, 5], loss, seed: 1 });
  const y = Float32Array.from({ length: 23 * decoder.outputSize }, (_, i) => ((i * i) % 101) / 100);
  const backend = wasm({ relaxed: false });
  const options = {
    backend,
    optimizer: adam({ learningRate: 0.01 }),
    epochs: 3,
    seed: 5,
    augment: shift({ pixels: 1 }),
  };
  const run = await train(decoder, y, { ...options, solver: amd({ maxSteps: 30 }), warmStart: true });
  const autoencoder = await trainAutoencoder(decoder, y, options);
  const report = await evaluate(run.decoder, y, { backend });
  return {
    history: run.history,
    decoder: Array.from(run.decoder.parameters),
    encoder: Array.from(autoencoder.encoder.parameters),
    losses: Array.from(report.loss),
  };
}
