import { loadDecoder } from "latentflow";
import decoderUrl from "latentflow/demo/convolutional.safetensors?url";
import { report, show } from "./program.js";
import { reconstruct } from "./reconstruct.js";

const worker = () => new Worker(new URL("latentflow/worker", import.meta.url), { type: "module" });

// An upright stroke in grey, and what a decoder of digits makes of it: still a stroke, not bit for bit the one drawn.
const canvas = document.querySelector("canvas");
const context = canvas.getContext("2d");
context.fillRect(0, 0, 28, 28);
context.fillStyle = "#c0c0c0";
context.fillRect(13, 5, 2, 18);
const pixels = () => context.getImageData(0, 0, 28, 28).data;
const drawn = pixels();

const decoder = await loadDecoder(decoderUrl);
await reconstruct(canvas, decoder);
decoder.dispose();
const shown = pixels();
const greyAt = (x, y) => shown[4 * (28 * y + x)];
const [stroke, ground] = [greyAt(13, 14), greyAt(2, 14)];
const isStroke = stroke > 100 && ground < 50 && shown.some((value, i) => value !== drawn[i]);
show(isStroke ? await report({ worker }) : { error: `the canvas shows ${stroke} on ${ground}` });
