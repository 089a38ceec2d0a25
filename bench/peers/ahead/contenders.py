"""
Encoding in PyTorch in every way that is timed against ours. A line of JSON in, a line of JSON out; times are taken here.
All start at z = 0 and seek each sample's own minimum, on one thread, in float32.
"""

import ctypes
import json
import os
import sys
import time

import torch
import torch.nn.functional as F
from decoders import LATENTS, LOSSES, MAKERS
from torch.func import jvp, vmap

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from amd import AMD, amd  # noqa: E402


class Task:
    """A decoder and the samples to encode with it."""

    def __init__(self, name, folder, samples):
        path = os.path.join(folder, name)
        module = MAKERS[name]()
        module.load_state_dict(torch.load(path + ".pt", weights_only=True))
        module.requires_grad_(False)
        xyz = None
        if os.path.exists(path + ".points"):
            xyz = torch.from_file(path + ".points", size=os.path.getsize(path + ".points") // 4).reshape(-1, 3)
        self.size = LATENTS[name]
        self.cross_entropy = LOSSES[name] == "bce"
        values = torch.from_file(path + ".targets", size=os.path.getsize(path + ".targets") // 4)
        self.outputs = (module(torch.zeros(1, self.size)) if xyz is None else module(torch.zeros(1, self.size), xyz)).numel()
        self.targets = values.reshape(-1, self.outputs)[:samples].clone()
        if xyz is None:
            self.decode = lambda z: module(z).flatten(1)
        else:
            self.decode = lambda z: module(z, xyz).flatten(1)

    def losses(self, z, targets):
        """The mean over each row's outputs."""
        return self.error(self.decode(z), targets)

    def error(self, outputs, targets):
        if self.cross_entropy:
            return F.binary_cross_entropy_with_logits(outputs, targets, reduction="none").mean(1)
        return ((outputs - targets) ** 2).mean(1)

    def error_slope(self, outputs, targets):
        """The error's slope and curvature at each output."""
        if self.cross_entropy:
            share = torch.sigmoid(outputs)
            return (share - targets) / self.outputs, share * (1 - share) / self.outputs
        return 2 / self.outputs * (outputs - targets), torch.full_like(outputs, 2 / self.outputs)


class Ended(Exception):
    """A run has had its evaluations or its time, or goes nowhere any more."""


class Record:
    """
    The losses of all samples whenever some are newly known, with the time and the passes by then: a pass is one row
    once through the decoder, forward or back; a tangent counts as one. What is kept at an evaluation is a copy of as many
    numbers as there are samples.
    """

    def __init__(self, clock, evaluations, seconds, patience):
        self.clock = time.process_time if clock == "cpu" else time.perf_counter
        self.evaluations, self.seconds, self.patience = evaluations, seconds, patience
        self.passes = 0
        self.times, self.passed, self.losses = [], [], []
        self.cut = False
        self.least = float("inf")
        self.before = time.process_time()
        self.start = self.clock()

    def seen(self, losses):
        self.times.append(self.clock() - self.start)
        self.passed.append(self.passes)
        self.losses.append(losses.detach().clone())
        if len(self.times) >= self.evaluations:
            raise Ended
        # What follows is none of the method's work: only now and then.
        if len(self.times) % 16 == 0 and time.process_time() - self.before > self.seconds:
            self.cut = True
            raise Ended
        if self.patience and len(self.times) % self.patience == 0:
            total = self.losses[-1].sum().item()
            if total > self.least * (1 - 1e-5):
                raise Ended
            self.least = min(self.least, total)


def run_adam(task, record, rate, fall):
    """One Adam on all rows; each number has its own step there, so that no sample depends on another."""
    targets = task.targets
    count = len(targets)
    z = torch.zeros(count, task.size, requires_grad=True)
    optimizer = torch.optim.Adam([z], lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, fall) if fall else None
    for _ in range(fall or 10**9):
        losses = task.losses(z, targets)
        record.passes += count
        record.seen(losses)
        optimizer.zero_grad()
        losses.sum().backward()
        record.passes += count
        optimizer.step()
        if schedule:
            schedule.step()
    raise Ended


def run_amd(task, record, stepMax, increaseFactor):
    """The paper's solver, a step size for each row."""
    count = len(task.targets)
    least = torch.full((count,), float("inf"))

    def losses(z, targets):
        value = task.losses(z, targets)
        lower = value.detach() < least
        record.passes += count
        least.copy_(torch.where(lower, value.detach(), least))
        record.seen(least)
        # AMD asks for the gradient where a row has come down.
        if lower.any():
            record.passes += count
        return value

    AMD.update(AMD, stepMax=stepMax, increaseFactor=increaseFactor, t1=float("inf"), mostIterations=10**9)
    amd(losses, task.size, task.targets, stepMax, float("-inf"))


def run_levenberg_marquardt(task, record, damping, scale):
    """
    Gauss-Newton's matrix of each row by forward derivatives, damped until the loss falls, with a damping of each row's
    own. `scale` is what is damped: the "identity" times the mean of the diagonal, or the "diagonal".
    """
    targets = task.targets
    count, d = len(targets), task.size
    z = torch.zeros(count, d)
    damped = torch.full((count,), damping)
    identity = torch.eye(d)

    def derive(z, targets):
        # All rows at once for each latent: twice as fast as vmap(jacfwd) of a row, which has products of one row.
        tangents = identity[:, None].expand(-1, len(z), -1)
        outputs, jacobians = vmap(lambda tangent: jvp(task.decode, (z,), (tangent,)), out_dims=(None, 1))(tangents)
        slope, curvature = task.error_slope(outputs, targets)
        # A tangent for each latent, and the outputs.
        record.passes += len(z) * (d + 1)
        gradient = torch.bmm(jacobians, slope[:, :, None])[:, :, 0]
        return torch.bmm(jacobians * curvature[:, None], jacobians.transpose(1, 2)), gradient

    losses = task.losses(z, targets)
    record.passes += count
    record.seen(losses)
    matrices, gradients = derive(z, targets)
    while True:
        diagonal = matrices.diagonal(dim1=1, dim2=2)
        mean = diagonal.mean(1, keepdim=True)
        damper = mean.expand(-1, d) if scale == "identity" else torch.maximum(diagonal, 1e-6 * mean)
        # The least that float32 needs to factor it.
        shift = damped[:, None] * damper + 1e-6 * mean
        factor, information = torch.linalg.cholesky_ex(matrices + shift[:, :, None] * identity)
        trial = z - torch.cholesky_solve(gradients[:, :, None], factor)[:, :, 0]
        value = task.losses(trial, targets)
        record.passes += count
        lower = (value < losses) & (information == 0)
        damped = torch.where(lower, damped / 5, damped * 4).clamp(1e-8, 1e8)
        z = torch.where(lower[:, None], trial, z)
        losses = torch.where(lower, value, losses)
        record.seen(losses)
        rows = lower.nonzero()[:, 0]
        if len(rows) == count:
            matrices, gradients = derive(z, targets)
        elif len(rows):
            matrices[rows], gradients[rows] = derive(z[rows], targets[rows])


def run_joint_lbfgs(task, record, memory):
    """torch.optim.LBFGS on all samples as one vector, by the sum of their losses."""
    count = len(task.targets)
    z = torch.zeros(count, task.size, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [z],
        max_iter=10**9,
        max_eval=10**9,
        history_size=memory,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def closure():
        losses = task.losses(z, task.targets)
        record.passes += count
        record.seen(losses)
        optimizer.zero_grad()
        total = losses.sum()
        total.backward()
        record.passes += count
        return total

    while True:
        optimizer.step(closure)


def run_single_lbfgs(task, record, memory):
    """
    torch.optim.LBFGS on one sample after the other. Each ends where ours does: where the last step has lowered the loss by
    less than 1e-6 of it, or of its fall so far, and what float32 does not show.
    """
    all_losses = task.losses(torch.zeros(1, task.size).expand(len(task.targets), -1), task.targets)
    record.start = record.clock()
    for i in range(len(task.targets)):
        target = task.targets[i : i + 1]
        z = torch.zeros(1, task.size, requires_grad=True)
        optimizer = torch.optim.LBFGS(
            [z],
            max_iter=1,
            history_size=memory,
            tolerance_grad=0,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )
        # A step begins with an evaluation where the last one has ended: it is not made again.
        known = {}

        def closure():
            key = z.detach().numpy().tobytes()
            if key not in known:
                loss = task.losses(z, target)
                record.passes += 1
                if not loss.detach() >= all_losses[i]:
                    all_losses[i] = loss.detach()
                    record.seen(all_losses)
                (slope,) = torch.autograd.grad(loss.sum(), z)
                record.passes += 1
                known[key] = loss.detach()[0], slope
            value, slope = known[key]
            z.grad = slope.clone()
            return value

        first = last = closure().item()
        for _ in range(1000):
            optimizer.step(closure)
            key = z.detach().numpy().tobytes()
            if key not in known:
                closure()
            loss = known[key][0].item()
            known = {key: known[key]}
            fall = last - loss
            if not fall >= 1e-6 * max(first - loss, abs(loss)) + 2**-23 * abs(loss):
                break
            last = loss
    raise Ended


CONTENDERS = {
    "Adam": run_adam,
    "AMD": run_amd,
    "Levenberg-Marquardt": run_levenberg_marquardt,
    "joint L-BFGS": run_joint_lbfgs,
    "L-BFGS, sample by sample": run_single_lbfgs,
}
task = None


def find_blas():
    """The library of matrix products that PyTorch has loaded; None for one that is not made for speed."""
    torch.mm(torch.ones(8, 8), torch.ones(8, 8))
    with open("/proc/self/maps") as maps:
        loaded = {line.split()[-1] for line in maps if "/" in line}
    for path in sorted(loaded):
        if "libopenblas" in os.path.basename(path):
            library = ctypes.CDLL(path)
            core = getattr(library, "openblas_get_corename", None)
            if core:
                core.restype = ctypes.c_char_p
            file = os.path.basename(os.path.realpath(path))
            return f"OpenBLAS ({file}{', ' + core().decode() if core else ''})"
    if torch.backends.mkl.is_available():
        return "MKL"
    return None


def begin(settings):
    torch.set_num_threads(1)
    AMD.update(settings)
    with open("/proc/self/maps") as maps:
        loaded = sorted({line.split()[-1] for line in maps if "blas" in line and "/" in line})
    return {
        "version": torch.__version__,
        "blas": find_blas(),
        "loaded": loaded,
        "cpu": torch.backends.cpu.get_cpu_capability(),
    }


def load(name, folder, samples):
    global task
    task = Task(name, folder, samples)
    return {"samples": len(task.targets), "outputs": task.outputs}


def evaluate(z):
    """Losses and the norms of their gradients at z [samples, latents]."""
    at = torch.tensor(z).reshape(len(task.targets), -1).requires_grad_()
    losses = task.losses(at, task.targets)
    (slope,) = torch.autograd.grad(losses.sum(), at)
    return {"losses": losses.tolist(), "norms": slope.norm(dim=1).tolist()}


def run(contender, setting, clock, evaluations, seconds, patience):
    record = Record(clock, evaluations, seconds, patience)
    try:
        CONTENDERS[contender](task, record, **setting)
    except Ended:
        pass
    count = len(task.targets)
    return {
        "times": record.times,
        "passes": [passes / count for passes in record.passed],
        # JSON has no NaN: a loss that is not finite is not low.
        "losses": [losses.nan_to_num(1e30, 1e30, 1e30).tolist() for losses in record.losses],
        "cut": record.cut,
    }


COMMANDS = {"begin": begin, "load": load, "evaluate": evaluate, "run": run}
for line in sys.stdin:
    request = json.loads(line)
    answer = COMMANDS[request.pop("command")](**request)
    print(json.dumps(answer), flush=True)
