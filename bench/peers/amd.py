"""AMD in PyTorch, for any decoder."""

import torch

# amd()'s settings, which come with a task.
AMD = {}


def is_flat(recent, t):
    """amd()'s rule, of the last five losses [rows, 5]."""
    fall = 3 * (recent[:, 4] - recent[:, 0]) + recent[:, 1] - recent[:, 3]
    return (t >= AMD["settle"] * AMD["t1"]) & ((fall / 10).abs() < AMD["tolerance"])


def amd(losses, size, targets, step_max, wanted=None):
    """
    AMD on all rows at once, each with its own step. With `wanted` until the mean loss is at most that; else until
    each sample has ended by amd()'s rules, and what has ended leaves the batch.
    """
    count = targets.shape[0]
    result = torch.zeros(count, size)
    rows = torch.arange(count)
    latents = torch.zeros(count, size, requires_grad=True)
    loss = losses(latents, targets)
    (slope,) = torch.autograd.grad(loss.sum(), latents)
    latents, loss = latents.detach(), loss.detach()
    dt = torch.full((count,), AMD["stepInit"])
    t = torch.zeros(count)
    recent = torch.full((count, 5), float("inf"))
    backtracks = torch.zeros(count)
    iterations = 1
    while iterations < AMD["mostIterations"]:
        iterations += 1
        trial = (latents - dt[:, None] * slope).requires_grad_()
        value = losses(trial, targets)
        lower = value.detach() < loss
        # Where no row has accepted, nothing goes back.
        if lower.any():
            (new_slope,) = torch.autograd.grad(value.sum(), trial)
            column = lower[:, None]
            latents = torch.where(column, trial.detach(), latents)
            slope = torch.where(column, new_slope, slope)
            loss = torch.where(lower, value.detach(), loss)
            t = torch.where(lower, t + dt, t)
            if wanted is None:
                shifted = torch.cat((recent[:, 1:], loss[:, None]), 1)
                recent = torch.where(column, shifted, recent)
        grown = (dt * AMD["increaseFactor"]).clamp(AMD["stepInit"], step_max)
        # A step ends at t1.
        dt = torch.where(lower, torch.minimum(grown, AMD["t1"] - t), dt * AMD["decreaseFactor"])
        if wanted is not None:
            if loss.mean().item() <= wanted:
                return latents, loss, iterations
            continue
        backtracks = torch.where(lower, 0, backtracks + 1)
        stalled = backtracks > AMD["maxBacktracks"]
        ended = lower & (is_flat(recent, t) | (t >= AMD["t1"])) | stalled
        if ended.any():
            result[rows[ended]] = latents[ended]
            going = ~ended
            if not going.any():
                return result, None, iterations
            latents, slope, loss, dt, t = latents[going], slope[going], loss[going], dt[going], t[going]
            recent, backtracks, targets, rows = recent[going], backtracks[going], targets[going], rows[going]
    raise RuntimeError(f"PyTorch: AMD has not ended after {iterations} iterations")
