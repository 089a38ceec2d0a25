import { tell } from "./program.js";

const worker = () => new Worker(new URL("latentflow/worker", import.meta.url), { type: "module" });

tell({ worker });
