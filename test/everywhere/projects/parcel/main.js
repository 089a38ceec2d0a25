import { tell } from "./program.js";

const worker = () => new Worker(new URL("npm:latentflow/worker", import.meta.url), { type: "module" });

tell({ worker });
