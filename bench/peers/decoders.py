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
        return squared_error(rows, targets)

    return losses


def squared_error(outputs, targets):
    return ((outputs - targets) ** 2).flatten(1).mean(1)


class Weights:
    """The layers of a decoder in the order in which ../architectures.ts makes them, and operations that take the next."""

    def __init__(self, layers):
        self.layers = iter(layers)

    def conv(self, rows, padding=0):
        return F.conv2d(rows, *next(self.layers), padding=padding)

    def conv3(self, rows):
        return self.conv(rows, padding=1)

    def transposed(self, rows):
        return F.conv_transpose2d(rows, *next(self.layers))

    def affine(self, rows):
        weight, bias = next(self.layers)
        return rows * weight[:, None, None] + bias[:, None, None]

    def group_norm(self, rows):
        weight, bias = next(self.layers)
        return F.group_norm(rows, 16, weight, bias)


def channels_first(latents, side, channels):
    return latents.reshape(-1, side, side, channels).permute(0, 3, 1, 2).contiguous()


def doubled(rows):
    return F.interpolate(rows, scale_factor=2, mode="nearest")


def tiny_decoder(layers):
    """tinyDecoder of ../architectures.ts."""

    def block(weights, rows):
        h = F.relu(weights.conv3(F.relu(weights.conv3(rows))))
        return F.relu(weights.conv3(h) + rows)

    def losses(latents, targets):
        weights = Weights(layers)
        rows = F.relu(weights.conv3(channels_first(latents, 4, 4)))
        for _ in range(3):
            for _ in range(3):
                rows = block(weights, rows)
            rows = weights.conv3(doubled(rows))
        return squared_error(weights.conv3(block(weights, rows)), targets)

    return losses


def gated_decoder(layers):
    """gatedDecoder of ../architectures.ts."""

    def up(weights, rows):
        return F.glu(weights.affine(weights.conv3(doubled(rows))), 1)

    def excite(weights, low, high):
        return high * torch.sigmoid(weights.conv(F.silu(weights.conv(low))))

    def losses(latents, targets):
        weights = Weights(layers)
        x4 = F.glu(weights.affine(weights.transposed(channels_first(latents, 1, 256))), 1)
        x16 = up(weights, up(weights, x4))
        x32 = excite(weights, x4, up(weights, x16))
        return squared_error(weights.conv3(up(weights, x32)), targets)

    return losses


def diffusion_decoder(layers):
    """diffusionDecoder of ../architectures.ts."""

    def normed(weights, rows):
        return F.silu(weights.group_norm(rows))

    def block(weights, rows, channels):
        h = weights.conv3(normed(weights, weights.conv3(normed(weights, rows))))
        return h + (rows if rows.shape[1] == channels else weights.conv(rows))

    def attend(weights, rows):
        h = weights.group_norm(rows)
        first, second = weights.conv(h).flatten(2), weights.conv(h).flatten(2)
        scores = torch.softmax(first.transpose(1, 2) @ second, 2)
        values = weights.conv(h).flatten(2)
        mixed = (values @ scores.transpose(1, 2)).reshape(rows.shape)
        return rows + weights.conv(mixed)

    def losses(latents, targets):
        weights = Weights(layers)
        rows = weights.conv3(channels_first(latents, 8, 4))
        rows = block(weights, attend(weights, block(weights, rows, 128)), 128)
        rows = block(weights, block(weights, rows, 128), 128)
        rows = block(weights, block(weights, weights.conv3(doubled(rows)), 64), 64)
        rows = block(weights, block(weights, weights.conv3(doubled(rows)), 32), 32)
        return squared_error(weights.conv3(normed(weights, rows)), targets)

    return losses


DECODERS = {
    "dense": dense,
    "dcgan": dcgan,
    "tinyDecoder": tiny_decoder,
    "gatedDecoder": gated_decoder,
    "diffusionDecoder": diffusion_decoder,
}
