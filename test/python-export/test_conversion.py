"""A safetensors file that is refused, converted by the line in the message: python3 -m unittest discover test/python-export"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import torch
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "lib" / "cli.js"
SCRIPT = """import sys, torch
sys.path.insert(0, {!r})
decoder = torch.load("decoder.pt", weights_only=False)
{}
"""


class Conversion(unittest.TestCase):
    def test_the_line_in_the_message_converts_a_decoder_with_batch_norms(self):
        decoder = torch.nn.Sequential(
            *(torch.nn.Linear(7, 32), torch.nn.BatchNorm1d(32), torch.nn.ELU()),
            *(torch.nn.Linear(32, 9), torch.nn.Sigmoid()),
        )
        for _ in range(5):
            decoder(2 * torch.randn(64, 7) + 1)
        with tempfile.TemporaryDirectory() as folder:
            save_file(decoder.state_dict(), os.path.join(folder, "decoder.safetensors"), {"activation": "elu"})
            torch.save(decoder, os.path.join(folder, "decoder.pt"))
            refused = self.run_in(folder, "node", str(PROGRAM), "describe", "decoder.safetensors")
            self.assertEqual(refused.returncode, 1)
            line = re.search(r": (from latentflow_export import .*)\n$", refused.stderr)[1]
            pathlib.Path(folder, "convert.py").write_text(SCRIPT.format(str(ROOT / "python"), line))
            converted = self.run_in(folder, sys.executable, "convert.py")
            self.assertEqual(converted.returncode, 0, converted.stderr)
            described = self.run_in(folder, "node", str(PROGRAM), "describe", "decoder.onnx", "--json")
            # The probe holds PyTorch's own outputs.
            self.assertIs(json.loads(described.stdout)["verified"], True)

    def run_in(self, folder, *command):
        return subprocess.run(command, cwd=folder, capture_output=True, text=True)


if __name__ == "__main__":
    unittest.main()
