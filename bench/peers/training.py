"""Training in PyTorch, of any decoder: what train() does by AMD, with the approximate adjoint."""

import time

import torch
from amd import AMD, amd


def train(parameters, losses, size, data, batch):
    """One pass over the samples in order, RMSprop as rmsprop()."""
    start = time.perf_counter()
    optimizer = torch.optim.RMSprop(parameters, lr=5e-4, alpha=0.9, eps=1e-6)
    history = []
    for first in range(0, data.shape[0], batch):
        targets = data[first : first + batch]
        for tensor in parameters:
            tensor.requires_grad_(False)
        latents, _, _ = amd(losses, size, targets, AMD["trainStepMax"])
        for tensor in parameters:
            tensor.requires_grad_()
        loss = losses(latents, targets).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item() / targets.shape[0])
    for tensor in parameters:
        tensor.requires_grad_(False)
    return {"seconds": time.perf_counter() - start, "losses": history}
