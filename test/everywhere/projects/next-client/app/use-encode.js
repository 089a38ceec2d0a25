import { encode } from "latentflow";
import { useEffect, useState } from "react";

/** Encodes y; starts again when an argument changes, and aborts the call that is then out of date. */
export function useEncode(decoder, y, backend) {
  const [state, setState] = useState({ progress: 0 });
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const update = (next) => signal.aborted || setState(next);
    const onProgress = ({ done, total }) => update({ progress: done / total });
    encode(decoder, y, { backend, signal, onProgress }).then(
      (result) => update({ progress: 1, result }),
      (error) => update({ progress: 0, error }),
    );
    return () => controller.abort();
  }, [decoder, y, backend]);
  return state;
}
