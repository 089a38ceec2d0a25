// Requires the package and imports it: one copy. Beside it lies a second one, as another package's dependency may.
const required = require("latentflow");
const second = require("second-latentflow");

async function main() {
  const imported = await import("latentflow");
  const training = await import("latentflow/train");
  const isSame = imported.encode === required.encode && training.train === require("latentflow/train").train;
  const decoder = second.createDecoder({ layers: [2, 4], loss: second.squaredError() });
  const solver = imported.amd({ maxSteps: 3 });
  const { status } = await imported.encode(decoder, new Float32Array(4).fill(0.1), { solver });
  const values = new Float32Array(4).fill(0.1);
  const samples = require("second-latentflow/train").createDataset(values, { shape: [4] });
  const { history } = await training.train(decoder, samples, { solver: second.amd() });
  decoder.dispose();
  const { code } = await imported.encode(decoder, values).catch((error) => error);
  const updates = history.length;
  console.log(JSON.stringify({ isSame, status, updates, code, name: decoder.constructor.name }));
}

main();
