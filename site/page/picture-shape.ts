/** Layout of a decoder's samples, of which `latentflow/images` draws pictures. */
export interface PictureShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly isChannelsFirst: boolean;
}

const isChannels = (length: number | undefined) => length === 1 || length === 3 || length === 4;

/** Reads a decoder's output shape as that of pictures, as `latentflow/images` does; undefined if its samples are none. */
export function pictureShape(
  outputShape: readonly number[],
  outputLayout?: "channelsFirst" | "channelsLast",
): PictureShape | undefined {
  const [first = 0, middle = 0, last = 0] = outputShape;
  if (outputShape.length === 2) return { height: first, width: middle, channels: 1, isChannelsFirst: false };
  if (outputShape.length !== 3) return undefined;
  if (isChannels(first) && (outputLayout === "channelsFirst" || !isChannels(last)))
    return { height: middle, width: last, channels: first, isChannelsFirst: true };
  return isChannels(last)
    ? { height: first, width: middle, channels: last, isChannelsFirst: false }
    : undefined;
}
