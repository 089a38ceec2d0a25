import {
  conv,
  convTranspose,
  dense,
  type GraphDefinition,
  type Layer,
  pad,
  reshape,
  sequential,
  tanh,
} from "../../src/graph/index.ts";

const after = (shape: readonly number[], ...layers: Layer[]): GraphDefinition =>
  sequential(3, [
    dense(shape.reduce((product, length) => product * length, 1)),
    tanh(),
    reshape(shape),
    ...layers,
  ]);

/** Convolutions that onnxruntime-web 1.30 computes wrongly on a GPU, forwards or backwards, if nothing is done about it. */
export const AWKWARD_CONVOLUTIONS: Readonly<Record<string, GraphDefinition>> = {
  "from 6 channels to 8": after([5, 4, 6], conv({ channels: 8, kernel: 3, padding: 1 })),
  "back from 9 channels to 4": after([3, 3, 4], convTranspose({ channels: 9, kernel: 3, stride: 2 })),
  "groups from 2 channels to 6": after([4, 3, 4], conv({ channels: 12, kernel: 2, groups: 2, padding: 1 })),
  "groups from 4 channels to 5, one axis": after([6, 8], conv({ channels: 10, kernel: 3, groups: 2 })),
  "transposed groups from 4 channels to 1": after(
    [2, 3, 12],
    convTranspose({ channels: 3, kernel: 3, stride: 2, groups: 3, outputPadding: 1 }),
  ),
  "back in groups from 2 channels to 1": after([4, 4, 3], conv({ channels: 6, kernel: 3, groups: 3 })),
  "a kernel as long as its input": after(
    [5, 2],
    conv({ channels: 4, kernel: 5, stride: 3, padding: [0, 3] }),
  ),
  "a kernel as long as its input before it is padded": after(
    [3, 2],
    ...[tanh(), pad({ padding: 1 }), conv({ channels: 4, kernel: 3 })],
  ),
  "a kernel as large as its input, with holes": after(
    [3, 3, 2],
    conv({ channels: 3, kernel: 3, dilation: 2, padding: [0, 1, 3, 2] }),
  ),
};
