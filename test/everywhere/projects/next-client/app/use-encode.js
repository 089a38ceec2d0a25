import { encode } from "latentflow";
import { useEffect, useState } from "react";

/** Encodes y, anew whenever something given is another; a call that nobody waits for any more is aborted. */
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
