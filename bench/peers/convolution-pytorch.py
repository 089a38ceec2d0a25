"""The z-gradient of a DCGAN in PyTorch, and encoding with it. A line of JSON in, a line of JSON out; times are taken here."""

import json
import sys
import time

import torch
import torch.nn.functional as F
from amd import AMD, amd
from training import train

layers = []
between = None
start_shape = None
y = None
z = None


def read(file, *shape):
    return torch.from_file(file, shared=False, size=torch.Size(shape).numel()).reshape(shape)


def decode(latents):
    (weight, bias), *convolutions = layers
    rows = between(F.linear(latents, weight, bias)).reshape(-1, *start_shape)
    for i, (weight, bias) in enumerate(convolutions):
        rows = F.conv_transpose2d(rows, weight, bias, stride=2, padding=1)
        rows = between(rows) if i + 1 < len(convolutions) else torch.sigmoid(rows)
    return rows


def losses(latents, targets):
    return ((decode(latents) - targets) ** 2).flatten(1).mean(1)


def load(file, shapes, start, function, data, latents, output, count, settings):
    """Parameters one after the other; all of the dense layer is channels first."""
    global layers, between, start_shape, y, z
    torch.set_num_threads(1)
    AMD.update(settings)
    between = F.elu if function == "elu" else F.relu
    start_shape = start
    total = sum(torch.Size(shape).numel() for pair in shapes for shape in pair)
    block = read(file, total)
    layers = []
    at = 0
    for pair in shapes:
        tensors = []
        for shape in pair:
            size = torch.Size(shape).numel()
            tensors.append(block[at : at + size].reshape(shape).clone())
            at += size
        layers.append(tensors)
    y = read(data, count, *output)
    z = read(latents, count, shapes[0][0][1])
    with open("/proc/self/maps") as maps:
        blas = "OpenBLAS" if "openblas" in maps.read() else "no OpenBLAS"
    return {"version": torch.__version__, "blas": blas, "cpu": torch.backends.cpu.get_cpu_capability()}


def run_gradient(rows, repeats):
    targets, latents = y[:rows], z[:rows]
    start = time.perf_counter()
    for _ in range(repeats):
        point = latents.clone().requires_grad_()
        (result,) = torch.autograd.grad(losses(point, targets).sum(), point)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "gradients": result.flatten().tolist() if repeats == 1 else None}


def encode(first, count, wanted):
    start = time.perf_counter()
    _, loss, iterations = amd(losses, z.shape[1], y[first : first + count], AMD["stepMax"], wanted)
    return {"seconds": time.perf_counter() - start, "meanLoss": loss.mean().item(), "iterations": iterations}


def run_training(batch, count):
    parameters = [tensor for layer in layers for tensor in layer]
    return train(parameters, losses, z.shape[1], y[:count], batch)


COMMANDS = {"load": load, "gradient": run_gradient, "encode": encode, "train": run_training}
for line in sys.stdin:
    request = json.loads(line)
    answer = COMMANDS[request.pop("command")](**request)
    print(json.dumps(answer), flush=True)
