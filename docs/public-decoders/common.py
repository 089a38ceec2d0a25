"""What the scripts of this folder share: weights that make outputs vary, and the writing of a file."""

import hashlib
import os
import sys

import torch
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "python"))

from latentflow_export import export  # noqa: E402

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)


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
    Exports a decoder to NAME.onnx in the folder that the command line names, and prints its size and sha256, or why it is
    refused.
    """
    if len(sys.argv) != 2:
        sys.exit("usage: python {} FOLDER".format(sys.argv[0]))
    os.makedirs(sys.argv[1], exist_ok=True)
    path = os.path.join(sys.argv[1], name + ".onnx")
    try:
        export(module, path, **inputs)
    except ValueError as error:
        print("{}.onnx  refused: {}".format(name, error))
    else:
        report(path, module)


def report(path, module):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    parameters = sum(parameter.numel() for parameter in module.parameters())
    print(
        "{}  {:,} parameters  {:,} bytes  sha256 {}".format(
            os.path.basename(path), parameters, os.path.getsize(path), digest.hexdigest()
        )
    )
