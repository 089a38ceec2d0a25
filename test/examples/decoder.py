"""The decoder that the examples in Python save, of layers 2, 3 and 784 with elu between them and a sigmoid."""

import math

from torch import Tensor


class Linear:
    def __init__(self, in_features, out_features):
        self.in_features = in_features
        self.out_features = out_features
        self.weight = self.values(out_features * in_features)
        self.bias = self.values(out_features)

    @staticmethod
    def values(size):
        return [((7 * i) % 11 - 5) / 10 for i in range(size)]

    def __call__(self, row):
        inputs = self.in_features
        return [
            bias + sum(self.weight[i * inputs + j] * value for j, value in enumerate(row))
            for i, bias in enumerate(self.bias)
        ]


class Decoder:
    def __init__(self):
        self.layers = {0: Linear(2, 3), 2: Linear(3, 784)}

    def __getitem__(self, number):
        return self.layers[number]

    def eval(self):
        return self

    def __call__(self, z):
        (rows, size), values = z
        outputs = []
        for row in range(rows):
            hidden = self[0](values[row * size : (row + 1) * size])
            logits = self[2]([x if x > 0 else math.expm1(x) for x in hidden])
            outputs += [1 / (1 + math.exp(-x)) for x in logits]
        return Tensor(([rows, 784], outputs))

    def state_dict(self):
        tensors = {}
        for number, layer in self.layers.items():
            tensors[f"{number}.weight"] = [layer.out_features, layer.in_features], layer.weight
            tensors[f"{number}.bias"] = [layer.out_features], layer.bias
        return tensors


decoder = Decoder()
