"""The same work in PyTorch. A line of JSON in, a line of JSON out; times are taken here."""

import json
import sys
import time

import torch
from amd import AMD, amd
from decoders import DECODERS
from training import train

layers = []
losses = None
y = None
z = None


def read(file, *shape):
    return torch.from_file(file, shared=False, size=torch.Size(shape).numel()).reshape(shape)


def tensors_of(file, shapes):
    """The tensors of a decoder, which the file has one after the other: of each layer its weight and its bias."""
    block = read(file, sum(torch.Size(shape).numel() for pair in shapes for shape in pair))
    result = []
    at = 0
    for pair in shapes:
        tensors = []
        for shape in pair:
            size = torch.Size(shape).numel()
            tensors.append(block[at : at + size].reshape(shape).clone())
            at += size
        result.append(tensors)
    return result


def last(tensor):
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor


def load(decoder, settings, parameters, shapes, data, output, latents, latent_size, count, solver, channels_last):
    """A decoder by its name in DECODERS, with what it takes beside its layers; data and latents for it.

    With channels_last the weights of convolutions lie in memory with their channels last, and so does what they compute.
    """
    global layers, losses, y, z
    torch.set_num_threads(1)
    AMD.update(solver)
    layers = tensors_of(parameters, shapes)
    if channels_last:
        layers = [[last(tensor) for tensor in layer] for layer in layers]
    losses = DECODERS[decoder](layers, **settings)
    y = read(data, count, *output)
    z = read(latents, count, latent_size)
    with open("/proc/self/maps") as maps:
        blas = "OpenBLAS" if "openblas" in maps.read() else "no OpenBLAS"
    return {"version": torch.__version__, "blas": blas, "cpu": torch.backends.cpu.get_cpu_capability()}


def gradient(rows, repeats):
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


COMMANDS = {"load": load, "gradient": gradient, "encode": encode, "train": run_training}
for line in sys.stdin:
    request = json.loads(line)
    answer = COMMANDS[request.pop("command")](**request)
    print(json.dumps(answer), flush=True)
