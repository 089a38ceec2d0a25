"""The decoder that the examples in Python save: what `state_dict` gives, for layers 2, 3 and 784."""


class Decoder:
    def state_dict(self):
        def tensor(*shape):
            size = 1
            for length in shape:
                size *= length
            return list(shape), [((7 * i) % 11 - 5) / 10 for i in range(size)]

        return {
            "0.weight": tensor(3, 2),
            "0.bias": tensor(3),
            "2.weight": tensor(784, 3),
            "2.bias": tensor(784),
        }


decoder = Decoder()
