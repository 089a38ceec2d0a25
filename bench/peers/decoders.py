"""The decoders of the comparison in PyTorch: for each what makes, of its tensors, its losses, one for each row."""

import torch
import torch.nn.functional as F


def dense(layers):
    """ELU between the layers, and cross entropy on the logits."""

    def losses(latents, targets):
        rows = latents
        for i, (weight, bias) in enumerate(layers):
            rows = F.linear(rows, weight, bias)
            if i + 1 < len(layers):
                rows = F.elu(rows)
        return F.binary_cross_entropy_with_logits(rows, targets, reduction="none").mean(1)

    return losses


def dcgan(layers, start, function):
    """A dense layer, channels first from there on, and transposed convolutions; the squared error behind a sigmoid."""
    (dense_weight, dense_bias), *convolutions = layers
    between = F.elu if function == "elu" else F.relu

    def losses(latents, targets):
        rows = between(F.linear(latents, dense_weight, dense_bias)).reshape(-1, *start)
        for i, (weight, bias) in enumerate(convolutions):
            rows = F.conv_transpose2d(rows, weight, bias, stride=2, padding=1)
            rows = between(rows) if i + 1 < len(convolutions) else torch.sigmoid(rows)
        return ((rows - targets) ** 2).flatten(1).mean(1)

    return losses


DECODERS = {"dense": dense, "dcgan": dcgan}
