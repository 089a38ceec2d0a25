// A page whose library comes from another origin, which the query names.
const { createDecoder, encode, wasm } = await import(new URLSearchParams(location.search).get("library"));

const decoder = createDecoder({ layers: [2, 16, 40], loss: "mse", seed: 1 });
const y = new Float32Array(40 * decoder.outputSize).fill(0.5);
const { backend } = await encode(decoder, y, { backend: wasm({ threads: 2 }) });
const report = document.createElement("pre");
report.id = "report";
report.textContent = JSON.stringify(backend);
document.body.append(report);
