import { tell } from "./program.js";

// The second entry point of the build, beside this file's own.
const worker = new URL("./worker.js", import.meta.url);

tell({ worker });
