import { show } from "../base/show.ts";

// Recognises kinds of files by their first bytes, with advice on how to convert each to a decoder or to data.

/** Kind of file that `recognise` identifies. */
export interface FileKind {
  /** Name of the kind for messages, such as "a PyTorch file". */
  readonly name: string;
  /** Advice for the error message if a decoder is expected; undefined if files of this kind may hold a decoder. */
  readonly asDecoder: string | undefined;
  /** Advice for the error message if an ONNX file is expected; undefined if it is not how to make one of this file. */
  readonly asOnnx?: string | undefined;
  /** Advice for the error message if data are expected; undefined if files of this kind may hold data. */
  readonly asData: string | undefined;
}

interface Signature extends FileKind {
  readonly matches: (file: FileStart) => boolean;
}

/** File whose kind is to be recognised, with its first bytes as text. */
interface FileStart {
  readonly bytes: Uint8Array;
  /** First 512 bytes of the file, each as the character of that code. */
  readonly text: string;
  /** True if the file has the bytes `start`, given as characters, at `offset` (default 0). */
  readonly begins: (start: string, offset?: number) => boolean;
}

/** Name of the kind of files that are text of no other kind. */
export const TEXT = "text";

const LOOKED_AT = 512;

/** Number of bytes at the end of a zip file in which names of entries are searched. */
const ZIP_LOOKED_AT = 2 ** 16;

/** Number of bytes that messages show of a file of an unknown kind. */
const SHOWN = 12;

const saveArray = 'numpy.save("data.npy", array)';
/** Advice on data of a kind that is not read. */
export const savedAsArray = `save it from Python: ${saveArray}`;
const otherDecoder =
  "a decoder is an ONNX file, as torch.onnx.export writes it, or a safetensors file: " +
  "safetensors.torch.save_file(decoder.state_dict(), path)";
const pickleWarning = "it is a pickle, which is not read, since reading one can run code";
const fromTorch =
  "convert it in Python: " +
  'safetensors.torch.save_file(torch.load("decoder.pt", weights_only=True), "decoder.safetensors"), of a file ' +
  "that holds the decoder's state dict";
const exportTorch =
  "export the decoder in Python, LATENT_SIZE being the length of a code, with python/latentflow_export.py of this package: " +
  'from latentflow_export import export; export(decoder, "decoder.onnx", latent=LATENT_SIZE)';
const torchData =
  'convert it in Python: numpy.save("data.npy", torch.load("data.pt", weights_only=True).numpy())';
const fromKeras = (file: string) =>
  `convert it to ONNX by Keras 3: keras.models.load_model("${file}").export("decoder.onnx", format="onnx")`;
const readPicture =
  'pictures are read by decodePng of "latentflow/images/png" and fromImageData of "latentflow/images"; JPEG by the command line';
const fetchedWhole = "was it written, or downloaded, to its end?";
const checkAddress = "a web server's page for what it has not found, perhaps: check the address of the file";
const unpack = (program: string) => `unpack it first: ${program} FILE`;

/** Makes a kind of file that is recognised by the bytes `start`, given as characters, at `offset` (default 0). */
function begun(
  name: string,
  start: string,
  asDecoder: string,
  asData: string | undefined,
  asOnnx?: string,
  offset = 0,
): Signature {
  return { name, matches: ({ begins }) => begins(start, offset), asDecoder, asData, asOnnx };
}

/** Makes a kind of file, recognised as by `begun`, of which a decoder is converted to ONNX, whichever of its files is expected. */
function converted(name: string, start: string, advice: string, asData: string, offset?: number): Signature {
  return begun(name, start, advice, asData, advice, offset);
}

/**
 * Returns the known kinds of files with their tests; ordered, the first match wins. A function, so that bundlers omit the list
 * from programs that load no files.
 */
const signatures = (): readonly Signature[] => [
  {
    name: "an empty file",
    matches: ({ bytes }) => bytes.length === 0,
    asDecoder: fetchedWhole,
    asData: fetchedWhole,
  },
  begun(
    "a git-lfs pointer, not the file itself",
    "version https://git-lfs.github.com/spec/",
    "fetch the file with git lfs pull",
    "fetch the file with git lfs pull",
  ),
  {
    name: "an HTML page",
    matches: ({ text }) => /^(\xef\xbb\xbf)?\s*<(!doctype|html|head|body|\?xml|!--)/i.test(text),
    asDecoder: checkAddress,
    asData: checkAddress,
  },
  {
    name: "a PyTorch file",
    matches: ({ begins, bytes }) =>
      begins("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19") ||
      (begins("PK\x03\x04") && hasInZip(bytes, "/data.pkl")),
    asDecoder: `${pickleWarning}; ${fromTorch}`,
    asOnnx: exportTorch,
    asData: `${pickleWarning}; ${torchData}`,
  },
  {
    name: "a .npz file",
    matches: ({ begins, bytes }) => begins("PK\x03\x04") && hasInZip(bytes, ".npy"),
    asDecoder:
      'convert it in Python: safetensors.numpy.save_file(dict(numpy.load("decoder.npz")), "decoder.safetensors"), ' +
      "its arrays named 0.weight [out, in], 0.bias and so on",
    asData: undefined,
  },
  {
    name: "a Keras file",
    matches: ({ begins, bytes }) => begins("PK\x03\x04") && hasInZip(bytes, ".weights.h5"),
    asDecoder: fromKeras("decoder.keras"),
    asOnnx: fromKeras("decoder.keras"),
    asData: savedAsArray,
  },
  {
    name: "a zip file",
    matches: ({ begins }) => begins("PK\x03\x04") || begins("PK\x05\x06"),
    asDecoder: unpack("unzip"),
    // May be a .npz file: the error of its reader lists the entries.
    asData: undefined,
  },
  {
    name: "a pickle",
    matches: ({ bytes: [first, protocol = 0, next = 0] }) =>
      first === 0x80 && protocol >= 2 && protocol <= 5 && next !== 0,
    asDecoder: `reading one can run code, so it is not read; if you trust it, ${fromTorch}`,
    asOnnx: exportTorch,
    asData: `reading one can run code, so it is not read; if you trust it, convert it in Python: ${saveArray}`,
  },
  converted(
    "an HDF5 file",
    "\x89HDF\r\n\x1a\n",
    fromKeras("decoder.h5"),
    'convert it in Python: numpy.save("data.npy", h5py.File("data.h5")["NAME"][:])',
  ),
  begun("a .npy file, one array", "\x93NUMPY", otherDecoder, undefined),
  begun("a gzip file", "\x1f\x8b", unpack("gunzip"), undefined),
  begun("a PNG picture", "\x89PNG\r\n", otherDecoder, readPicture),
  begun("a JPEG picture", "\xff\xd8\xff", otherDecoder, readPicture),
  begun(
    "a Parquet file",
    "PAR1",
    otherDecoder,
    'convert it in Python: numpy.save("data.npy", pandas.read_parquet("data.parquet").to_numpy("float32"))',
  ),
  converted(
    "a TensorFlow Lite model",
    "TFL3",
    "convert it to ONNX: python -m tf2onnx.convert --tflite decoder.tflite --output decoder.onnx",
    savedAsArray,
    4,
  ),
  converted("a GGUF file", "GGUF", `it has weights and no graph; ${exportTorch}`, savedAsArray),
  converted(
    "a TensorFlow model",
    "\x08\x01\x12",
    "convert its folder to ONNX: python -m tf2onnx.convert --saved-model FOLDER --output decoder.onnx",
    savedAsArray,
  ),
  {
    name: "an ONNX file",
    matches: ({ bytes }) => startsAsOnnx(bytes),
    asDecoder: 'read it by loadOnnx of "latentflow/onnx"',
    asData: savedAsArray,
  },
  {
    name: "an IDX file, data",
    matches: ({ bytes }) =>
      bytes.length > 4 && bytes[0] === 0 && bytes[1] === 0 && bytes[2]! >= 8 && bytes[2]! <= 14,
    asDecoder: otherDecoder,
    asData: undefined,
  },
  {
    name: TEXT,
    matches: ({ text }) => /^(\xef\xbb\xbf)?[\t\n\r\x20-\x7e]+$/.test(text),
    asDecoder: otherDecoder,
    asData:
      "if it is a table of numbers, the program latentflow reads it; or convert it in Python: " +
      'numpy.save("data.npy", pandas.read_csv("data.csv").to_numpy("float32"))',
  },
];

const safetensors: FileKind = {
  name: "a safetensors file",
  asDecoder: undefined,
  asData:
    "a decoder, perhaps? To take a tensor as data, convert it in Python: " +
    'numpy.save("data.npy", safetensors.numpy.load_file("data.safetensors")["NAME"])',
};

/**
 * Returns the kind of a file; undefined if it is unknown.
 *
 * @param bytes the whole file, or its first few hundred bytes, which do not suffice for all kinds of zip files
 */
export function recognise(bytes: Uint8Array): FileKind | undefined {
  // Checked first: its first bytes are a length, which may match any signature.
  if (isSafetensors(bytes)) return safetensors;
  const text = String.fromCharCode(...bytes.subarray(0, LOOKED_AT));
  const begins = (start: string, offset = 0) => text.startsWith(start, offset);
  return signatures().find(({ matches }) => matches({ bytes, text, begins }));
}

/** Returns, for the message about a file of an unknown kind, what it begins with. */
export function showStart(bytes: Uint8Array): string {
  return show(String.fromCharCode(...bytes.subarray(0, SHOWN)));
}

/** True if a file may be ONNX by its beginning: a few hundred bytes, or the whole file. */
export function isOnnx(beginning: Uint8Array): boolean {
  // A safetensors file has an arbitrary length in its first 8 bytes, then a brace.
  if (beginning[8] === 0x7b && beginning.subarray(4, 8).every((byte) => byte === 0)) return false;
  return startsAsOnnx(beginning);
}

// Protocol buffers: field 1, the IR version, which is 3 or more in files, then any field that may follow it.
function startsAsOnnx([first, version = 0, next = 0]: Uint8Array): boolean {
  const isVersion = first === 0x08 && version >= 3 && version <= 32;
  return isVersion && [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42].includes(next);
}

function isSafetensors(bytes: Uint8Array): boolean {
  if (bytes.length < 10 || bytes[8] !== 0x7b) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return view.getUint32(4, true) === 0 && view.getUint32(0, true) <= bytes.length - 8;
}

/** True if the beginning or the end of a zip file contains `name`, as part of an entry's name. */
function hasInZip(bytes: Uint8Array, name: string): boolean {
  const contains = (part: Uint8Array) => new TextDecoder("latin1").decode(part.slice()).includes(name);
  return contains(bytes.subarray(0, LOOKED_AT)) || contains(bytes.subarray(-ZIP_LOOKED_AT));
}
