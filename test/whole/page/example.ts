import { readFileSync } from "node:fs";

const folder = new URL("../../../examples/pytorch-to-browser/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder));

/** Files of the page's example: a decoder of landscapes, and one of its pictures. */
export const EXAMPLE = { onnx: read("decoder.onnx"), picture: read("pictures/landscape-1.png") };
