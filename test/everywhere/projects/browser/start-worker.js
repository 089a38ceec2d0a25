import { show } from "./program.js";

const worker = new Worker("worker.js", { type: "module" });
worker.onmessage = ({ data }) => show(data);
worker.onerror = ({ message }) => show({ error: message || "the worker could not be loaded" });
