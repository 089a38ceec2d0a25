"""Stands in for safetensors.torch where PyTorch is not installed: writes the same file, of lists in place of tensors."""

import json
import struct


def save(tensors, metadata=None):
    header = {"__metadata__": metadata} if metadata else {}
    data = b""
    for name, (shape, values) in tensors.items():
        packed = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def save_file(tensors, filename, metadata=None):
    with open(filename, "wb") as file:
        file.write(save(tensors, metadata))
