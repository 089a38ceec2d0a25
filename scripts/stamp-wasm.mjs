// Appends a custom section "latentflow" to each binary of the kernels: the package's version, the build (debug, plain or
// relaxed) and the CRC-32 of its bytes before the section. By it the library recognises a compiled module, whose bytes it
// cannot read. A binary for 256-bit vectors gets the section of the one for 128: both give the same bits, so checkpoints and
// parts of runs fit both. Binaries that import a shared memory, which the library cannot see either, get an empty section
// "shared memory" besides; src/kernels/shared-memory.ts adds it to those that it changes.
import { appendFileSync, readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import packageJson from "../package.json" with { type: "json" };

for (const build of ["debug", "plain", "relaxed"]) {
  const checksum = crc32(readFileSync(fileOf(build)))
    .toString(16)
    .padStart(8, "0");
  const text = JSON.stringify({ version: packageJson.version, build, checksum });
  const stamp = section("latentflow", text);
  const shared = Buffer.concat([stamp, section("shared memory", "")]);
  appendFileSync(fileOf(build), build === "debug" ? shared : stamp);
  if (build !== "debug") appendFileSync(fileOf(`${build}-wide`), shared);
}

/**
 * @param {string} name
 * @param {string} content
 */
function section(name, content) {
  return Buffer.concat([Buffer.from([0]), sized(Buffer.concat([sized(name), Buffer.from(content)]))]);
}

/** @param {string} name */
function fileOf(name) {
  return new URL(`../build/wasm/${name}.wasm`, import.meta.url);
}

/**
 * Bytes after their number, as WebAssembly's binary format has it (LEB128).
 * @param {string | Buffer} bytes
 */
function sized(bytes) {
  const size = [];
  for (let rest = bytes.length; ; rest >>>= 7) {
    if (rest < 128) return Buffer.concat([Buffer.from([...size, rest]), Buffer.from(bytes)]);
    size.push((rest % 128) + 128);
  }
}
