"""
Writes a decoder of PyTorch as an ONNX file that latentflow reads, with a probe in it.

    import torch
    from latentflow_export import export

    decoder = torch.nn.Sequential(torch.nn.Linear(20, 150), torch.nn.ELU(), torch.nn.Linear(150, 784))
    export(decoder, "decoder.onnx", latent=20)

A probe is a few latents and what PyTorch says the decoder is there. It lets the reader prove, when it loads the file,
that it computes the same function.

A safetensors file that is there already gets its probe by

    python latentflow_export.py probe decoder.safetensors --latent 20 --module package.module:factory

This is one file: copy it, or put its folder on PYTHONPATH. It needs Python 3.8, torch 1.13 and onnx, or later ones.
With onnxruntime installed it also checks that what it has written computes what the module does.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import copy
import importlib
import importlib.util
import inspect
import json
import math
import operator
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import warnings
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

import torch
from torch.nn.utils import parametrize, prune

__all__ = ["export"]

# By import_module, since torch.nn.utils has functions of the same names.
_WeightNorm = importlib.import_module("torch.nn.utils.weight_norm").WeightNorm
_SpectralNorm = importlib.import_module("torch.nn.utils.spectral_norm").SpectralNorm

OPSET = 17  # the first with LayerNormalization, and the last that torch 1.13 writes
PROBE_VALUES = 4096  # the most values that are kept of an output
# The losses by their names in files.
LOSSES = {
    "bce": "binaryCrossEntropy",
    "mse": "squaredError",
}
# The numbers of each kind of prior, by how many components and latents they go, K and d.
PRIORS: Dict[str, Dict[str, str]] = {
    "gaussian": {"mean": "d", "std": "d", "covariance": "dd"},
    "gaussianMixture": {"weights": "K", "means": "Kd", "stds": "Kd", "covariances": "Kdd"},
}
# The operators of ONNX that latentflow reads, as its site/reference/onnx-operators.md has them.
OPERATORS = frozenset(
    """
    Abs Add And AveragePool BatchNormalization Cast Celu Clip Concat Conv ConvTranspose Cos DepthToSpace Div Dropout
    Einsum Elu Equal Erf Exp Expand Flatten Gather Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual
    GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization LayerNormalization LeakyRelu Less
    LessOrEqual Log LogSoftmax MatMul Max MaxPool Min Mish Mul Neg Not OneHot Or PRelu Pad Pow RMSNormalization
    Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceSum ReduceSumSquare
    Relu Reshape Resize Selu Sigmoid Sign Sin Slice Softmax Softplus Softsign Split Sqrt Squeeze Sub Sum Tanh Tile
    Transpose Trilu Unsqueeze Upsample Where Xor
    """.split()
)
# Of constants and of shapes alone, not of values that depend on the numbers of an input.
OPERATORS_OF_CONSTANTS = frozenset(
    """
    Ceil Constant ConstantOfShape Floor Mod Range ReduceProd Round Shape Size
    """.split()
)
# Of one axis of pixels or two, [batch, channels, height, width], not of three.
OPERATORS_OF_PIXELS = frozenset(
    """
    AveragePool Conv ConvTranspose MaxPool Resize Upsample
    """.split()
)
# The places of inputs that have to be constant.
CONSTANT_INPUTS: Dict[str, Tuple[int, ...]] = {
    "BatchNormalization": (1, 2, 3, 4),
    "Clip": (1, 2),
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "GroupNormalization": (1, 2),
    "InstanceNormalization": (1, 2),
    "LayerNormalization": (1, 2),
    "Pow": (1,),
    "RMSNormalization": (1,),
}
# Attributes of which it reads some values only.
CHOICES: Dict[str, Dict[str, Tuple[str, ...]]] = {
    "Pad": {"mode": ("constant", "reflect", "edge")},
    "Resize": {"mode": ("nearest", "linear", "cubic")},
}
PROBE_POINTS = 32  # the most points that a probe is taken at
ONE_FILE_BYTES = 2**31 - 2**24  # protobuf ends at 2 GiB; the graph needs a little of it
SAFETENSORS_HEADER_BYTES = 2**20  # the longest header that latentflow reads

# Shares of the largest |output|. Float32 on another order of sums differs by 1e-6, in deep decoders by 1e-5; statistics
# over the batch, dropout and TF32 differ by 1e-3 and more.
SAME = 3e-4
# Rows that are closer than this to one another would pass whatever the latents.
HARDLY_DIFFERENT = 1e-4

Shape = Tuple[int, ...]


def export(
    module: torch.nn.Module,
    path: Union[str, os.PathLike[str]],
    latent: Union[int, Sequence[int], torch.Tensor],
    fixed: Optional[Dict[str, Any]] = None,
    points: Optional[Dict[str, Any]] = None,
    probe_rows: int = 4,
    seed: int = 0,
    loss: Optional[str] = None,
    prior: Optional[Dict[str, Any]] = None,
    start: Any = None,
) -> None:
    """
    Writes `module`, a decoder, to `path` as ONNX, and says so on stdout.

        export(decoder, "decoder.onnx", latent=20)                                # decoder(z)
        export(decoder, "decoder.onnx", latent=(4, 8, 8))                         # z [batch, 4, 8, 8]
        export(decoder, "decoder.onnx", latent=20, fixed={"label": torch.arange(10)})         # decoder(z, label)
        export(decoder, "decoder.onnx", latent=64, points={"xyz": torch.rand(1000, 3)})       # decoder(z, xyz)

    What is written is a copy on the CPU, in eval mode and float32, without parametrizations (spectral and weight norm,
    pruning). The module is left as it is, and so are the states of random number generators. Forward hooks are part
    of what a module computes: they are called on the copy.

    A file that latentflow does not read would be of no use here, so none is written where an operator says that already: by
    its mode, three axes of pixels, weights that are computed, or a second output. What it refuses beside that, a shape say,
    is said when the file is loaded; site/reference/onnx-operators.md of the npm package lists all. For other programs torch.onnx.export writes any module.

    Args:
        module: takes the latents and returns one tensor; the first axis of both is the batch. Inputs that have the name
            of a parameter of `forward` are passed by name, and if none has, by position: latents, fixed, points.
            DataParallel and torch.compile are looked through.
        path: replaced as a whole once all is well. Decoders of 2 GiB and more have their weights in PATH.data.
        latent: how many latents there are; or the shape of a sample's, without the batch; or an example as the module
            takes it, with the batch. Of an example only the shape counts.
        fixed: inputs that are given and not sought, name → an example as the module takes it, with the batch axis:
            floats, or integers for class labels. Its rows are what the probe uses, so give several, that differ. If
            there are fewer rows than the probe needs, integers come again, and floats again in another order.
        points: coordinates, name → an example of floats: [points, c] where all samples share them, or
            [batch, points, c]. Their number stays open in the file.
        probe_rows: how many latents the probe has.
        seed: of the probe's latents, which are drawn from N(0, 1), and of the choice of values that it keeps.
        loss: what the decoder was trained with, which a reader then takes: "bce", binary cross entropy on outputs that end
            in a sigmoid, or "mse", squared error. Default: the file does not say, and its reader has to.
        prior: what codes are likely, which a reader then takes; d is how many latents there are, all axes together:
            {"name": "gaussian", "mean": 0, "std": 1}, what a VAE is trained with: mean and std are numbers or d of them;
            "covariance", d × d, may take the place of std. Or {"name": "gaussianMixture", "means": K × d, "stds": K × d,
            or "covariances": K × d × d, "weights": K shares, by default all alike}. "weight" is what its value in nats
            is multiplied by, by default 1. Numbers are lists, arrays or tensors. Default: none.
        start: where a reader starts to seek codes, in the shape of a sample's latents: numbers, an array or a tensor. Of an
            autoencoder's decoder the mean of its codes, encoder(images).mean(0), since those need not lie about 0.
            Default: 0.

    Raises:
        ValueError: what the module does is not a decoder's work, or takes operators that latentflow does not read, or an
            argument is wrong. Nothing is written then.
    """
    shown, path = path, _check_path(path)
    rows = _check_count("probe_rows", probe_rows)
    if loss not in (None, *LOSSES):
        raise ValueError("export: loss is {!r}, expected {} or None".format(loss, " or ".join(map(repr, LOSSES))))
    written_prior = None if prior is None else _check_prior(prior, math.prod(_latent_shape(latent)))
    written_start = None if start is None else _check_start(start, _latent_shape(latent))
    onnx = _import_onnx()
    with _undisturbed():
        decoder, notes = _float32_copy(module)
        inputs = _Inputs(decoder, latent, fixed, points)
        notes += inputs.notes(rows)
        # Two at least, for the rows to be compared.
        values = inputs.draw(max(rows, 2), seed)
        outputs = _evaluate(decoder, inputs, values)
        if loss == "bce" and not bool(((outputs >= 0) & (outputs <= 1)).all()):
            raise ValueError(
                'export: loss is "bce", but outputs are not in [0, 1]; end the module in a sigmoid: the loss on logits is '
                "the same after it"
            )
        probe = _write_probe(inputs, values, outputs, rows, seed)
        folder = tempfile.mkdtemp(prefix=".latentflow-", dir=os.path.dirname(path))
        try:
            written = os.path.join(folder, os.path.basename(path))
            _write_onnx(onnx, decoder, inputs, values, outputs, probe, loss, written_prior, written_start, written)
            notes += _verify(written, decoder, inputs, values, outputs)
            # A second file has the weights. It goes first: the graph must not be there without them.
            files = sorted(os.listdir(folder), key=lambda name: name == os.path.basename(path))
            for name in files:
                os.replace(os.path.join(folder, name), os.path.join(os.path.dirname(path), name))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if len(files) > 1:
        notes.append("The weights are in {}.data, since ONNX files end at 2 GiB: keep both together.".format(shown))
    size = sum(os.path.getsize(os.path.join(os.path.dirname(path), name)) for name in files)
    print(_report(shown, size, inputs, outputs, rows))
    for note in notes:
        print("  " + note)


# The arguments


def _check_path(path: Any) -> str:
    try:
        path = os.path.abspath(os.fspath(path))
    except TypeError:
        raise ValueError("export: path is {!r}, expected a file name, as 'decoder.onnx'".format(path)) from None
    if os.path.isdir(path):
        raise ValueError("export: path {} is a folder, expected a file name, as 'decoder.onnx'".format(path))
    if not os.path.isdir(os.path.dirname(path)):
        raise ValueError("export: there is no folder {}; make it first".format(os.path.dirname(path)))
    return path


def _check_count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("export: {} is {!r}, expected an integer >= 1".format(name, value))
    return value


def _check_prior(prior: Any, latent_size: int) -> str:
    """Checks a prior and formats it as JSON, as files have it."""
    examples = "{'name': 'gaussian', 'mean': 0, 'std': 1}"
    if not isinstance(prior, dict):
        raise ValueError("export: prior is {!r}, expected a dict, as {}".format(prior, examples))
    name = prior.get("name")
    if not isinstance(name, str) or name not in PRIORS:
        expected = " or ".join(map(repr, PRIORS))
        raise ValueError("export: prior['name'] is {!r}, expected {}, as in {}".format(name, expected, examples))
    known = PRIORS[name]
    for key in prior:
        if key not in ("name", "weight", *known):
            shown = ", ".join(map(repr, [*known, "weight"]))
            raise ValueError("export: prior has {!r}, which is nothing of {!r}, expected {}".format(key, name, shown))
    given = {key: value for key, value in prior.items() if value is not None}
    if name == "gaussian":
        if "std" in given and "covariance" in given:
            raise ValueError("export: prior has 'std' and 'covariance', expected one of them")
        given.setdefault("mean", 0)
        if "covariance" not in given:
            given.setdefault("std", 1)
        components = 1
    else:
        if "means" not in given or ("stds" in given) == ("covariances" in given):
            raise ValueError(
                "export: prior has {}, expected 'means' and one of 'stds' and 'covariances'".format(
                    ", ".join(map(repr, given))
                )
            )
        means = _prior_numbers("means", given["means"])
        components = len(means) if means.dim() else 1
        given.setdefault("weights", [1] * components)
    weight = _prior_numbers("weight", given.get("weight", 1))
    if weight.dim() > 0 or not weight > 0:
        raise ValueError("export: prior['weight'] is {!r}, expected a number > 0".format(given["weight"]))
    lengths = {"K": components, "d": latent_size}
    written: Dict[str, Any] = {"name": name, "weight": weight.item()}
    for key, axes in known.items():
        if key not in given:
            continue
        numbers = _prior_numbers(key, given[key])
        shape = [lengths[axis] for axis in axes]
        if list(numbers.shape) != shape and not (axes == "d" and numbers.dim() == 0):
            raise ValueError(
                "export: prior[{!r}] is of shape {}, expected {}{}; there are {} latents".format(
                    key, list(numbers.shape), "one number or " if axes == "d" else "", shape, latent_size
                )
            )
        if key in ("std", "stds", "weights") and not bool((numbers > 0).all()):
            raise ValueError("export: prior[{!r}] has {:g}, expected numbers > 0".format(key, numbers.min().item()))
        if axes.endswith("dd"):
            _check_covariances(key, numbers)
        written[key] = numbers.flatten().tolist() if numbers.dim() else numbers.item()
    if name == "gaussianMixture":
        total = sum(written["weights"])
        written["weights"] = [share / total for share in written["weights"]]
    return json.dumps(written)


def _prior_numbers(key: str, value: Any) -> torch.Tensor:
    try:
        numbers = torch.as_tensor(value, dtype=torch.float64).detach().cpu()
    except (TypeError, ValueError, RuntimeError):
        raise ValueError("export: prior[{!r}] is {!r}, expected numbers".format(key, value)) from None
    if not bool(torch.isfinite(numbers).all()):
        raise ValueError("export: prior[{!r}] is not finite; give numbers that are".format(key))
    return numbers


def _check_start(start: Any, shape: Shape) -> str:
    """Checks a start and formats it as JSON, whose decimals give each float32 back."""
    try:
        numbers = torch.as_tensor(start).detach().cpu().to(torch.float32)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError("export: start is {!r}, expected numbers".format(start)) from None
    if tuple(numbers.shape) != shape:
        raise ValueError(
            "export: start is of shape {}, expected {}, a sample's latents".format(list(numbers.shape), list(shape))
        )
    if not bool(torch.isfinite(numbers).all()):
        raise ValueError("export: start is not finite as float32; give numbers that are")
    return json.dumps(numbers.flatten().tolist())


def _check_covariances(key: str, matrices: torch.Tensor) -> None:
    largest = matrices.abs().amax(dim=(-2, -1), keepdim=True)
    # What rounding explains.
    if bool(((matrices - matrices.mT).abs() > 1e-6 * largest).any()):
        raise ValueError("export: prior[{!r}] is not symmetric, expected a covariance".format(key))
    if bool((torch.linalg.cholesky_ex(matrices).info > 0).any()):
        raise ValueError(
            "export: prior[{!r}] is not positive definite; it may have been estimated from too few codes: add to its "
            "diagonal".format(key)
        )


def _import_onnx() -> Any:
    try:
        return importlib.import_module("onnx")
    except ImportError:
        raise ImportError("PyTorch's exporter needs the package onnx: pip install onnx") from None


class _Input(NamedTuple):
    """An input of the graph; `example` has the batch axis, but for points that all samples share."""

    name: str
    kind: str  # "latent", "fixed", "points" or "shared points"
    example: torch.Tensor


class _Inputs:
    """Inputs of a module in the order of its parameters; calls the module with them."""

    def __init__(self, module: torch.nn.Module, latent: Any, fixed: Any, points: Any) -> None:
        given = [_fixed_input(name, value) for name, value in _check_names("fixed", fixed)]
        given += [_points_input(name, value) for name, value in _check_names("points", points)]
        names = [one.name for one in given]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError("export: {!r} is in fixed and in points; leave it out of one".format(twice[0]))
        self.latent = next(name for name in ("z", "latent", "latentflow_z") if name not in names)
        self.latent_shape = _latent_shape(latent)
        first = _Input(self.latent, "latent", torch.zeros((1,) + self.latent_shape))
        #: Parameters' names for the last inputs, where they cannot be passed by position.
        self.keywords: List[str] = []
        self.all = self._in_order(module, first, given)

    def _in_order(self, module: torch.nn.Module, latent: _Input, given: List[_Input]) -> List[_Input]:
        try:
            parameters = list(inspect.signature(module.forward).parameters.values())
        except (TypeError, ValueError):  # a ScriptModule
            return [latent] + given
        names = [one.name for one in given]
        positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        named = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        takes_any_name = any(p.kind == p.VAR_KEYWORD for p in parameters)
        takes_any_position = any(p.kind == p.VAR_POSITIONAL for p in parameters)
        shown = "forward({})".format(", ".join(str(p) for p in parameters))
        unknown = [name for name in names if name not in named]
        by_position = len(unknown) == len(names) and (
            takes_any_position or (len(positional) > len(names) and not takes_any_name)
        )
        if unknown and not by_position and not takes_any_name:
            raise ValueError(
                "export: {!r} is none of the parameters of {}; name the fixed inputs and points as they are "
                "there".format(unknown[0], shown)
            )
        latent_parameter = next((name for name in positional if by_position or name not in names), None)
        if latent_parameter is None and not takes_any_position:
            raise ValueError("export: {} leaves no parameter for the latents, expected one".format(shown))
        passed = positional[: 1 + len(names)] if by_position else [latent_parameter] + names
        missing = [
            p.name
            for p in parameters
            if p.default is p.empty and p.name not in passed and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        ]
        if missing:
            raise ValueError(
                "export: {} needs {!r} as well; give an example of it, fixed={{{!r}: ...}}".format(
                    shown, missing[0], missing[0]
                )
            )
        if by_position:
            return [latent] + given
        places = {name: place for place, name in enumerate(positional)}
        ordered = sorted([latent] + given, key=lambda one: places.get(self._parameter(one, latent_parameter), math.inf))
        for place, one in enumerate(ordered):
            if self.keywords or places.get(self._parameter(one, latent_parameter)) != place:
                self.keywords.append(self._parameter(one, latent_parameter))
        return ordered

    def _parameter(self, one: _Input, latent_parameter: Optional[str]) -> str:
        return latent_parameter or "" if one.name == self.latent else one.name

    def draw(self, rows: int, seed: int) -> Dict[str, torch.Tensor]:
        """Draws values of the inputs, as the module takes them."""
        generator = torch.Generator().manual_seed(seed)
        # One after the other, so that more rows go on where fewer ended.
        latents = [torch.randn(self.latent_shape, generator=generator) for _ in range(rows)]
        values = {}
        for one in self.all:
            if one.kind == "latent":
                values[one.name] = torch.stack(latents)
            elif one.kind == "fixed":
                values[one.name] = torch.stack([_row(one.example, row, generator) for row in range(rows)])
            else:
                count = one.example.shape[-2]
                chosen = torch.randperm(count, generator=generator)[:PROBE_POINTS].sort().values
                if one.kind == "shared points":
                    values[one.name] = one.example[chosen]
                else:
                    of_rows = torch.arange(rows) % one.example.shape[0]
                    values[one.name] = one.example[of_rows][:, chosen]
        return values

    def notes(self, rows: int) -> List[str]:
        return [
            "The probe has one value of {}: an example with several rows proves more.".format(one.name)
            for one in self.all
            if one.kind == "fixed" and len(one.example) == 1 < rows and not one.example.is_floating_point()
        ]

    def part(self, values: Dict[str, torch.Tensor], rows: slice) -> Dict[str, torch.Tensor]:
        """Selects rows of the batch."""
        shared = {one.name for one in self.all if one.kind == "shared points"}
        return {name: value if name in shared else value[rows] for name, value in values.items()}

    def fewer_points(self, values: Dict[str, torch.Tensor], count: int) -> Dict[str, torch.Tensor]:
        """Selects the first points."""
        points = {one.name for one in self.all if one.kind.endswith("points")}
        return {name: value[..., :count, :] if name in points else value for name, value in values.items()}

    def has_points(self) -> bool:
        return any(one.kind.endswith("points") for one in self.all)

    def caller(self, module: torch.nn.Module) -> torch.nn.Module:
        """Wraps the module as a function of the inputs in their order."""
        return _Call(module, self.keywords) if self.keywords else module

    def shown(self, values: Dict[str, torch.Tensor]) -> str:
        return ", ".join("{} {}".format(one.name, list(values[one.name].shape)) for one in self.all)


class _Call(torch.nn.Module):
    """A module whose last inputs are passed by name."""

    def __init__(self, module: torch.nn.Module, keywords: Sequence[str]) -> None:
        super().__init__()
        self.decoder = module
        self.keywords = list(keywords)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        first = len(inputs) - len(self.keywords)
        return self.decoder(*inputs[:first], **dict(zip(self.keywords, inputs[first:])))


def _latent_shape(latent: Any) -> Shape:
    problem = "expected how many latents there are, as 20, or their shape for one sample, as (4, 8, 8)"
    if isinstance(latent, torch.Tensor):
        if latent.dim() < 2:
            raise ValueError(
                "export: latent is an example of shape {}, expected one with the batch as its first axis; or give the "
                "number of latents, latent={}".format(list(latent.shape), latent.numel())
            )
        latent = tuple(latent.shape[1:])
    given = latent if isinstance(latent, (tuple, list)) else (latent,)
    try:
        lengths = tuple(operator.index(length) for length in given)
    except TypeError:
        lengths = ()
    if not lengths or min(lengths) < 1 or any(isinstance(length, bool) for length in given):
        raise ValueError("export: latent is {!r}, {}".format(latent, problem))
    return lengths


def _check_names(argument: str, values: Any) -> List[Tuple[str, Any]]:
    if values is None:
        return []
    if not isinstance(values, dict):
        raise ValueError(
            "export: {} is {}, expected a dict, as {{'label': torch.arange(10)}}".format(
                argument, type(values).__name__
            )
        )
    for name in values:
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError("export: {} has the name {!r}, expected an identifier, as 'label'".format(argument, name))
    return list(values.items())


def _as_tensor(argument: str, name: str, value: Any) -> torch.Tensor:
    try:
        tensor = torch.as_tensor(value).detach().cpu()
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(
            "export: {}[{!r}] is {}, expected a tensor".format(argument, name, type(value).__name__)
        ) from None
    if tensor.is_complex() or tensor.dtype == torch.bool:
        raise ValueError(
            "export: {}[{!r}] is of {}, expected floats, or integers for labels; give 0. and 1. in place of "
            "booleans".format(argument, name, tensor.dtype)
        )
    if tensor.is_floating_point():
        tensor = tensor.float()
        if not torch.isfinite(tensor).all():
            raise ValueError("export: {}[{!r}] is not finite; give an example that is".format(argument, name))
        return tensor
    # A probe holds float32, in which integers end at 2²⁴.
    if tensor.numel() and int(tensor.abs().max()) > 2**24:
        raise ValueError(
            "export: {}[{!r}] has integers up to {}, expected at most {}".format(
                argument, name, int(tensor.abs().max()), 2**24
            )
        )
    return tensor.long()


def _fixed_input(name: str, value: Any) -> _Input:
    example = _as_tensor("fixed", name, value)
    if example.dim() == 0 or example.numel() == 0:
        raise ValueError(
            "export: fixed[{!r}] is of shape {}, expected an example as the module takes it, the batch as its first "
            "axis: torch.tensor([3]) for a label, torch.zeros(1, 10) for ten values".format(name, list(example.shape))
        )
    return _Input(name, "fixed", example)


def _points_input(name: str, value: Any) -> _Input:
    example = _as_tensor("points", name, value)
    if not example.is_floating_point() or example.dim() not in (2, 3) or example.numel() == 0:
        raise ValueError(
            "export: points[{!r}] is {} of shape {}, expected floats of shape [points, c] where all samples share "
            "them, or [batch, points, c]; what is no list of points belongs in fixed".format(
                name, example.dtype, list(example.shape)
            )
        )
    return _Input(name, "shared points" if example.dim() == 2 else "points", example)


def _row(example: torch.Tensor, row: int, generator: torch.Generator) -> torch.Tensor:
    """Permutes a row of a fixed input: one-hot vectors stay one-hot, and values stay in their range."""
    value = example[row % example.shape[0]]
    if row < example.shape[0] or not value.is_floating_point():
        return value
    if value.max() == value.min():
        return torch.randn(value.shape, generator=generator)
    return value.flatten()[torch.randperm(value.numel(), generator=generator)].reshape(value.shape)


# The copy


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Float32 as it is, without gradients, whatever the program around has set; and its random numbers go on as if
    nothing had been drawn."""
    dtype = torch.get_default_dtype()
    precision = torch.get_float32_matmul_precision()
    on_cpu = torch.empty(0).device.type == "cpu"
    try:
        torch.set_default_dtype(torch.float32)
        # "medium" lets the CPU compute in bfloat16.
        torch.set_float32_matmul_precision("highest")
        with contextlib.ExitStack() as stack:
            stack.enter_context(torch.random.fork_rng(devices=[]))
            stack.enter_context(torch.no_grad())
            stack.enter_context(torch.autocast("cpu", enabled=False))
            # The fast path of transformers is one operation, which the exporter does not know.
            if hasattr(torch.backends, "mha"):
                stack.callback(torch.backends.mha.set_fastpath_enabled, torch.backends.mha.get_fastpath_enabled())
                torch.backends.mha.set_fastpath_enabled(False)
            if not on_cpu:  # torch.set_default_device, of PyTorch 2
                stack.enter_context(torch.device("cpu"))
            yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_float32_matmul_precision(precision)


def _float32_copy(module: Any) -> Tuple[torch.nn.Module, List[str]]:
    """Copies a module to the CPU, in eval mode and float32; returns notes about it, too."""
    if not isinstance(module, torch.nn.Module):
        message = "export: module is {}, expected a torch.nn.Module"
        if callable(module):
            message += "; give a module whose forward calls it"
        raise ValueError(message.format(type(module).__name__))
    while True:
        if isinstance(module, (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)):
            module = module.module
        elif isinstance(getattr(module, "_orig_mod", None), torch.nn.Module):  # torch.compile
            module = module._orig_mod
        else:
            break
    # deepcopy would copy on the module's device, and fails on tensors with a history, as weight_norm leaves them; what
    # is in the memo counts as copied.
    memo: Dict[int, Any] = {}
    rounded = set()
    for tensor in _tensors_of(module, set()):
        if isinstance(tensor, torch.nn.parameter.UninitializedTensorMixin):
            raise ValueError("export: the module has parameters without a shape; call it once, then export it")
        if tensor.is_meta:
            raise ValueError("export: the module has tensors on the device 'meta', without values; load them first")
        if tensor.is_complex():
            raise ValueError("export: the module has tensors of {}, expected real numbers".format(tensor.dtype))
        value = tensor.detach().to("cpu", copy=True)
        if tensor.is_floating_point() and tensor.dtype != torch.float32:
            rounded.add(str(tensor.dtype).replace("torch.", ""))
            value = value.float()
        is_parameter = isinstance(tensor, torch.nn.Parameter)
        memo[id(tensor)] = torch.nn.Parameter(value, requires_grad=False) if is_parameter else value
    try:
        decoder = copy.deepcopy(module, memo)
    except Exception as error:
        raise ValueError(
            "export: the module cannot be copied ({}: {}); make it anew and load its state_dict".format(
                type(error).__name__, error
            )
        ) from error
    # A ScriptModule copies itself, without the memo.
    decoder = decoder.cpu().float().eval()
    for part in decoder.modules():
        _simplify(part)
        for name, value in list(vars(part).items()):
            # Where forward makes tensors.
            if isinstance(value, torch.device) or (name == "device" and isinstance(value, str)):
                setattr(part, name, type(value)("cpu"))
    notes = []
    if rounded:
        notes.append(
            "The weights were {}; the file, and the probe, have them in float32.".format(" and ".join(sorted(rounded)))
        )
    return decoder, notes


def _tensors_of(value: Any, seen: set) -> Iterator[torch.Tensor]:
    """Yields all tensors of a module or container: parameters, buffers and plain attributes."""
    if id(value) in seen:
        return
    if isinstance(value, torch.Tensor):
        seen.add(id(value))
        yield value
    elif isinstance(value, torch.jit.ScriptModule):
        seen.add(id(value))
        for tensor in list(value.parameters()) + list(value.buffers()):
            yield from _tensors_of(tensor, seen)
    elif isinstance(value, (torch.nn.Module, dict, list, tuple)):
        seen.add(id(value))
        parts = vars(value) if isinstance(value, torch.nn.Module) else value
        for part in list(parts.values() if isinstance(parts, dict) else parts):
            yield from _tensors_of(part, seen)


def _simplify(module: torch.nn.Module) -> None:
    """Removes parametrizations of a weight from a module of the copy, which is in eval mode."""
    if parametrize.is_parametrized(module):
        values = {name: getattr(module, name).clone() for name in module.parametrizations}
        # Not parametrize.remove_parametrizations: it takes the names off the class, and the copy shares its class with
        # the user's module.
        module.__class__ = type(module).__bases__[0]
        del module.parametrizations
        for name, value in values.items():
            module.register_parameter(name, torch.nn.Parameter(value, requires_grad=False))
    for hook in list(module._forward_pre_hooks.values()):
        if isinstance(hook, _WeightNorm):
            torch.nn.utils.remove_weight_norm(module, hook.name)
        elif isinstance(hook, _SpectralNorm):
            torch.nn.utils.remove_spectral_norm(module, hook.name)
        elif isinstance(hook, prune.BasePruningMethod):
            prune.remove(module, hook._tensor_name)
    if type(module) is getattr(torch.nn, "RMSNorm", None):
        module.__class__ = _RMSNorm


class _RMSNorm(getattr(torch.nn, "RMSNorm", torch.nn.Module)):  # type: ignore[misc]
    """Computes RMSNorm in small steps, since PyTorch 2.6's exporter lacks rms_norm."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        axes = [axis - len(self.normalized_shape) for axis in range(len(self.normalized_shape))]
        eps = torch.finfo(x.dtype).eps if self.eps is None else self.eps
        y = x * torch.rsqrt(x.pow(2).mean(axes, keepdim=True) + eps)
        return y if self.weight is None else y * self.weight


# What it computes


def _evaluate(module: torch.nn.Module, inputs: _Inputs, values: Dict[str, torch.Tensor]) -> torch.Tensor:
    """Computes the outputs, and checks that each row depends on that row alone."""
    outputs = _call(module, inputs, values)
    rows = values[inputs.latent].shape[0]
    if outputs.dim() == 0 or outputs.shape[0] != rows:
        raise ValueError(
            "export: the module returns {} for {}, expected the batch as the first axis, {}; do not squeeze or sum it "
            "away".format(list(outputs.shape), inputs.shown(values), [rows, "..."])
        )
    if outputs.numel() == 0:
        raise ValueError("export: the module returns {}, no values".format(list(outputs.shape)))
    if not torch.isfinite(outputs).all():
        raise ValueError(
            "export: {} of the {} values that the module returns for latents drawn from N(0, 1) are not finite; look "
            "for NaN in its weights, and for overflow".format(
                int((~torch.isfinite(outputs)).sum()), outputs.numel()
            )
        )
    tolerance = SAME * float(outputs.abs().max())
    again = _call(module, inputs, values)
    if again.shape != outputs.shape or not _close(again, outputs, tolerance):
        raise ValueError(
            "export: the module returns other values when it is called again with the same inputs, even in eval mode; "
            "take the random numbers out of it (F.dropout without training=self.training, noise layers, sampling)"
        )
    _check_rows(module, inputs, values, outputs, tolerance)
    if inputs.has_points():
        _check_points(module, inputs, values, outputs, tolerance)
    spread = float((outputs - outputs.mean(0)).abs().max())
    if spread <= HARDLY_DIFFERENT * float(outputs.abs().max()):
        warnings.warn(
            "export: the outputs for different latents hardly differ, by {:.1e} at values of {:.1e}, so the probe "
            "proves little; is the decoder trained?".format(spread, float(outputs.abs().max())),
            stacklevel=3,
        )
    return outputs


def _call(module: torch.nn.Module, inputs: _Inputs, values: Dict[str, torch.Tensor]) -> torch.Tensor:
    try:
        # Copies, since a module may change its inputs.
        outputs = inputs.caller(module)(*(values[one.name].clone() for one in inputs.all))
    except Exception as error:
        raise ValueError(
            "export: the module fails on {} ({}: {}); expected shapes that it takes{}".format(
                inputs.shown(values), type(error).__name__, error, _hint(module)
            )
        ) from error
    if not isinstance(outputs, torch.Tensor):
        shown = type(outputs).__name__
        if isinstance(outputs, (tuple, list)):
            shown += " of {}".format(len(outputs))
        raise ValueError(
            "export: the module returns a {}, expected one tensor; wrap it in a module that returns the "
            "reconstruction alone".format(shown)
        )
    if outputs.dtype != torch.float32:
        raise ValueError(
            "export: the module returns {}, expected float32; it must not cast to another type by itself".format(
                outputs.dtype
            )
        )
    return outputs.detach()


def _hint(module: torch.nn.Module) -> str:
    """Returns the input size of the first layer, which usually reads the latents."""
    for name, part in module.named_modules():
        for attribute in ("in_features", "in_channels"):
            size = getattr(part, attribute, None)
            if isinstance(size, int):
                return "; its first layer{} has {}={}".format(" " + repr(name) if name else "", attribute, size)
    return ""


def _check_rows(
    module: torch.nn.Module,
    inputs: _Inputs,
    values: Dict[str, torch.Tensor],
    outputs: torch.Tensor,
    tolerance: float,
) -> None:
    problem = "export: the module's output for a row depends on the batch around it: {}; {}"
    culprits = [
        name or type(part).__name__
        for name, part in module.named_modules()
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm) and part.running_mean is None
    ]
    remedy = "it must compute each row from that row alone"
    if culprits:
        remedy = "{!r} has no running statistics: make it with track_running_stats=True and train it so".format(
            culprits[0]
        )
    for row in range(outputs.shape[0]):
        try:
            alone = _call(module, inputs, inputs.part(values, slice(row, row + 1)))
        except ValueError as error:
            raise ValueError(problem.format("a row alone fails ({})".format(error), remedy)) from error
        if alone.shape[1:] != outputs.shape[1:]:
            raise ValueError(
                problem.format("alone it is {}, in the batch {}".format(list(alone.shape), list(outputs.shape)), remedy)
            )
        if not _close(alone[0], outputs[row], tolerance):
            difference = float((alone[0] - outputs[row]).abs().max())
            raise ValueError(problem.format("alone it differs by {:.1e}".format(difference), remedy))


def _check_points(
    module: torch.nn.Module,
    inputs: _Inputs,
    values: Dict[str, torch.Tensor],
    outputs: torch.Tensor,
    tolerance: float,
) -> None:
    names = [one.name for one in inputs.all if one.kind.endswith("points")]
    counts = {values[name].shape[-2] for name in names}
    if len(counts) > 1:
        raise ValueError(
            "export: the examples in points have {} points, expected as many in each".format(sorted(counts))
        )
    count = counts.pop()
    problem = "export: with {} points the module returns {}, expected the points as the second axis, {}"
    if outputs.dim() < 2 or outputs.shape[1] != count:
        expected = [outputs.shape[0], count, "..."]
        raise ValueError(problem.format(count, list(outputs.shape), expected))
    fewer = max(1, count // 2)
    some = _call(module, inputs, inputs.fewer_points(values, fewer))
    if some.shape != outputs[:, :fewer].shape:
        raise ValueError(problem.format(fewer, list(some.shape), list(outputs[:, :fewer].shape)))
    if not _close(some, outputs[:, :fewer], tolerance):
        raise ValueError(
            "export: the output at a point depends on the other points, expected each from its own coordinates; what "
            "is no list of points belongs in fixed"
        )


def _close(a: torch.Tensor, b: torch.Tensor, tolerance: float) -> bool:
    return bool((a - b).abs().max() <= tolerance)


# The probe


def _write_probe(
    inputs: _Inputs, values: Dict[str, torch.Tensor], outputs: torch.Tensor, rows: int, seed: int
) -> bytes:
    """
    A safetensors file with the metadata {"format": "1"} and the tensors

        z           F32 [rows, d]       latents, flattened
        fixed.NAME  F32 [rows, ...]     the fixed inputs and the points, integers as floats; shared points in every row
        indices     I32 [k]             which values of an output, flattened, are kept, rising; absent when all are
        x           F32 [rows, k]       the outputs
    """
    tensors = {"z": values[inputs.latent][:rows].reshape(rows, -1)}
    for one in inputs.all:
        if one.kind == "latent":
            continue
        value = values[one.name].float()
        if one.kind == "shared points":
            value = value.expand((rows,) + tuple(value.shape))
        tensors["fixed." + one.name] = value[:rows]
    x = outputs[:rows].reshape(rows, -1)
    if x.shape[1] > PROBE_VALUES:
        generator = torch.Generator().manual_seed(seed)
        indices = torch.randperm(x.shape[1], generator=generator)[:PROBE_VALUES].sort().values
        tensors["indices"] = indices.int()
        x = x[:, indices]
    tensors["x"] = x
    return _write_safetensors(tensors, {"format": "1"})


def _write_safetensors(tensors: Dict[str, torch.Tensor], metadata: Dict[str, str]) -> bytes:
    header: Dict[str, Any] = {"__metadata__": metadata}
    data = b""
    for name, tensor in tensors.items():
        letter, dtype = ("f", "F32") if tensor.is_floating_point() else ("i", "I32")
        part = struct.pack("<{}{}".format(tensor.numel(), letter), *tensor.flatten().tolist())
        header[name] = {
            "dtype": dtype,
            "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(part)],
        }
        data += part
    return _safetensors_header(header) + data


def _safetensors_header(header: Dict[str, Any]) -> bytes:
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


# The file


def _write_onnx(
    onnx: Any,
    module: torch.nn.Module,
    inputs: _Inputs,
    values: Dict[str, torch.Tensor],
    outputs: torch.Tensor,
    probe: bytes,
    loss: Optional[str],
    prior: Optional[str],
    start: Optional[str],
    path: str,
) -> None:
    axes = {}
    for one in inputs.all:
        axes[one.name] = {
            "shared points": {0: "points"},
            "points": {0: "batch", 1: "points"},
        }.get(one.kind, {0: "batch"})
    output = next(name for name in ("x", "output", "latentflow_x") if name not in axes)
    axes[output] = {0: "batch", 1: "points"} if inputs.has_points() else {0: "batch"}
    options: Dict[str, Any] = {}
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        # The newer exporter needs another package, and writes the weights to a second file.
        options["dynamo"] = False
    raw = os.path.join(os.path.dirname(path), "raw")
    os.mkdir(raw)
    try:
        with warnings.catch_warnings():
            # That this exporter is the older one, and what it does not fold and guess. What the trace freezes of the
            # user's code is left, and what PyTorch's own code checks is not.
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.filterwarnings("ignore", category=torch.jit.TracerWarning, module=r"torch\b")
            warnings.filterwarnings("ignore", message=".*(Constant folding|constant folding|_decide_input_format)")
            torch.onnx.export(
                inputs.caller(module),
                tuple(values[one.name].clone() for one in inputs.all),
                os.path.join(raw, "decoder.onnx"),
                input_names=[one.name for one in inputs.all],
                output_names=[output],
                dynamic_axes=axes,
                opset_version=OPSET,
                **options,
            )
    except Exception as error:
        raise ValueError(
            "export: PyTorch's exporter fails ({}: {}); compute what it names by simpler operations".format(
                type(error).__name__, str(error).strip()
            )
        ) from error
    model = onnx.load(os.path.join(raw, "decoder.onnx"))
    shutil.rmtree(raw)
    # An input that the module does not use is dropped by the exporter, and the probe would name what is not there.
    names = [one.name for one in model.graph.input]
    for one in inputs.all:
        if one.name not in names:
            raise ValueError(
                "export: the output does not depend on {!r}; {}".format(
                    one.name, "is it a decoder?" if one.kind == "latent" else "leave it out"
                )
            )
    _check_operators(onnx, model.graph, inputs, module)
    _declare_shape(model.graph.output[0], axes[output], outputs)
    points = [one.name for one in inputs.all if one.kind in ("points", "shared points")]
    metadata = [
        ("latentflow.latent", inputs.latent),
        ("latentflow.probe", base64.b64encode(probe).decode()),
    ]
    if points:
        metadata.append(("latentflow.points", json.dumps(points)))
    if loss is not None:
        metadata.append(("latentflow.loss", json.dumps({"name": LOSSES[loss], "reduction": "mean"})))
    if prior is not None:
        metadata.append(("latentflow.prior", prior))
    if start is not None:
        metadata.append(("latentflow.start", start))
    for key, value in metadata:
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    # Not ByteSize(), which fails beyond 2 GiB.
    if sum(len(tensor.raw_data) for tensor in model.graph.initializer) <= ONE_FILE_BYTES:
        onnx.save_model(model, path)
    else:
        onnx.save_model(
            model,
            path,
            save_as_external_data=True,
            all_tensors_to_one_file=True,
            location=os.path.basename(path) + ".data",
        )


def _check_operators(onnx: Any, graph: Any, inputs: _Inputs, module: torch.nn.Module) -> None:
    """Refuses nodes that latentflow does not read, by their operators, modes, axes or inputs."""
    computed = {one.name for one in inputs.all}
    axes = _pixel_axes(graph)
    used = {name for node in graph.node for name in node.input if name} | {one.name for one in graph.output}
    unread = []
    for node in graph.node:
        # A shape is known for any batch, and any number of points.
        if node.op_type not in ("Shape", "Size") and any(name in computed for name in node.input):
            computed.update(node.output)
        reason = _why_unread(onnx, node, computed, axes, used)
        if reason is not None:
            unread.append("{} {}{}".format(node.op_type, _place(node, inputs, module), reason and ": " + reason))
    if unread:
        # A module may be several nodes, one for each layer of an LSTM say.
        each = list(dict.fromkeys(unread))
        shown = ", ".join(each[:12]) + (" and {} more".format(len(each) - 12) if len(each) > 12 else "")
        raise ValueError(
            "export: latentflow does not read what {} written for: {}; site/reference/onnx-operators.md of the npm package lists the "
            "operators that it reads, and what to take in place of others".format(
                "a node is" if len(unread) == 1 else "nodes are", shown
            )
        )


def _pixel_axes(graph: Any) -> Dict[str, int]:
    """Returns how many axes of pixels a node reads, by its output's name, as far as PyTorch's exporter writes it down."""
    makers = {name: node for node in graph.node for name in node.output}
    counts = {tensor.name: math.prod(tensor.dims) for tensor in graph.initializer}
    axes = {}
    for node in graph.node:
        given = {attribute.name: attribute for attribute in node.attribute}
        if node.op_type == "Constant" and "value" in given:
            counts[node.output[0]] = math.prod(given["value"].t.dims)
        elif "kernel_shape" in given:
            axes[node.output[0]] = len(given["kernel_shape"].ints)
        elif node.op_type == "Resize" and node.input[2:3] and node.input[2]:
            axes[node.output[0]] = counts.get(node.input[2], 2) - 2
        elif node.op_type == "Resize" and node.input[3:]:
            # Sizes are the lengths of the batch and the channels, which are computed, before those of pixels.
            sizes = makers.get(node.input[3])
            axes[node.output[0]] = counts.get(sizes.input[-1], 0) if sizes and sizes.op_type == "Concat" else 0
    return axes


def _why_unread(onnx: Any, node: Any, computed: Set[str], axes: Dict[str, int], used: Set[str]) -> Optional[str]:
    """Returns why latentflow does not read a node, "" if it lacks the operator; None if it reads it."""
    name = node.op_type
    if node.domain not in ("", "ai.onnx") or name not in OPERATORS | OPERATORS_OF_CONSTANTS:
        return ""
    if name in OPERATORS_OF_CONSTANTS and any(output in computed for output in node.output):
        return "it depends on inputs; of these only constants are read"
    for place, output in enumerate(node.output):
        if place > 0 and name != "Split" and output in used:
            return "its output {} is used, expected the first one alone".format(place)
    for place in CONSTANT_INPUTS.get(name, ()):
        if node.input[place : place + 1] and node.input[place] in computed:
            return "its input {} is computed, expected a constant".format(place)
    if name in OPERATORS_OF_PIXELS and axes.get(node.output[0], 0) > 2:
        shown = axes[node.output[0]]
        return "it reads {} axes of pixels, expected [batch, channels, height, width] or one axis less".format(shown)
    choices = CHOICES.get(name, {})
    for attribute in node.attribute:
        if attribute.name in choices:
            value = onnx.helper.get_attribute_value(attribute).decode()
            if value not in choices[attribute.name]:
                expected = " or ".join('"{}"'.format(choice) for choice in choices[attribute.name])
                return 'its {} is "{}", expected {}'.format(attribute.name, value, expected)
    return None


def _place(node: Any, inputs: _Inputs, module: torch.nn.Module) -> str:
    """
    Which module a node is of: PyTorch's exporter calls those of net.0 in block "/block/net/net.0/Gemm".
    """
    path: List[str] = []
    for part in node.name.strip("/").split("/")[:-1]:
        if path and part.startswith(path[-1] + "."):
            path.pop()
        path.append(part)
    caller = inputs.caller(module)
    owner = dict(caller.named_modules()).get(".".join(path))
    if owner is None:
        return "(node {!r})".format(node.name)
    if caller is not module:
        path = path[1:]
    kind = type(owner).__name__
    return "of {!r} ({})".format(".".join(path), kind) if path else "of the module itself ({})".format(kind)


def _declare_shape(output: Any, names: Dict[int, str], outputs: torch.Tensor) -> None:
    """Replaces the exporter's shapes, which may be those of the trace or name a height after the batch."""
    shape = output.type.tensor_type.shape
    del shape.dim[:]
    for axis, length in enumerate(outputs.shape):
        dim = shape.dim.add()
        if axis in names:
            dim.dim_param = names[axis]
        else:
            dim.dim_value = length


def _verify(
    path: str,
    module: torch.nn.Module,
    inputs: _Inputs,
    values: Dict[str, torch.Tensor],
    outputs: torch.Tensor,
) -> List[str]:
    """Runs the file in onnxruntime, if installed: as exported, then for one row and for fewer points."""
    if importlib.util.find_spec("onnxruntime") is None:
        return ["Not checked with onnxruntime, which is not installed: pip install onnxruntime"]
    cases = [(values, outputs, "")]
    cases.append((inputs.part(values, slice(0, 1)), outputs[:1], "one row"))
    if inputs.has_points():
        fewer = max(1, outputs.shape[1] // 2)
        cases.append((inputs.fewer_points(values, fewer), outputs[:, :fewer], "{} points".format(fewer)))
    found = _run_onnxruntime(path, [some for some, _, _ in cases])
    if isinstance(found, str):
        return ["Not checked: onnxruntime fails on it ({})".format(found)]
    scale = float(outputs.abs().max())
    deviation = _deviation(found[0], outputs)
    if not deviation <= SAME * scale:
        raise ValueError(
            "export: PyTorch's exporter has written another function, which deviates by {:.1e} at values of {:.1e}; "
            "look at its warnings: what Python computes from values, as in an if, is frozen at the trace".format(
                deviation, scale
            )
        )
    for other, (_, expected, what) in zip(found[1:], cases[1:]):
        if not _deviation(other, expected) <= SAME * scale:
            raise ValueError(
                "export: the graph that PyTorch's exporter has written is another function for {} than for {}; the "
                "module makes a number of a length: write x.shape[0] without int(), or -1".format(
                    what, inputs.shown(values)
                )
            )
    return [
        "onnxruntime computes the same: it deviates by {:.1e} at most, at values of {:.1e}.".format(deviation, scale)
    ]


def _deviation(found: Optional[torch.Tensor], expected: torch.Tensor) -> float:
    if found is None or found.shape != expected.shape:
        return math.inf
    return float((found - expected).abs().max())


def _run_onnxruntime(
    path: str, cases: Sequence[Dict[str, torch.Tensor]]
) -> Union[str, List[Optional[torch.Tensor]]]:
    """
    The file's outputs for some inputs, None where it fails on them; or why it is not read.

    In a process of its own: Debian's onnx and onnxruntime share a library, and the second of them to be imported prints
    a thousand lines of errors.
    """
    numpy = importlib.import_module("numpy")
    with tempfile.TemporaryDirectory() as folder:
        for index, case in enumerate(cases):
            arrays = {name: value.numpy() for name, value in case.items()}
            numpy.savez(os.path.join(folder, "in{}.npz".format(index)), **arrays)
        try:
            subprocess.run(
                [sys.executable, "-c", _ONNXRUNTIME, path, folder, str(len(cases))],
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=600,
            )
        except subprocess.CalledProcessError as error:
            lines = error.stderr.decode(errors="replace").strip().splitlines()
            return lines[-1] if lines else "exit code {}".format(error.returncode)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        files = [os.path.join(folder, "out{}.npy".format(index)) for index in range(len(cases))]
        return [torch.from_numpy(numpy.load(file)) if os.path.exists(file) else None for file in files]


_ONNXRUNTIME = """
import os, sys
import numpy, onnxruntime
path, folder, count = sys.argv[1:]
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
for index in range(int(count)):
    inputs = dict(numpy.load(os.path.join(folder, "in%d.npz" % index)))
    try:
        output = session.run(None, inputs)[0]
    except Exception:
        continue
    numpy.save(os.path.join(folder, "out%d.npy" % index), output)
"""


def _report(path: Any, size: int, inputs: _Inputs, outputs: torch.Tensor, rows: int) -> str:
    shape = list(outputs.shape[1:])
    kept = min(outputs[0].numel(), PROBE_VALUES)
    return "Wrote {}: {:,} bytes, latent {} {}{}, output {}, probe of {} rows × {:,} values.".format(
        path,
        size,
        inputs.latent,
        list(inputs.latent_shape),
        "".join(", {} {}".format(one.kind, one.name) for one in inputs.all if one.kind != "latent"),
        ["points"] + shape[1:] if inputs.has_points() else shape,
        rows,
        kept,
    )


# The program


def _probe_file(
    path: str, module: torch.nn.Module, latent: Any, out: str, rows: int, seed: int, force: bool
) -> str:
    """Writes the safetensors file `path` with a probe of `module` to `out`, and prints what it did."""
    shown, out = out, _check_path(out)
    _refuse_existing(out, force)
    header, data = _read_safetensors(path)
    metadata = header.get("__metadata__", {})
    with _undisturbed():
        decoder, _ = _float32_copy(module)
        _load_state(decoder, path, header, data)
        inputs = _Inputs(decoder, latent, None, None)
        values = inputs.draw(max(rows, 2), seed)
        outputs = _evaluate(decoder, inputs, values)
        _check_sigmoid(metadata, outputs)
        probe = _write_probe(inputs, values, outputs, rows, seed)
    header["__metadata__"] = {**metadata, "latentflow.probe": base64.b64encode(probe).decode()}
    start = _safetensors_header(header)
    if len(start) > SAFETENSORS_HEADER_BYTES:
        raise ValueError(
            "export: with the probe the file's header has {:,} bytes, expected at most {:,}; give fewer rows".format(
                len(start), SAFETENSORS_HEADER_BYTES
            )
        )
    handle, temporary = tempfile.mkstemp(prefix=".latentflow-", dir=os.path.dirname(out))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(start)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, temporary)
        _refuse_existing(out, force)
        os.replace(temporary, out)
    except BaseException:
        os.unlink(temporary)
        raise
    return _report(shown, len(start) + len(data), inputs, outputs, rows)


def _refuse_existing(out: str, force: bool) -> None:
    if os.path.exists(out) and not force:
        raise ValueError("export: {} is there already; give another --out, or --force to replace it".format(out))


_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def _read_safetensors(path: str) -> Tuple[Dict[str, Any], bytearray]:
    """Returns the parsed header, and the bytes after it."""
    with open(path, "rb") as file:
        try:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > os.path.getsize(path):
                raise ValueError
            header = json.loads(file.read(length).decode())
            if not isinstance(header, dict):
                raise ValueError
        except (ValueError, struct.error):
            raise ValueError("export: {} is no safetensors file".format(path)) from None
        return header, bytearray(file.read())


def _load_state(module: torch.nn.Module, path: str, header: Dict[str, Any], data: bytearray) -> None:
    state = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            dtype = _DTYPES[entry["dtype"]]
            begin, end = entry["data_offsets"]
            part = torch.frombuffer(data[begin:end], dtype=dtype) if end > begin else torch.empty(0, dtype=dtype)
            state[name] = part.reshape(entry["shape"])
        except (KeyError, TypeError, ValueError, RuntimeError):
            raise ValueError(
                "export: {} has the tensor {!r} as {}, which cannot be read".format(path, name, entry)
            ) from None
    # The file of a part, model.decoder.0.weight, say, for a factory that returns that part.
    names = list(module.state_dict())
    for name in state:
        prefix = name[: -len(names[0])] if names and name.endswith("." + names[0]) else ""
        if prefix and set(state) == {prefix + own for own in names}:
            state = {name[len(prefix) :]: tensor for name, tensor in state.items()}
            break
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(
            "export: the tensors of {} are not those of the module that the factory returns ({})".format(
                path, " ".join(str(error).split())
            )
        ) from None


def _check_sigmoid(metadata: Dict[str, str], outputs: torch.Tensor) -> None:
    """Checks that the module ends in the sigmoid of the file's metadata."""
    after = metadata.get("outputActivation", "sigmoid" if metadata.get("loss", "").lower().startswith("b") else "")
    if after == "sigmoid" and not (float(outputs.min()) >= 0 and float(outputs.max()) <= 1):
        raise ValueError(
            "export: by the file's metadata the decoder ends in a sigmoid, but the module returns values from {:.2g} "
            "to {:.2g}; put a torch.nn.Sigmoid at the end of what the factory returns".format(
                float(outputs.min()), float(outputs.max())
            )
        )


def _find_module(text: str) -> torch.nn.Module:
    """Loads package.module:factory: a module, or a function or class that makes one without arguments."""
    name, _, attribute = text.partition(":")
    if not name or not attribute:
        raise ValueError("export: --module is {!r}, expected package.module:factory".format(text))
    sys.path.insert(0, os.getcwd())
    try:
        value = importlib.import_module(name)
        for part in attribute.split("."):
            value = getattr(value, part)
    except (ImportError, AttributeError) as error:
        raise ValueError("export: --module {} is not found ({})".format(text, error)) from None
    module = value if isinstance(value, torch.nn.Module) else value()
    if not isinstance(module, torch.nn.Module):
        raise ValueError("export: {} returns {}, expected a torch.nn.Module".format(text, type(module).__name__))
    return module


def _parse_latent(text: str) -> Union[int, Tuple[int, ...]]:
    lengths = tuple(int(part) for part in text.split(","))
    return lengths[0] if len(lengths) == 1 else lengths


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs the program; returns its exit code: 0 done, 1 a file or module that cannot be used, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="latentflow_export.py", description="Decoders of PyTorch for latentflow. In Python: export()."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    probe = commands.add_parser(
        "probe",
        help="write a safetensors file again, with a probe in it",
        description="Writes a safetensors file again, with a probe in its metadata: a few latents, and what PyTorch "
        "says the decoder is there, by which latentflow proves when it loads the file that it computes the same.",
    )
    probe.add_argument("file", help="the safetensors file")
    probe.add_argument(
        "--latent", required=True, type=_parse_latent, help="how many latents, or their shape: 20; 4,8,8"
    )
    probe.add_argument(
        "--module",
        required=True,
        metavar="PACKAGE.MODULE:FACTORY",
        help="what returns the decoder, a torch.nn.Module, when it is called; its weights are then the file's",
    )
    probe.add_argument("--out", help="the file to write (default: FILE.probe.safetensors without FILE's own ending)")
    probe.add_argument("--rows", type=int, default=4, help="how many latents the probe has (default: 4)")
    probe.add_argument("--seed", type=int, default=0, help="of the latents (default: 0)")
    probe.add_argument("--force", action="store_true", help="replace the file to write")
    options = parser.parse_args(arguments)
    if not options.command:
        parser.print_help()
        return 2
    out = options.out or os.path.splitext(options.file)[0] + ".probe.safetensors"
    try:
        module = _find_module(options.module)
        rows = _check_count("--rows", options.rows)
        print(_probe_file(options.file, module, options.latent, out, rows, options.seed, options.force))
    except (ValueError, OSError) as error:
        print("latentflow_export.py: " + str(error).replace("export: ", "", 1), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
