"use client";

import { useEffect, useState } from "react";
import { makeDecoder, reportOn, samples, threaded } from "../program.js";
import { useEncode } from "./use-encode.js";

const worker = () => new Worker(new URL("latentflow/worker", import.meta.url), { type: "module" });

const decoder = makeDecoder();
const backend = threaded({ worker });

export default function Page() {
  const { progress, result, error } = useEncode(decoder, samples, backend);
  const [report, setReport] = useState();
  useEffect(() => {
    if (error) setReport({ error: String(error) });
    if (result) reportOn(decoder, result, backend).then(setReport);
  }, [result, error]);
  return report ? <pre id="report">{JSON.stringify(report)}</pre> : <progress value={progress} />;
}
