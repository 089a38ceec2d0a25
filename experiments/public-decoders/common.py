"""
Shared by the scripts of this folder: weights that make outputs vary, and the files that each script writes.

A script writes NAME.onnx and NAME.check.npz, which load.ts compares the reader with:

    z           float32 [2, ...]    latents
    fixed.NAME  [2, ...]            fixed inputs; points [points, c]
    x           float32 [2, ...]    outputs by ONNX Runtime
    y           float32 [2, ...]    data: each row the other one's output
    gradient    float64 [2, ...]    of each row's mean squared error, for z, by PyTorch in float64
    rounded     float32 [2, ...]    the same by PyTorch in float32: how far rounding alone leads
"""

import os
import sys

import numpy
import torch
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "python"))

from latentflow_export import _run_onnxruntime, export  # noqa: E402

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)
ROWS = 2
POINTS = 64


def vary(module, *inputs, skip=()):
    """
    Scales random weights so that what each layer returns has mean 0 and variance 1 on these inputs. Weights as PyTorch
    draws them make a deep decoder nearly constant. Norms get scales around 1, shifts around 0 and statistics.
    """

    def scale(layer, _, output):
        axis = 1 if output.dim() > 2 and not isinstance(layer, nn.Linear) else output.dim() - 1
        others = [a for a in range(output.dim()) if a != axis]
        mean = output.mean(others, keepdim=True)
        factor = 1 / (output - mean).pow(2).mean().sqrt()
        layer.weight.mul_(factor)
        if layer.bias is None:
            return output * factor
        layer.bias.add_(-mean.flatten()).mul_(factor)
        return (output - mean) * factor

    hooks = []
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, LAYERS) and layer not in skip:
                hooks.append(layer.register_forward_hook(scale))
            elif isinstance(layer, NORMS):
                if layer.weight is not None:
                    layer.weight.normal_(1, 0.2)
                    layer.bias.normal_(0, 0.2)
                if hasattr(layer, "momentum"):
                    layer.momentum = 1.0  # the statistics of these inputs
        module.train()
        module(*inputs)
    for hook in hooks:
        hook.remove()
    return module.eval()


def write(name, module, **inputs):
    """
    Exports a decoder to NAME.onnx in the folder that the command line names, with NAME.check.npz, and prints its size,
    or why it is refused.
    """
    path = path_of(name)
    try:
        export(module, path, **inputs)
    except ValueError as error:
        print("{}.onnx  refused: {}".format(name, str(error).splitlines()[0]))
        return
    report(path, module)
    latent = inputs["latent"] if isinstance(inputs["latent"], tuple) else (inputs["latent"],)
    fixed = {
        key: value[torch.arange(ROWS) % len(value)] for key, value in (inputs.get("fixed") or {}).items()
    }
    points = {key: value[:POINTS] for key, value in (inputs.get("points") or {}).items()}
    check(path, module, torch.randn(ROWS, *latent), fixed, points)


def write_as(name, module, z, opset=17, latent="z", output="x", axes=None):
    """Exports a decoder by PyTorch alone, without a probe; lengths that are not in `axes` are part of the file."""
    path = path_of(name)
    torch.onnx.export(
        module,
        z,
        path,
        dynamo=False,
        opset_version=opset,
        input_names=[latent],
        output_names=[output],
        dynamic_axes=axes or {},
    )
    report(path, module)
    check(path, module, z, latent=latent)


def path_of(name):
    if len(sys.argv) != 2:
        sys.exit("usage: python {} FOLDER".format(sys.argv[0]))
    os.makedirs(sys.argv[1], exist_ok=True)
    return os.path.join(sys.argv[1], name + ".onnx")


def report(path, module):
    parameters = sum(parameter.numel() for parameter in module.parameters())
    print("{}  {:,} parameters  {:,} bytes".format(os.path.basename(path), parameters, os.path.getsize(path)))


def check(path, module, z, fixed=None, points=None, latent="z"):
    """Writes what load.ts compares the reader of the file with. `z` has a row for each sample."""
    others = {**(fixed or {}), **(points or {})}
    found = _run_onnxruntime(path, [{latent: z, **others}])
    if isinstance(found, str):
        sys.exit("onnxruntime fails on {}: {}".format(path, found))
    x = found[0]
    y = x.roll(1, 0)
    arrays = {"z": z, "x": x, "y": y, "rounded": gradient(module, z, others, y)}
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    module.double()
    wide = {name: value.double() if value.is_floating_point() else value for name, value in others.items()}
    arrays["gradient"] = gradient(module, z.double(), wide, y)
    module.float()
    torch.set_default_dtype(dtype)
    arrays.update(("fixed." + name, value) for name, value in others.items())
    numpy.savez(path.replace(".onnx", ".check.npz"), **{name: value.numpy() for name, value in arrays.items()})


def gradient(module, z, others, y):
    """The gradient of each row's mean squared error for z."""
    z = z.clone().requires_grad_()
    loss = (module(z, **others) - y).pow(2).flatten(1).mean(1).sum()
    return torch.autograd.grad(loss, z)[0]
