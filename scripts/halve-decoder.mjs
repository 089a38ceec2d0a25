// Makes a safetensors file of half the size: its F32 tensors become F16, rounded to the nearest, ties to even. So the
// demo's decoders were made:
//
//   node --import tsx scripts/halve-decoder.mjs trained/decoder.safetensors demo/convolutional.safetensors
//
// The file gets a probe of the rounded weights.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadDecoder, makeProbe } from "../src/index.ts";

const PROBE = "latentflow.probe";

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [from = "", to = ""] = process.argv.slice(2);
  writeFileSync(to, await halveDecoder(readFileSync(from)));
}

/**
 * The file with float16 weights, and a probe of them.
 * @param {Uint8Array} file
 */
export async function halveDecoder(file) {
  const { header, data } = split(file);
  const halves = Buffer.alloc(data.length / 2);
  for (const [name, tensor] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    if (tensor.dtype !== "F32") throw new Error(`halve-decoder: ${name} is ${tensor.dtype}, expected F32`);
    const [begin, end] = tensor.data_offsets;
    for (let at = begin; at < end; at += 4) halves.writeUInt16LE(float16(data.readFloatLE(at)), at / 2);
    tensor.dtype = "F16";
    tensor.data_offsets = [begin / 2, end / 2];
  }
  // A probe is of the weights as they were.
  delete header.__metadata__[PROBE];
  const decoder = await loadDecoder(join(header, halves));
  const probed = split(decoder.toSafetensors({ probe: await makeProbe(decoder) }));
  header.__metadata__[PROBE] = probed.header.__metadata__[PROBE];
  return join(header, halves);
}

/**
 * The header and the data of a safetensors file.
 * @param {Uint8Array} bytes
 */
function split(bytes) {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const dataStart = 8 + Number(file.readBigUInt64LE(0));
  return { header: JSON.parse(file.toString("utf8", 8, dataStart)), data: file.subarray(dataStart) };
}

/**
 * The safetensors file of a header and its data.
 * @param {object} header
 * @param {Buffer} data
 */
function join(header, data) {
  const json = JSON.stringify(header);
  const text = json.padEnd(Math.ceil(json.length / 8) * 8);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([size, Buffer.from(text), data]);
}

/**
 * The bits of the float16 nearest to a number.
 * @param {number} value
 */
export function float16(value) {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  // Numbers of one exponent are 2 ** (exponent - 10) apart; below the smallest exponent they are subnormal.
  const exponent = Math.max(Math.floor(Math.log2(size)), -14);
  const steps = size / 2 ** (exponent - 10);
  const below = Math.floor(steps);
  const isUp = steps - below > 0.5 || (steps - below === 0.5 && below % 2 === 1);
  // Of a normal number the leading 1, the 1,024th step, adds one to the exponent that is written.
  const bits = (exponent + 14) * 1024 + below + (isUp ? 1 : 0);
  if (!(bits < 0x7c00)) throw new Error(`halve-decoder: ${value} is no finite float16`);
  return sign + bits;
}
