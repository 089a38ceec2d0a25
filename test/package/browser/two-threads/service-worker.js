import * as latentflow from "/node_modules/latentflow/build/lib/index.js";
import { encodeOnTwo } from "./encode.js";

addEventListener("message", (event) => {
  event.waitUntil(encodeOnTwo(latentflow).then((encoded) => event.source.postMessage(encoded)));
});
