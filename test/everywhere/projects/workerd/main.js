import module from "latentflow/wasm/plain.wasm";
import { encodeSome } from "./program.js";

export default {
  async fetch() {
    return Response.json(await encodeSome({ module }));
  },
};
