import { amd, binaryCrossEntropy, createDecoder, encode, loadDecoder, summary, wasm } from "latentflow";
import decoderUrl from "latentflow/demo/convolutional.safetensors?url";
import digitsUrl from "latentflow/demo/mnist-test-300.idx.gz?url";
import { adam, evaluate, shift, train, trainAutoencoder } from "latentflow/train";
import workerUrl from "latentflow/worker?worker&url";
import { runScenario } from "../scenario.js";

const library = { amd, createDecoder, binaryCrossEntropy, encode, loadDecoder, summary, wasm };
const training = { adam, evaluate, shift, train, trainAutoencoder };
// With "?lost": as if the page did not know where the worker's file has gone.
const given = new URLSearchParams(location.search).has("lost") ? undefined : workerUrl;
runScenario({ ...library, ...training }, decoderUrl, digitsUrl, given);
