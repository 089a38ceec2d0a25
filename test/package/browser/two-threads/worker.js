import * as latentflow from "/node_modules/latentflow/build/lib/index.js";
import { encodeOnTwo } from "./encode.js";

self.postMessage(await encodeOnTwo(latentflow));
