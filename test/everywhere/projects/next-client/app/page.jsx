"use client";

import { createDecoder } from "latentflow";
import { useEffect, useState } from "react";
import { makeDecoder, reportOn, samples, threaded } from "../program.js";
import { Paint } from "./paint.jsx";
import { useEncode } from "./use-encode.js";

const worker = () => new Worker(new URL("latentflow/worker", import.meta.url), { type: "module" });

const decoder = makeDecoder();
const backend = threaded({ worker });
const options = { backend };

const drawing = createDecoder({
  layers: [2, 12],
  outputShape: [3, 4],
  loss: "bce",
  outputActivation: "sigmoid",
  seed: 1,
});
const drawn = samples.slice(0, 12);

export default function Page() {
  const { progress, result, error } = useEncode(decoder, samples, options);
  const [report, setReport] = useState();
  useEffect(() => {
    if (error) setReport({ error: String(error) });
    if (result) reportOn(decoder, result, backend).then(setReport);
  }, [result, error]);
  return (
    <>
      {report ? <pre id="report">{JSON.stringify(report)}</pre> : <progress value={progress} />}
      <Paint decoder={drawing} y={drawn} />
    </>
  );
}
