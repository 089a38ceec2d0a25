import { encode } from "latentflow";
import { loadOnnx, toOnnx } from "latentflow/onnx";
import { makeDecoder, reportOn, samples, show, threaded } from "./program.js";

/** The program with a decoder that comes in an ONNX file, by its address. */
async function report() {
  const file = URL.createObjectURL(new Blob([await toOnnx(makeDecoder())]));
  const decoder = await loadOnnx(file);
  const backend = threaded({});
  return reportOn(decoder, await encode(decoder, samples, { backend }), backend);
}

show(await report().catch((error) => ({ error: `${error}\n${error?.stack ?? ""}` })));
