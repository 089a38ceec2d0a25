"""Each promise of python/latentflow_export.py: python3 -m unittest discover test/python-export"""

import ast
import base64
import contextlib
import copy
import io
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import warnings
from unittest import mock

import numpy as np
import onnx
import onnx.reference
import torch
from torch import nn

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "python" / "latentflow_export.py"
sys.path.insert(0, str(SOURCE.parent))
import latentflow_export  # noqa: E402
from latentflow_export import export  # noqa: E402

torch.set_num_threads(1)


def parse(data):
    """The metadata and arrays of a safetensors file's bytes."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    body = data[8 + length :]
    arrays = {}
    covered = 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        assert begin == covered, name
        covered = end
        dtype = {"F32": "<f4", "I32": "<i4"}[entry["dtype"]]
        arrays[name] = np.frombuffer(body[begin:end], dtype).reshape(entry["shape"])
    assert covered == len(body)
    return header.get("__metadata__"), arrays


class Mlp(nn.Module):
    def __init__(self, latent=5, size=12):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(latent, 16), nn.ELU(), nn.Linear(16, size))

    def forward(self, z):
        return self.net(z)


class Labelled(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 4)
        self.last = nn.Linear(9, 6)

    def forward(self, z, label):
        return torch.tanh(self.last(torch.cat([z, self.embedding(label)], 1)))


class Conditioned(nn.Module):
    """With the latents last, and the condition by name only."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(8, 6)

    def forward(self, scale, latents, *, condition):
        return self.last(torch.cat([latents, condition], 1)) * scale


class Sdf(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(5 + 3, 16), nn.Tanh(), nn.Linear(16, 1))

    def forward(self, z, xyz):
        if xyz.dim() == 2:
            xyz = xyz.unsqueeze(0).expand(z.shape[0], -1, -1)
        return self.net(torch.cat([z.unsqueeze(1).expand(-1, xyz.shape[1], -1), xyz], -1))


class Bend(nn.Module):
    """A function that latentflow does not read."""

    def forward(self, x):
        return torch.atan(x)


class Function(nn.Module):
    """A layer, then a function that a test gives."""

    def __init__(self, function):
        super().__init__()
        self.layer = nn.Linear(5, 6)
        self.function = function

    def forward(self, z):
        return self.function(self.layer(z))


class Lengths(nn.Module):
    """A resize of which one length is computed."""

    def forward(self, x):
        return nn.functional.interpolate(x, size=(x.shape[2] * 2, 5))


class Exported(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(self.folder, "decoder.onnx")
        torch.manual_seed(1)

    def export(self, module, *args, **options):
        """What was printed; the file is loaded as self.model, its probe as self.probe."""
        with contextlib.redirect_stdout(io.StringIO()) as out, warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
            export(module, self.path, *args, **options)
        self.model = onnx.load(self.path)
        onnx.checker.check_model(self.path)
        metadata = {entry.key: entry.value for entry in self.model.metadata_props}
        self.latent = metadata["latentflow.latent"]
        form, self.probe = parse(base64.b64decode(metadata["latentflow.probe"], validate=True))
        self.assertEqual(form, {"format": "1"})
        self.assertFalse([name for name in os.listdir(self.folder) if name.startswith(".")], "nothing is left")
        return out.getvalue()

    def evaluate(self, **inputs):
        """The file by onnx's own evaluator."""
        return onnx.reference.ReferenceEvaluator(self.model).run(None, inputs)[0]

    def check_probe(self, **inputs):
        z = self.probe["z"]
        shape = [dim.dim_value for dim in self.model.graph.input[0].type.tensor_type.shape.dim][1:]
        found = self.evaluate(**{self.latent: z.reshape([len(z), *shape])}, **inputs).reshape(len(z), -1)
        if "indices" in self.probe:
            found = found[:, self.probe["indices"]]
        np.testing.assert_allclose(found, self.probe["x"], atol=1e-5 * np.abs(found).max())

    def refuses(self, message, module, *args, **options):
        with self.assertRaisesRegex(ValueError, message), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            export(module, self.path, *args, **options)
        self.assertEqual(os.listdir(self.folder), [], "nothing is written, nor left")


class Files(Exported):
    def test_probe_holds_what_the_module_computes(self):
        module = Mlp()
        printed = self.export(module, latent=5)
        self.assertEqual(set(self.probe), {"z", "x"})
        self.assertEqual(self.probe["z"].shape, (4, 5))
        with torch.no_grad():
            expected = module(torch.tensor(self.probe["z"].copy())).numpy()
        np.testing.assert_array_equal(self.probe["x"], expected)
        self.check_probe()
        self.assertRegex(printed, r"Wrote .*decoder\.onnx: [\d,]+ bytes, latent z \[5\], output \[12\], probe of 4 ")

    def test_onnxruntime_is_asked_where_it_is_installed(self):
        printed = self.export(Mlp(), latent=5)
        self.assertRegex(printed, "onnxruntime computes the same: it deviates by|onnxruntime, which is not installed")
        with mock.patch("importlib.util.find_spec", return_value=None):
            self.assertIn("pip install onnxruntime", self.export(Mlp(), latent=5))

    def test_the_loss_is_in_the_file_where_it_is_given(self):
        def losses():
            return [entry.value for entry in self.model.metadata_props if entry.key == "latentflow.loss"]

        module = torch.nn.Sequential(torch.nn.Linear(5, 12), torch.nn.Sigmoid())
        self.export(module, latent=5)
        self.assertEqual(losses(), [])
        for loss, name in (("bce", "binaryCrossEntropy"), ("mse", "squaredError")):
            self.export(module, latent=5, loss=loss)
            self.assertEqual(losses(), ['{"name": "%s", "reduction": "mean"}' % name])
        self.assertEqual(os.listdir(self.folder), ["decoder.onnx"])
        os.remove(self.path)
        self.refuses('loss is "bce", but outputs are not in', Mlp(), latent=5, loss="bce")
        self.refuses("loss is 'l1', expected 'bce' or 'mse' or None", module, latent=5, loss="l1")

    def priors(self):
        return [json.loads(entry.value) for entry in self.model.metadata_props if entry.key == "latentflow.prior"]

    def test_the_prior_is_in_the_file_where_it_is_given(self):
        module = Mlp(latent=2)
        self.export(module, latent=2)
        self.assertEqual(self.priors(), [])
        self.export(module, latent=2, prior={"name": "gaussian"})
        self.assertEqual(self.priors(), [{"name": "gaussian", "weight": 1.0, "mean": 0.0, "std": 1.0}])
        covariance = torch.tensor([[2.0, 0.5], [0.5, 1.0]])
        cases = [
            ({"mean": [0, 1], "std": np.array([0.5, 2.0]), "weight": 3}, {"mean": [0, 1], "std": [0.5, 2], "weight": 3}),
            ({"std": None, "covariance": covariance}, {"mean": 0, "covariance": [2, 0.5, 0.5, 1], "weight": 1}),
        ]
        for given, expected in cases:
            self.export(module, latent=2, prior={"name": "gaussian", **given})
            self.assertEqual(self.priors(), [{"name": "gaussian", **expected}])
        # Of latents with axes, all numbers one after the other.
        self.export(nn.Sequential(nn.Flatten(), nn.Linear(2, 3)), latent=(1, 2), prior={"name": "gaussian", "mean": [1, 2]})
        self.assertEqual(self.priors()[0]["mean"], [1, 2])

    def test_a_mixture_is_in_the_file_with_shares_that_add_up_to_1(self):
        module = Mlp(latent=2)
        means = [[0, 1], [2, 3], [4, 5]]
        self.export(module, latent=2, prior={"name": "gaussianMixture", "means": means, "stds": torch.ones(3, 2)})
        (prior,) = self.priors()
        self.assertEqual(prior["means"], [0, 1, 2, 3, 4, 5])
        self.assertEqual(prior["stds"], [1] * 6)
        np.testing.assert_allclose(prior["weights"], [1 / 3] * 3)
        covariances = np.stack([np.eye(2)] * 3)
        given = {"name": "gaussianMixture", "means": means, "covariances": covariances, "weights": [1, 2, 1]}
        self.export(module, latent=2, prior=given)
        (prior,) = self.priors()
        self.assertEqual(prior["covariances"], [1, 0, 0, 1] * 3)
        self.assertEqual(prior["weights"], [0.25, 0.5, 0.25])
        self.assertNotIn("stds", prior)

    def test_a_prior_that_is_none_is_refused(self):
        module = Mlp(latent=2)
        gaussian, mixture = "gaussian", "gaussianMixture"
        indefinite = [[1, 2], [2, 1]]
        cases = [
            ("gaussian", "prior is 'gaussian', expected a dict, as {'name': 'gaussian', 'mean': 0, 'std': 1}"),
            ({}, "prior['name'] is None, expected 'gaussian' or 'gaussianMixture'"),
            ({"name": "normal"}, "prior['name'] is 'normal', expected"),
            ({"name": gaussian, "sigma": 1}, "prior has 'sigma', which is nothing of 'gaussian', expected 'mean'"),
            ({"name": gaussian, "mean": [0, 0, 0]}, "prior['mean'] is of shape [3], expected one number or [2]"),
            ({"name": gaussian, "std": 0}, "prior['std'] has 0, expected numbers > 0"),
            ({"name": gaussian, "std": [1, -1]}, "prior['std'] has -1, expected numbers > 0"),
            ({"name": gaussian, "std": "wide"}, "prior['std'] is 'wide', expected numbers"),
            ({"name": gaussian, "mean": float("nan")}, "prior['mean'] is not finite"),
            ({"name": gaussian, "weight": 0}, "prior['weight'] is 0, expected a number > 0"),
            ({"name": gaussian, "std": 1, "covariance": np.eye(2)}, "prior has 'std' and 'covariance'"),
            ({"name": gaussian, "covariance": np.eye(3)}, "prior['covariance'] is of shape [3, 3], expected [2, 2]"),
            ({"name": gaussian, "covariance": [[1, 0.5], [0, 1]]}, "prior['covariance'] is not symmetric"),
            ({"name": gaussian, "covariance": indefinite}, "prior['covariance'] is not positive definite"),
            ({"name": mixture, "means": [[0, 0]]}, "expected 'means' and one of 'stds' and 'covariances'"),
            ({"name": mixture, "stds": [[1, 1]]}, "expected 'means' and one of"),
            ({"name": mixture, "means": 0, "stds": 1}, "prior['means'] is of shape [], expected [1, 2]"),
            ({"name": mixture, "means": [[0, 0]], "stds": [1, 1]}, "prior['stds'] is of shape [2], expected [1, 2]"),
            (
                {"name": mixture, "means": [[0, 0]], "stds": [[1, 1]], "weights": [1, 1]},
                "prior['weights'] is of shape [2], expected [1]",
            ),
        ]
        for prior, message in cases:
            self.refuses(re.escape(message), module, latent=2, prior=prior)

    def starts(self):
        return [json.loads(entry.value) for entry in self.model.metadata_props if entry.key == "latentflow.start"]

    def test_the_start_is_in_the_file_to_the_same_bits_where_it_is_given(self):
        module = Mlp(latent=3)
        self.export(module, latent=3)
        self.assertEqual(self.starts(), [])
        awkward = np.array([0.1, -0.0, 1e-45], dtype=np.float32)
        for given in (awkward, torch.from_numpy(awkward), awkward.tolist(), awkward.astype(np.float64)):
            self.export(module, latent=3, start=given)
            (start,) = self.starts()
            self.assertEqual(np.array(start, dtype=np.float32).tobytes(), awkward.tobytes())
        # Of latents with axes, all numbers one after the other.
        flat = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
        self.export(flat, latent=(2, 2), start=[[1, 2], [3, 4]])
        self.assertEqual(self.starts(), [[1, 2, 3, 4]])

    def test_a_start_that_is_none_is_refused(self):
        module = Mlp(latent=2)
        for start, message in [
            ([1, 2, 3], "start is of shape [3], expected [2], a sample's latents"),
            ([[1, 2]], "start is of shape [1, 2], expected [2]"),
            (0, "start is of shape [], expected [2]"),
            ("there", "start is 'there', expected numbers"),
            ([1, float("nan")], "start is not finite as float32"),
            ([1, 1e39], "start is not finite as float32"),
        ]:
            self.refuses(re.escape(message), module, latent=2, start=start)

    def test_latents_are_standard_normal_and_follow_the_seed(self):
        self.export(Mlp(), latent=5, probe_rows=400, seed=3)
        z = self.probe["z"]
        self.assertLess(abs(z.mean()), 0.1)
        self.assertLess(abs(z.std() - 1), 0.05)
        self.export(Mlp(), latent=5, probe_rows=1, seed=3)
        np.testing.assert_array_equal(self.probe["z"], z[:1])
        self.export(Mlp(), latent=5, probe_rows=1, seed=4)
        self.assertFalse(np.array_equal(self.probe["z"], z[:1]))

    def test_same_bytes_each_time(self):
        module = Mlp()
        self.export(module, latent=5)
        first = pathlib.Path(self.path).read_bytes()
        self.export(module, latent=5)
        self.assertEqual(pathlib.Path(self.path).read_bytes(), first)

    def test_batch_stays_open(self):
        self.export(Mlp(), latent=5)
        for one in [self.model.graph.input[0], self.model.graph.output[0]]:
            self.assertEqual(one.type.tensor_type.shape.dim[0].dim_param, "batch")
        self.assertEqual(self.evaluate(z=np.zeros((7, 5), np.float32)).shape, (7, 12))

    def test_large_outputs_keep_4096_values(self):
        module = nn.Sequential(nn.Linear(5, 5000), nn.Unflatten(1, (5, 1000)))
        self.export(module, latent=5, probe_rows=2)
        indices = self.probe["indices"]
        self.assertEqual((indices.dtype, indices.shape, self.probe["x"].shape), (np.int32, (4096,), (2, 4096)))
        self.assertTrue((np.diff(indices) > 0).all() and indices[0] >= 0 and indices[-1] < 5000)
        self.check_probe()
        self.export(module, latent=5, probe_rows=2, seed=9)
        self.assertFalse(np.array_equal(self.probe["indices"], indices))

    def test_latent_shapes_and_examples(self):
        module = nn.Sequential(nn.ConvTranspose2d(5, 4, 4), nn.ReLU(), nn.Conv2d(4, 1, 1))
        self.export(module, latent=(5, 1, 1))
        self.assertEqual(self.probe["z"].shape, (4, 5))
        self.check_probe()
        self.export(module, latent=[np.int64(5), 1, 1])
        self.export(module, latent=torch.zeros(1, 5, 2, 3))
        self.assertEqual(self.probe["z"].shape, (4, 30))
        self.check_probe()

    def test_weights_beyond_one_file_go_to_a_second(self):
        with mock.patch.object(latentflow_export, "ONE_FILE_BYTES", 1000):
            printed = self.export(Mlp(5, 600), latent=5)
        self.assertEqual(sorted(os.listdir(self.folder)), ["decoder.onnx", "decoder.onnx.data"])
        self.assertIn("keep both together", printed)
        self.assertLess(os.path.getsize(self.path), 20_000)
        self.check_probe()

    def test_probe_is_read_by_the_safetensors_package(self):
        try:
            from safetensors.numpy import load
        except ImportError:
            self.skipTest("safetensors is not installed")
        self.export(Labelled(), latent=5, fixed={"label": torch.arange(10)})
        probe = next(entry.value for entry in self.model.metadata_props if entry.key == "latentflow.probe")
        loaded = load(base64.b64decode(probe))
        for name, array in self.probe.items():
            np.testing.assert_array_equal(loaded[name], array)

    def test_an_existing_file_is_replaced_only_by_a_good_one(self):
        self.export(Mlp(), latent=5)
        before = pathlib.Path(self.path).read_bytes()
        with self.assertRaises(ValueError):
            export(Mlp(), self.path, latent=6)
        self.assertEqual(pathlib.Path(self.path).read_bytes(), before)
        self.export(Mlp(6), latent=6)


class Inputs(Exported):
    def test_labels(self):
        module = Labelled()
        self.export(module, latent=5, fixed={"label": torch.tensor([7, 1, 3])})
        np.testing.assert_array_equal(self.probe["fixed.label"], [7, 1, 3, 7])
        self.assertEqual(self.probe["fixed.label"].dtype, np.float32)
        self.check_probe(label=np.array([7, 1, 3, 7]))

    def test_labels_may_be_arrays_and_lists(self):
        for labels in [np.array([7, 1], np.uint8), [7, 1]]:
            self.export(Labelled(), latent=5, fixed={"label": labels})
            np.testing.assert_array_equal(self.probe["fixed.label"], [7, 1, 7, 1])

    def test_one_label_is_said_to_prove_little(self):
        self.assertIn("one value of label", self.export(Labelled(), latent=5, fixed={"label": torch.tensor([7])}))

    def test_parameters_in_any_order_and_by_name_only(self):
        module = Conditioned()
        condition, scale = torch.eye(3)[:1], torch.rand(9, 1) + 0.5
        self.export(module, latent=5, fixed={"condition": condition, "scale": scale})
        self.assertEqual(self.latent, "z")
        one_hot = self.probe["fixed.condition"]
        self.assertEqual([sorted(row) for row in one_hot.tolist()], [[0, 0, 1]] * 4)
        self.assertGreater(len(set(map(tuple, one_hot.tolist()))), 1, "other orders of the example")
        np.testing.assert_array_equal(self.probe["fixed.scale"], scale[:4])
        found = self.evaluate(z=self.probe["z"], condition=one_hot, scale=self.probe["fixed.scale"])
        np.testing.assert_allclose(found, self.probe["x"], atol=1e-5)

    def test_by_position_where_no_name_is_a_parameter(self):
        class Positional(Labelled):
            def forward(self, *inputs):
                return super().forward(*inputs)

        self.export(Positional(), latent=5, fixed={"digit": torch.arange(10)})
        np.testing.assert_array_equal(self.probe["fixed.digit"], [0, 1, 2, 3])
        self.export(Labelled(), latent=5, fixed={"digit": torch.arange(10)})
        self.check_probe(digit=np.arange(4))

    def test_by_name_to_keyword_arguments(self):
        class Named(Labelled):
            def forward(self, z, **inputs):
                return super().forward(z, inputs["label"])

        self.export(Named(), latent=5, fixed={"label": torch.arange(10)})
        self.check_probe(label=np.arange(4))

    def test_an_input_of_the_name_z(self):
        class Renamed(Labelled):
            def forward(self, code, z):
                return super().forward(code, z)

        self.export(Renamed(), latent=5, fixed={"z": torch.arange(10)})
        self.assertEqual(self.latent, "latent")

    def test_shared_points(self):
        self.export(Sdf(), latent=5, points={"xyz": torch.rand(1000, 3)})
        xyz = self.probe["fixed.xyz"]
        self.assertEqual(xyz.shape, (4, 32, 3))
        self.assertTrue((xyz == xyz[:1]).all())
        self.assertEqual(self.probe["x"].shape, (4, 32))
        self.check_probe(xyz=xyz[0])
        found = self.evaluate(z=np.zeros((2, 5), np.float32), xyz=np.zeros((9, 3), np.float32))
        self.assertEqual(found.shape, (2, 9, 1))
        dims = [dim.dim_param or dim.dim_value for dim in self.model.graph.output[0].type.tensor_type.shape.dim]
        self.assertEqual(dims, ["batch", "points", 1])
        # Without it a reader takes the points for samples.
        metadata = {entry.key: entry.value for entry in self.model.metadata_props}
        self.assertEqual(metadata["latentflow.points"], '["xyz"]')

    def test_points_of_each_sample(self):
        self.export(Sdf(), latent=5, points={"xyz": torch.rand(2, 20, 3)})
        xyz = self.probe["fixed.xyz"]
        self.assertEqual(xyz.shape, (4, 20, 3))
        self.assertTrue((xyz[0] == xyz[2]).all() and (xyz[0] != xyz[1]).any())
        self.check_probe(xyz=xyz)
        self.evaluate(z=np.zeros((3, 5), np.float32), xyz=np.zeros((3, 7, 3), np.float32))

    def test_refusals_of_arguments(self):
        label = {"label": torch.arange(10)}
        for message, args in [
            ("latent is 0", dict(latent=0)),
            ("latent is True", dict(latent=True)),
            ("latent is 'five'", dict(latent="five")),
            (r"latent is \(5, 0\)", dict(latent=(5, 0))),
            (r"latent is \(\)", dict(latent=())),
            ("latent is 5.0", dict(latent=5.0)),
            ("expected one with the batch as its first axis; .* latent=5", dict(latent=torch.zeros(5))),
            ("probe_rows is 0", dict(latent=5, probe_rows=0)),
            ("fixed is list, expected a dict", dict(latent=5, fixed=[1])),
            ("the name 'my label'", dict(latent=5, fixed={"my label": [1]})),
            (r"of shape \[\], expected an example as the module takes it", dict(latent=5, fixed={"label": 3})),
            ("0. and 1. in place of booleans", dict(latent=5, fixed={"label": torch.tensor([True])})),
            ("is object, expected a tensor", dict(latent=5, fixed={"label": object()})),
            ("not finite", dict(latent=5, fixed={"label": [float("nan")]})),
            ("integers up to 16777217", dict(latent=5, fixed={"label": [2**24 + 1]})),
            ("expected floats of shape", dict(latent=5, points={"label": torch.zeros(3)})),
            ("is in fixed and in points", dict(latent=5, fixed=label, points={"label": torch.zeros(3, 2)})),
            ("needs 'label' as well", dict(latent=5)),
            ("none of the parameters of forward", dict(latent=5, fixed={**label, "other": torch.zeros(1, 2)})),
        ]:
            with self.subTest(message):
                self.refuses(message, Labelled(), **args)
        self.refuses("module is Tensor, expected a torch.nn.Module", torch.zeros(3), latent=5)
        paths = [(self.folder, "is a folder"), ("/nowhere/at/all.onnx", "there is no folder"), (3, "path is 3")]
        for path, message in paths:
            with self.assertRaisesRegex(ValueError, message):
                export(Mlp(), path, latent=5)

    def test_without_onnx(self):
        with mock.patch.dict(sys.modules, {"onnx": None}):
            with self.assertRaisesRegex(ImportError, "pip install onnx"):
                export(Mlp(), self.path, latent=5)


class Copies(Exported):
    def compare(self, module, latent=5, **options):
        """That the file computes what the module does in eval mode, and the module is as it was."""
        before = snapshot(module)
        self.export(module, latent=latent, **options)
        self.assertEqual(snapshot(module), before)
        reference = copy.deepcopy(module).eval() if not options else None
        if reference is not None:
            z = torch.tensor(self.probe["z"].copy()).reshape(-1, *(latent if isinstance(latent, tuple) else (latent,)))
            with torch.no_grad():
                expected = reference(z).reshape(len(z), -1).numpy()
            np.testing.assert_allclose(self.probe["x"], expected, atol=1e-5)
            self.check_probe()

    def test_module_is_left_as_it_was(self):
        module = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 6))
        module.train()
        module[1].eval()
        seen = []
        module[0].register_forward_hook(lambda *_: seen.append(1))
        module[3].weight.requires_grad_(False)
        module(torch.randn(4, 5)).sum().backward()
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        self.compare(module)
        self.assertTrue(torch.equal(torch.rand(3), expected), "the random numbers go on")
        self.assertEqual([part.training for part in module], [True, False, True, True])
        self.assertIsNotNone(module[0].weight.grad)
        self.assertTrue(module[0].weight.requires_grad and not module[3].weight.requires_grad)

    def test_settings_of_the_program_do_not_matter_and_are_kept(self):
        module = Mlp()
        self.export(module, latent=5)
        before = pathlib.Path(self.path).read_bytes()
        torch.set_default_dtype(torch.float64)
        torch.set_float32_matmul_precision("medium")
        torch.set_default_device("meta")
        try:
            with torch.autocast("cpu"), torch.enable_grad():
                self.export(module, latent=5)
            self.assertEqual(torch.get_default_dtype(), torch.float64)
            self.assertEqual(torch.get_float32_matmul_precision(), "medium")
            self.assertEqual(torch.empty(0).device.type, "meta")
        finally:
            torch.set_default_dtype(torch.float32)
            torch.set_float32_matmul_precision("highest")
            torch.set_default_device(None)
        self.assertEqual(pathlib.Path(self.path).read_bytes(), before)

    def test_eval_mode(self):
        module = nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.Dropout(0.9), nn.Linear(6, 6)).train()
        self.compare(module)
        self.assertNotIn("Dropout", [node.op_type for node in self.model.graph.node])

    def test_parametrizations(self):
        norms, parametrize = nn.utils.parametrizations, nn.utils.parametrize

        class Symmetric(nn.Module):
            def forward(self, weight):
                return weight.triu() + weight.triu(1).T

        for name, make in {
            "weight_norm": lambda: norms.weight_norm(nn.Linear(5, 6)),
            "spectral_norm": lambda: norms.spectral_norm(nn.Linear(5, 6)),
            "own, on two tensors": lambda: parametrize.register_parametrization(
                parametrize.register_parametrization(nn.Linear(5, 5), "bias", nn.Tanh()), "weight", Symmetric()
            ),
            "orthogonal": lambda: norms.orthogonal(nn.Linear(5, 5)),
        }.items():
            with self.subTest(name):
                layer = make()
                module = nn.Sequential(layer, nn.ELU(), nn.Linear(layer.out_features, 6)).train()
                module(torch.randn(3, 5)).sum().backward()
                self.compare(module)
                self.assertTrue(parametrize.is_parametrized(layer))
                # The copy shares its class with the module.
                module(torch.randn(3, 5))
                self.assertEqual([node.op_type for node in self.model.graph.node], ["Gemm", "Elu", "Gemm"])

    def test_older_norms_and_pruning(self):
        from torch.nn.utils import prune, spectral_norm, weight_norm

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            for name, layer in {
                "weight_norm": weight_norm(nn.Linear(5, 6)),
                "spectral_norm": spectral_norm(nn.Linear(5, 6)),
                "pruning": prune.random_unstructured(nn.Linear(5, 6), "weight", 0.5),
            }.items():
                with self.subTest(name):
                    module = nn.Sequential(layer, nn.ELU(), nn.Linear(6, 6)).train()
                    # Leaves weights with a history, which deepcopy refuses.
                    module(torch.randn(3, 5)).sum().backward()
                    hooks = len(layer._forward_pre_hooks)
                    before = snapshot(module)
                    self.export(module, latent=5)
                    self.assertEqual(snapshot(module), before)
                    self.assertEqual(len(layer._forward_pre_hooks), hooks)
                    module.eval()
                    with torch.no_grad():
                        expected = module(torch.tensor(self.probe["z"].copy())).numpy()
                    np.testing.assert_allclose(self.probe["x"], expected, atol=1e-5)
                    self.check_probe()
                    self.assertEqual([node.op_type for node in self.model.graph.node], ["Gemm", "Elu", "Gemm"])

    def test_other_types_of_weights(self):
        for dtype in [torch.float16, torch.bfloat16, torch.float64]:
            with self.subTest(dtype):
                module = nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.ELU(), nn.Linear(6, 6)).to(dtype)
                before = snapshot(module)
                printed = self.export(module, latent=5)
                self.assertEqual(snapshot(module), before)
                self.assertIn("The weights were {}; the file".format(str(dtype)[6:]), printed)
                self.assertEqual({one.data_type for one in self.model.graph.initializer}, {onnx.TensorProto.FLOAT})
                with torch.no_grad():
                    expected = copy.deepcopy(module).float().eval()(torch.tensor(self.probe["z"].copy())).numpy()
                np.testing.assert_array_equal(self.probe["x"], expected)
                self.check_probe()
        self.assertNotIn("The weights were", self.export(Mlp(), latent=5))

    def test_plain_attributes_that_are_tensors(self):
        class Offset(Function):
            def forward(self, z):
                return self.layer(z) + self.offset * self.scales[0]

        module = Offset(torch.tanh)
        module.offset = torch.ones(6, dtype=torch.float64)
        module.scales = [module.layer.weight.sum() * 1]  # with a history
        self.export(module, latent=5)
        self.check_probe()

    def test_devices_kept_in_attributes(self):
        class Shifted(Function):
            def forward(self, z):
                return self.layer(z) + torch.ones(6, device=self.device)

        for device in [torch.device("meta"), "meta"]:
            module = Shifted(torch.tanh)
            module.device = device
            self.export(module, latent=5)
            self.assertEqual(module.device, device)

    def test_wrappers_are_looked_through(self):
        for wrapped in [nn.DataParallel(Mlp()), torch.compile(Mlp())]:
            self.export(wrapped, latent=5)
            self.check_probe()
            self.assertNotIn("module", self.model.graph.initializer[0].name)

    def test_scripted_modules(self):
        self.export(torch.jit.script(Mlp()), latent=5)
        self.check_probe()

    def test_tied_weights(self):
        module = nn.Sequential(nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 5))
        module[2].weight = module[0].weight
        self.compare(module)

    def test_layers_that_come_in_small_steps(self):
        layers = [nn.LayerNorm(8), nn.GELU(), nn.Mish(), nn.Softplus(), nn.SiLU()]
        if hasattr(nn, "RMSNorm"):
            layers += [nn.RMSNorm(8), nn.RMSNorm(8, eps=1e-3, elementwise_affine=False)]
        self.compare(nn.Sequential(nn.Linear(5, 8), *layers))

    def test_transformer(self):
        class Transformer(nn.Module):
            def __init__(self):
                super().__init__()
                self.first = nn.Linear(5, 4 * 8)
                self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

            def forward(self, z):
                return self.layer(self.first(z).reshape(-1, 4, 8))

        self.compare(Transformer())

    def test_a_module_that_changes_its_input(self):
        class Changes(Function):
            def forward(self, z):
                return super().forward(z.mul_(2))

        self.export(Changes(torch.tanh), latent=5)
        self.assertEqual(self.probe["x"].shape, (4, 6))

    def test_refusals_of_modules(self):
        self.refuses("parameters without a shape", nn.LazyLinear(3), latent=5)
        self.refuses("on the device 'meta'", nn.Linear(5, 6, device="meta"), latent=5)
        self.refuses("torch.complex64", nn.Linear(5, 6, dtype=torch.complex64), latent=5)


class Refusals(Exported):
    def test_outputs_that_are_no_tensor(self):
        self.refuses("returns a tuple of 2, expected one tensor", Function(lambda x: (x, x)), latent=5)
        self.refuses("returns a dict, expected one tensor", Function(lambda x: {"x": x}), latent=5)

    def test_outputs_without_batch(self):
        self.refuses(r"returns \[6\] for z \[4, 5\], expected the batch", Function(lambda x: x.sum(0)), latent=5)
        self.refuses(r"returns \[\] ", Function(lambda x: x.sum()), latent=5)
        self.refuses("the batch as the first axis", Function(lambda x: x.T), latent=5)
        self.refuses("a row alone|alone it is", Function(lambda x: x.reshape(4, 6).squeeze(0)), latent=5)

    def test_latents_of_another_size(self):
        self.refuses(r"fails on z \[4, 6\] .*first layer 'net.0' has in_features=5", Mlp(), latent=6)

    def test_other_types_of_outputs(self):
        self.refuses("returns torch.float16, expected float32", Function(lambda x: x.half()), latent=5)

    def test_outputs_that_depend_on_the_batch(self):
        self.refuses("depends on the batch around it: alone it differs", Function(lambda x: x - x.mean(0)), latent=5)
        norm = nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6, track_running_stats=False))
        self.refuses("depends on the batch .*'1' has no running statistics", norm, latent=5)
        norm = nn.Sequential(nn.Unflatten(1, (5, 1, 1)), nn.BatchNorm2d(5, track_running_stats=False), nn.Upsample(2))
        self.refuses("depends on the batch .*'1' has no running statistics", norm, latent=5)
        self.refuses("depends on the batch", Function(lambda x: x + x.flip(0)), latent=5, probe_rows=1)

    def test_random_outputs(self):
        self.refuses("when it is called again", Function(nn.functional.dropout), latent=5)
        self.refuses("when it is called again", Function(lambda x: x + 0.01 * torch.randn_like(x)), latent=5)

    def test_outputs_that_are_not_finite(self):
        half = Function(lambda x: torch.cat([x[:, :3], x[:, 3:] / 0], 1))
        self.refuses("12 of the 24 values .* not finite", half, latent=5)
        broken = Mlp()
        broken.net[0].bias.data[0] = float("nan")
        self.refuses("look for NaN in its weights", broken, latent=5)

    def test_rows_that_hardly_differ(self):
        with contextlib.redirect_stdout(io.StringIO()), self.assertWarnsRegex(UserWarning, "hardly differ") as caught:
            export(Function(lambda x: 1 + 1e-7 * x), self.path, latent=5)
        self.assertEqual(caught.filename, __file__)

    def test_points(self):
        points = {"xyz": torch.rand(10, 3)}

        class Sums(Sdf):
            def forward(self, z, xyz):
                return super().forward(z, xyz).sum(1)

        class Centred(Sdf):
            def forward(self, z, xyz):
                return super().forward(z, xyz - xyz.mean(-2, keepdim=True))

        class Ten(Sdf):
            def forward(self, z, xyz):
                return super().forward(z, xyz).reshape(-1, 10, 1)

        self.refuses(r"with 10 points the module returns \[4, 1\]", Sums(), latent=5, points=points)
        self.refuses("depends on the other points", Centred(), latent=5, points=points)
        self.refuses(r"with 5 points the module returns \[2, 10, 1\]", Ten(), latent=5, points=points)

    def test_a_trace_that_is_another_function(self):
        if latentflow_export.importlib.util.find_spec("onnxruntime") is None:
            self.skipTest("onnxruntime is not installed")

        def frozen(x):
            return x + torch.zeros(int(x.shape[0]), 6)

        self.refuses("another function for one row", Function(frozen), latent=5)

        def branch(x):
            return x if float(x.sum()) > 1e9 else x * 2

        self.export(Function(branch), latent=5)  # the same in all rows that are tried

    def test_operators_that_the_exporter_does_not_know(self):
        self.refuses("PyTorch's exporter fails", Function(lambda x: torch.special.i0e(x)), latent=5)

    def test_operators_that_latentflow_does_not_read(self):
        first = [nn.Linear(5, 32), nn.Unflatten(1, (2, 4, 4))]
        one = "latentflow does not read what a node is written for: "
        bend = nn.Sequential(*first, Bend())
        self.refuses(one + r"Atan of '2' \(Bend\); site/reference/onnx-operators.md of the npm package", bend, latent=5)
        with mock.patch.dict(latentflow_export.CHOICES, {"Resize": {"mode": ("nearest", "linear")}}):
            resize = nn.Sequential(*first, nn.Upsample(scale_factor=2, mode="bicubic"))
            message = r"""Resize of '2' \(Upsample\): its mode is "cubic", expected "nearest" or "linear"; site/"""
            self.refuses(one + message, resize, latent=5)
        for mode in ["nearest", "bilinear", "bicubic"]:
            self.export(nn.Sequential(*first, nn.Upsample(scale_factor=2, mode=mode)), latent=5)
        os.remove(self.path)
        several = nn.Sequential(*first, nn.Sequential(nn.ReLU(), Bend()), Bend())
        message = r"what nodes are written for: Atan of '2.1' \(Bend\), Atan of '3' \(Bend\); site/"
        self.refuses(message, several, latent=5)
        many = nn.Sequential(*first, *[Bend() for _ in range(20)])
        self.refuses(r"Atan of '13' \(Bend\) and 8 more; site/", many, latent=5)

        class Recurrent(nn.Module):
            def __init__(self):
                super().__init__()
                self.gru = nn.GRU(1, 2, num_layers=3, batch_first=True)

            def forward(self, z):
                return self.gru(z.unsqueeze(-1))[0]

        self.refuses(r"what nodes are written for: GRU of 'gru' \(GRU\); site/", Recurrent(), latent=5)

    def test_operators_that_latentflow_reads_of_constants_alone(self):
        message = r"Floor of the module itself \(Function\): it depends on inputs; of these only constants are read; site/"
        self.refuses(message, Function(torch.floor), latent=5)

        def places(x):  # of the number of rows
            return x + torch.floor(torch.arange(x.shape[0] * 6) / 6).reshape(x.shape) * 0

        self.export(Function(places), latent=5)
        self.assertIn("Floor", [node.op_type for node in self.model.graph.node])

    def test_three_axes_of_pixels(self):
        first = [nn.Linear(5, 128), nn.Unflatten(1, (2, 4, 4, 4))]
        for operator, solid in [
            ("Conv", nn.Conv3d(2, 3, 3)),
            ("ConvTranspose", nn.ConvTranspose3d(2, 3, 3)),
            ("MaxPool", nn.MaxPool3d(2)),
            ("AveragePool", nn.AvgPool3d(2)),
            ("MaxPool", nn.AdaptiveMaxPool3d(1)),
            ("Resize", nn.Upsample(scale_factor=2)),
            ("Resize", nn.Upsample(size=(8, 6, 4), mode="trilinear")),
        ]:
            message = r"{} of '2' \({}\): it reads 3 axes of pixels, expected \[batch, channels, height, width\] or one"
            self.refuses(message.format(operator, type(solid).__name__), nn.Sequential(*first, solid), latent=5)
        flat = [nn.Linear(5, 32), nn.Unflatten(1, (2, 4, 4)), nn.Conv2d(2, 2, 3, padding=1), nn.MaxPool2d(2)]
        self.export(nn.Sequential(*flat, nn.Upsample(size=(8, 6), mode="bilinear")), latent=5)
        of_lengths = nn.Sequential(*flat, Lengths())
        self.export(of_lengths, latent=5)
        line = [nn.Linear(5, 32), nn.Unflatten(1, (2, 16)), nn.Conv1d(2, 2, 3), nn.Upsample(scale_factor=2)]
        self.export(nn.Sequential(*line), latent=5)

    def test_inputs_that_have_to_be_constant(self):
        class Modulated(nn.Module):
            def forward(self, z):
                kernel = z[:1, :5].reshape(1, 1, 5) * 0 + 1
                return nn.functional.conv1d(z.unsqueeze(1), kernel)

        message = r"Conv of the module itself \(Modulated\): its input 1 is computed, expected a constant; site/"
        self.refuses(message, Modulated(), latent=7)
        message = r"Pow of the module itself \(Function\): its input 1 is computed, expected a constant; site/"
        self.refuses(message, Function(lambda x: x.abs() ** x), latent=5)
        self.export(Function(lambda x: x.abs() ** torch.arange(1, 3).sum()), latent=5)

    def test_outputs_beside_the_first(self):
        class Places(nn.Module):
            def forward(self, x):
                values, places = nn.functional.max_pool1d(x.unsqueeze(1), 2, return_indices=True)
                return values + places

        message = r"MaxPool of '1' \(Places\): its output 1 is used, expected the first one alone"
        self.refuses(message, nn.Sequential(nn.Linear(5, 6), Places()), latent=5)
        self.export(Function(lambda x: torch.cat(x.split([2, 4], 1)[::-1], 1)), latent=5)

    def test_places_of_operators_in_modules_called_by_name(self):
        class Bent(Conditioned):
            def __init__(self):
                super().__init__()
                self.bends = nn.ModuleList([Bend()])

            def forward(self, scale, latents, *, condition):
                return self.bends[0](super().forward(scale, latents, condition=condition))

        fixed = {"condition": torch.eye(3), "scale": torch.rand(9, 1) + 0.5}
        self.refuses(r": Atan of 'bends.0' \(Bend\); site/", Bent(), latent=5, fixed=fixed)

    def test_inputs_without_influence(self):
        class Ignores(Labelled):
            def forward(self, z, label):
                return super().forward(z, torch.zeros_like(z[:, 0]).long())

        self.refuses("does not depend on 'label'", Ignores(), latent=5, fixed={"label": torch.arange(10)})


def snapshot(module):
    """All that must not change: of each part its class, mode, hooks, and the tensors themselves with their values."""
    # __slotnames__ is a note that Python makes of a class when an object of it is copied.
    parts = []
    for name, part in module.named_modules():
        tensors = {**part._parameters, **part._buffers}
        hooks = [len(getattr(part, kind)) for kind in ["_forward_hooks", "_forward_pre_hooks", "_backward_hooks"]]
        parts.append((name, type(part), sorted(set(vars(type(part))) - {"__slotnames__"}), part.training, hooks))
        parts += [
            (key, id(value), value.dtype, value.device, value.requires_grad, value._version, value.tolist())
            for key, value in tensors.items()
            if value is not None
        ]
    return parts


FACTORY = """
import torch
from torch import nn
def make():
    return nn.Sequential(nn.Linear(5, 8), nn.ELU(), nn.Linear(8, 6), nn.Sigmoid())
def logits():
    return make()[:3]
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.decoder = make()
    def forward(self, z):
        return self.decoder(z)
number = int
"""


class Program(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        pathlib.Path(self.folder, "factories.py").write_text(FACTORY)
        torch.manual_seed(1)
        self.module = nn.Sequential(nn.Linear(5, 8), nn.ELU(), nn.Linear(8, 6), nn.Sigmoid())
        self.write("model.safetensors", self.module.state_dict(), {"activation": "elu", "loss": "bce"})

    def write(self, name, state, metadata):
        data = latentflow_export._write_safetensors(state, metadata)
        pathlib.Path(self.folder, name).write_bytes(data)

    def run_program(self, *arguments):
        command = [sys.executable, str(SOURCE), *arguments]
        done = subprocess.run(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return done.returncode, done.stdout, done.stderr

    def read(self, name):
        metadata, arrays = parse(pathlib.Path(self.folder, name).read_bytes())
        form, probe = parse(base64.b64decode(metadata.pop("latentflow.probe")))
        self.assertEqual(form, {"format": "1"})
        return metadata, arrays, probe

    def test_probe(self):
        probing = ["probe", "model.safetensors", "--latent", "5", "--module", "factories:make"]
        code, out, err = self.run_program(*probing)
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"Wrote model\.probe\.safetensors: .* output \[6\], probe of 4 rows")
        metadata, arrays, probe = self.read("model.probe.safetensors")
        self.assertEqual(metadata, {"activation": "elu", "loss": "bce"})
        _, before = parse(pathlib.Path(self.folder, "model.safetensors").read_bytes())
        for name, array in before.items():
            np.testing.assert_array_equal(arrays[name], array)
        with torch.no_grad():
            expected = self.module(torch.tensor(probe["z"].copy())).numpy()
        np.testing.assert_array_equal(probe["x"], expected)

        code, out, err = self.run_program(*probing)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("is there already; give another --out, or --force", err)
        code, _, _ = self.run_program(*probing, "--force", "--rows", "2", "--out", "model.safetensors")
        self.assertEqual(code, 0)
        self.assertEqual(self.read("model.safetensors")[2]["z"].shape, (2, 5))
        self.assertFalse([name for name in os.listdir(self.folder) if name.startswith(".")])

    def test_names_with_a_prefix(self):
        state = {"decoder." + name: tensor for name, tensor in self.module.state_dict().items()}
        self.write("model.safetensors", state, {"activation": "elu", "loss": "bce"})
        for factory in ["make", "Model"]:
            code, _, err = self.run_program(
                *["probe", "model.safetensors", "--latent", "5", "--module", "factories:" + factory, "--force"]
            )
            self.assertEqual((code, err), (0, ""))

    def test_refusals(self):
        pathlib.Path(self.folder, "text.safetensors").write_text("no tensors at all")
        for message, file, latent, factory in [
            ("ends in a sigmoid, but the module returns", "model.safetensors", "5", "factories:logits"),
            ("fails on z", "model.safetensors", "6", "factories:make"),
            ("expected a torch.nn.Module", "model.safetensors", "5", "factories:number"),
            ("factories:nothing is not found", "model.safetensors", "5", "factories:nothing"),
            ("expected package.module:factory", "model.safetensors", "5", "factories"),
            ("are not those of the module", "model.safetensors", "5", "torch.nn:Identity"),
            ("is no safetensors file", "text.safetensors", "5", "factories:make"),
            ("No such file", "nothing.safetensors", "5", "factories:make"),
        ]:
            with self.subTest(message):
                code, out, err = self.run_program("probe", file, "--latent", latent, "--module", factory)
                self.assertEqual((code, out), (1, ""))
                self.assertRegex(err, "^latentflow_export.py: .*" + message)
                self.assertEqual(len(err.splitlines()), 1)
        self.assertEqual(len(os.listdir(self.folder)) - os.path.exists(self.folder + "/__pycache__"), 3)
        self.assertEqual(self.run_program()[0], 2)
        self.assertEqual(self.run_program("probe", "model.safetensors")[0], 2)


class Style(unittest.TestCase):
    def test_python_3_8_reads_it(self):
        ast.parse(SOURCE.read_text(), feature_version=(3, 8))

    def test_it_imports_torch_and_the_standard_library_alone(self):
        imported = set()
        for node in ast.walk(ast.parse(SOURCE.read_text())):
            if isinstance(node, ast.Import):
                imported |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.split(".")[0])
        if hasattr(sys, "stdlib_module_names"):
            self.assertEqual(imported - set(sys.stdlib_module_names), {"torch"})


if __name__ == "__main__":
    unittest.main()
