// Imports the package and requires it: two copies of it in one program.
const required = require("latentflow");

async function main() {
  const imported = await import("latentflow");
  const decoder = required.createDecoder({ layers: [2, 4], loss: required.squaredError() });
  const solver = imported.amd({ maxSteps: 3 });
  const { status } = await imported.encode(decoder, new Float32Array(4).fill(0.1), { solver });
  const training = await import("latentflow/train");
  const samples = require("latentflow/train").createDataset(new Float32Array(4).fill(0.1), { shape: [4] });
  const { history } = await training.train(decoder, samples, {
    solver: required.amd(),
  });
  decoder.dispose();
  const { code } = await imported.encode(decoder, new Float32Array(4)).catch((error) => error);
  const copies = required.encode === imported.encode ? 1 : 2;
  console.log(
    JSON.stringify({ copies, status, updates: history.length, code, name: decoder.constructor.name }),
  );
}

main();
