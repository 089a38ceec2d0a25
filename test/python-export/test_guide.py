"""The page site/start/pytorch.md, and the Python of site/guides/notebooks.md after it, run as they stand: python3 -m unittest discover test/python-export"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "lib" / "cli.js"


def blocks_of(page):
    """The fenced blocks of a page of site/, as pairs of language and code."""
    text = (ROOT / "site" / page).read_text()
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S)


class Guide(unittest.TestCase):
    def test_every_command_runs(self):
        blocks = blocks_of("start/pytorch.md")
        self.assertGreater(len(blocks), 8)
        with tempfile.TemporaryDirectory() as folder:
            self.prepare(pathlib.Path(folder))
            for language, code in blocks:
                if language == "python":
                    pathlib.Path(folder, re.match(r"# (\w+\.py)\n", code)[1]).write_text(code)
                elif language == "js":
                    pathlib.Path(folder, re.match(r"// (\w+\.mjs)\n", code)[1]).write_text(code)
                elif language == "html":
                    # test/whole/start-pages.test.ts opens the page: here are the files that it reads.
                    for file in re.findall(r'"(\w+\.(?:onnx|npy))"', code):
                        self.assertTrue(pathlib.Path(folder, file).exists(), file)
                else:
                    for command in code.splitlines():
                        self.run_command(command, folder)
            if self.reads_onnx():
                cells = [code for language, code in blocks_of("guides/notebooks.md") if language == "python"]
                self.assertEqual(len(cells), 3)
                checks = ["assert report['statuses'] == {'converged': 100}, report", "assert codes.shape == (100, 4)"]
                pathlib.Path(folder, "notebook.py").write_text("\n".join(cells + checks))
                self.run_command("python notebook.py", folder)

    def prepare(self, folder):
        """`python` is this one, `npx latentflow` the program that was built here."""
        (folder / "node_modules").mkdir()
        (folder / "node_modules" / "latentflow").symlink_to(ROOT)
        (folder / "bin").mkdir()
        (folder / "bin" / "python").write_text('#!/bin/sh\nexec "{}" "$@"\n'.format(sys.executable))
        (folder / "bin" / "npx").write_text('#!/bin/sh\nshift\nexec node "{}" "$@"\n'.format(PROGRAM))
        for name in ["python", "npx"]:
            (folder / "bin" / name).chmod(0o755)
        path = "{}:{}".format(folder / "bin", os.environ["PATH"])
        # On a busy machine threads wait for one another: one is 30 times as fast then.
        self.environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}

    def run_command(self, command, folder):
        if re.match(r"(pip|npm) install", command):
            return
        if command.startswith("npx latentflow") and not self.reads_onnx():
            # What look.py asks for, so that the rest is run all the same.
            os.mkdir(os.path.join(folder, "codes"))
            import numpy

            numpy.save(os.path.join(folder, "codes", "latents.npy"), numpy.zeros((100, 4), numpy.float32))
            print("not run, since no program is built that reads ONNX: " + command, file=sys.stderr)
            return
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        done = subprocess.run(command, shell=True, cwd=folder, env=self.environment, **pipes)
        self.assertEqual(done.returncode, 0, "{}\n{}".format(command, done.stdout))

    def reads_onnx(self):
        decoder = str(ROOT / "test" / "fixtures" / "decoders" / "elu-mlp.onnx")
        if not PROGRAM.exists() or not shutil.which("node"):
            return False
        command = ["node", str(PROGRAM), "describe", "--decoder", decoder]
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


if __name__ == "__main__":
    unittest.main()
