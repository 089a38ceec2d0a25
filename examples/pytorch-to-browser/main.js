import { decode, describe, encode, wasm } from "latentflow";
import { loadOnnx } from "latentflow/onnx";
import { drawPicture, readPicture } from "./pictures.js";

const element = (id) => document.getElementById(id);
const say = (text) => {
  element("state").textContent = text;
};
const worker = () => new Worker(new URL("latentflow/worker", import.meta.url), { type: "module" });
const backend = wasm({ threads: "auto", worker });
let decoder;
let running;

element("decoder").addEventListener("change", async ({ target: { files } }) => {
  running?.abort();
  decoder?.dispose();
  decoder = undefined;
  element("encode").disabled = true;
  for (const id of ["proof", "description"]) element(id).textContent = "";
  if (files.length === 0) return;
  try {
    const loaded = await loadOnnx(files[0]);
    checkPictures(loaded);
    decoder = loaded;
    element("proof").textContent = decoder.verified
      ? "Verified: it computes here what it did in PyTorch when it was exported."
      : `Not verified: ${decoder.unverifiedReason}`;
    element("description").textContent = `${describe(decoder)}`;
    say(`${files[0].name} makes pictures of ${decoder.outputShape.join(" × ")} numbers.`);
    element("encode").disabled = false;
  } catch (error) {
    say(error.message);
  }
});

element("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const files = [...element("pictures").files];
  if (files.length === 0) return say("Choose pictures, too.");
  running = new AbortController();
  element("results").replaceChildren();
  element("progress").value = 0;
  element("encode").disabled = true;
  element("cancel").disabled = false;
  try {
    await showEncoded(decoder, files, running.signal);
  } catch (error) {
    say(error.name === "AbortError" ? "Cancelled." : error.message);
  }
  element("encode").disabled = decoder === undefined;
  element("cancel").disabled = true;
});

element("cancel").addEventListener("click", () => running.abort());

/** Encodes pictures and shows each beside what the decoder makes of its latent. */
async function showEncoded(decoder, files, signal) {
  const { outputShape, outputSize } = decoder;
  say(`Reading ${files.length} pictures …`);
  const y = new Float32Array(files.length * outputSize);
  for (const [i, file] of files.entries()) y.set(await readPicture(file, outputShape), i * outputSize);
  const result = await encode(decoder, y, {
    loss: element("loss").value,
    backend,
    signal,
    onProgress({ done, total }) {
      element("progress").value = done / total;
      say(`${done} of ${total} pictures encoded`);
    },
  });
  const x = await decode(decoder, result.z, { backend, signal });
  const picture = (values, i) =>
    drawPicture(values.subarray(i * outputSize, (i + 1) * outputSize), outputShape);
  for (const [i, file] of files.entries()) {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.textContent = `${file.name}: loss ${result.loss[i].toPrecision(3)}, ${result.status[i]}`;
    figure.append(picture(y, i), picture(x, i), caption);
    element("results").append(figure);
  }
  say(`${files.length} pictures encoded in ${result.seconds.toFixed(2)} s: originals and reconstructions.`);
}

/** Throws where samples are no pictures of 1 or 3 channels, or something is given with them. */
function checkPictures({ outputShape, fixedInputs }) {
  const isPicture = outputShape.length === 3 && [1, 3].includes(outputShape[0]);
  if (isPicture && fixedInputs.length === 0) return;
  const needs = fixedInputs.map(({ name }) => `, needs ${name}`).join("");
  throw new Error(
    `This decoder makes ${outputShape.join(" × ")} numbers${needs}. This page shows pictures, 1 or 3 channels × height × width.`,
  );
}
