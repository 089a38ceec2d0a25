"""Stands in for torch where PyTorch is not installed: what the examples in Python use of it."""

import contextlib


class Tensor(tuple):
    """A shape, and its values."""

    def flatten(self, _):
        return self

    def contiguous(self):
        return self


def randn(*shape):
    size = 1
    for length in shape:
        size *= length
    return Tensor((list(shape), [((5 * i) % 7 - 3) / 2 for i in range(size)]))


def no_grad():
    return contextlib.nullcontext()
