// Appends a custom section "latentflow" to each build of the kernels: the package's version, which build it is, and
// the CRC-32 of the bytes before the section. By it the library recognises a compiled module, which no longer shows
// its bytes.
import { appendFileSync, readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import packageJson from "../package.json" with { type: "json" };

for (const build of ["debug", "plain", "relaxed"]) {
  const file = new URL(`../build/wasm/${build}.wasm`, import.meta.url);
  const checksum = crc32(readFileSync(file)).toString(16).padStart(8, "0");
  const text = JSON.stringify({ version: packageJson.version, build, checksum });
  const content = Buffer.concat([sized("latentflow"), Buffer.from(text)]);
  appendFileSync(file, Buffer.concat([Buffer.from([0]), sized(content)]));
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
