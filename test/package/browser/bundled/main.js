import { amd, encode, loadDecoder, summary } from "latentflow";
import decoderUrl from "latentflow/demo/decoder.safetensors?url";
import digitsUrl from "latentflow/demo/mnist-test-300.idx.gz?url";
import { train } from "latentflow/train";
import { runScenario } from "../scenario.js";

runScenario({ amd, encode, loadDecoder, summary, train }, decoderUrl, digitsUrl);
