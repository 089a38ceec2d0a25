const assert = require("node:assert");
const { encode, wasm } = require("latentflow");
const { tell } = require("./program.cjs");

assert.equal(typeof encode, "function");
assert.equal(wasm().name, "wasm");
tell();
