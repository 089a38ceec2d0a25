"""The same work in PyTorch. A line of JSON in, a line of JSON out; times are taken here."""

import json
import sys
import time

import torch
import torch.nn.functional as F
from amd import AMD, amd
from training import train

layers = []
y = None
z = None


def read(file, *shape):
    return torch.from_file(file, shared=False, size=torch.Size(shape).numel()).reshape(shape)


def decode(latents):
    """To the logits."""
    rows = latents
    for i, (weight, bias) in enumerate(layers):
        rows = F.linear(rows, weight, bias)
        if i + 1 < len(layers):
            rows = F.elu(rows)
    return rows


def losses(latents, targets):
    return F.binary_cross_entropy_with_logits(decode(latents), targets, reduction="none").mean(1)


def gradient(latents, targets):
    latents = latents.requires_grad_()
    each = losses(latents, targets)
    return torch.autograd.grad(each.sum(), latents)[0]


def load(file, sizes, data, latents, count, settings):
    """Parameters as latentflow has them in one block: weight, then bias, of each layer."""
    global layers, y, z
    torch.set_num_threads(1)
    AMD.update(settings)
    total = sum(i * o + o for i, o in zip(sizes, sizes[1:]))
    block = read(file, total)
    layers = []
    at = 0
    for i, o in zip(sizes, sizes[1:]):
        weight = block[at : at + i * o].reshape(o, i)
        layers.append((weight.clone(), block[at + i * o : at + i * o + o].clone()))
        at += i * o + o
    y = read(data, count, sizes[-1])
    z = read(latents, count, sizes[0])
    with open("/proc/self/maps") as maps:
        blas = "OpenBLAS" if "openblas" in maps.read() else "no OpenBLAS"
    return {"version": torch.__version__, "blas": blas, "cpu": torch.backends.cpu.get_cpu_capability()}


def run_gradient(rows, repeats):
    targets, latents = y[:rows], z[:rows]
    start = time.perf_counter()
    for _ in range(repeats):
        result = gradient(latents.clone(), targets)
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
