import { loadDecoder } from "latentflow";
import decoderUrl from "latentflow/demo/convolutional.safetensors?url";
import worker from "latentflow/worker?worker&url";
import { report, show } from "./program.js";
import { reconstruct } from "./reconstruct.js";

// An upright stroke, and what a decoder of digits makes of it: still a stroke, not bit for bit the one drawn.
const canvas = document.querySelector("canvas");
const context = canvas.getContext("2d");
context.fillRect(0, 0, 28, 28);
context.fillStyle = "white";
context.fillRect(13, 5, 2, 18);
const greyAt = (x, y) => context.getImageData(x, y, 1, 1).data[0];

const decoder = await loadDecoder(decoderUrl);
await reconstruct(canvas, decoder);
decoder.dispose();
const [stroke, ground] = [greyAt(13, 14), greyAt(2, 14)];
const isStroke = stroke > 100 && stroke !== 255 && ground < 50;
show(isStroke ? await report({ worker }) : { error: `the canvas shows ${stroke} on ${ground}` });
