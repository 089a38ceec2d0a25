import { encode } from "latentflow";
import { useEffect, useState } from "react";

/**
 * Encodes y with the options of encode; starts again when an argument changes, and aborts the call that is then out of
 * date. The last result stays until there is a new one.
 */
export function useEncode(decoder, y, options) {
  const [state, setState] = useState({ progress: 0 });
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const update = (next) => signal.aborted || setState(({ result }) => ({ result, ...next }));
    const onProgress = ({ done, total }) => update({ progress: done / total });
    encode(decoder, y, { ...options, signal, onProgress }).then(
      (result) => update({ progress: 1, result }),
      (error) => update({ progress: 0, error }),
    );
    return () => controller.abort();
  }, [decoder, y, options]);
  return state;
}
