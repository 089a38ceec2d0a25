import { encode, loadDecoder, summary } from "latentflow";
import decoderUrl from "latentflow/demo/decoder.safetensors?url";
import digitsUrl from "latentflow/demo/mnist-test-300.idx.gz?url";
import { runScenario } from "../scenario.js";

runScenario({ encode, loadDecoder, summary }, decoderUrl, digitsUrl);
