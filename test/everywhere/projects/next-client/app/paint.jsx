import { decode } from "latentflow";
import { maskFrom, toImageData } from "latentflow/images";
import { useEffect, useRef, useState } from "react";
import { useEncode } from "./use-encode.js";

/** Canvas to paint on, whose strokes hide values of y, beside the completed picture. */
export function Paint({ decoder, y }) {
  const brush = useRef(null);
  const completed = useRef(null);
  const [options, setOptions] = useState(); // new weights are a new object, and so a new call
  const { result } = useEncode(decoder, y, options);
  useEffect(() => {
    if (result)
      decode(decoder, result.z).then((x) => draw(completed.current, toImageData(x, decoder, { scale: 10 })));
  }, [decoder, result]);
  const paint = ({ buttons, nativeEvent: { offsetX, offsetY } }) => {
    if (buttons === 0) return;
    const strokes = brush.current.getContext("2d", { willReadFrequently: true });
    strokes.fillRect(offsetX - 15, offsetY - 15, 30, 30);
    setOptions({ weights: maskFrom(brush.current, decoder, { hides: "painted", fit: "stretch" }) });
  };
  return (
    <>
      <canvas ref={brush} width="280" height="280" onPointerDown={paint} onPointerMove={paint} />
      <canvas ref={completed} />
    </>
  );
}

function draw(canvas, image) {
  if (!canvas) return; // the component has gone
  Object.assign(canvas, { width: image.width, height: image.height });
  canvas.getContext("2d").putImageData(image, 0, 0);
}
