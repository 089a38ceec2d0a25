# A neural spline flow, from noise to data: bayesiains/nflows, PiecewiseRationalQuadraticCouplingTransform and
# LULinear, inverse, as the paper has it for POWER: 6 numbers, 10 steps, 8 bins within [-3, 3], residual networks of
# 256.
# spline_flow_gather: the bin is found by comparisons, and its numbers are gathered, as in the source.
# spline_flow: the numbers of the bin are chosen by torch.where among all. In both, cumulative sums are products with
# a triangular matrix.
import torch
from torch import nn
from torch.nn import functional as F

from common import vary, write

MIN = 1e-3


def knots(widths, bound, sums):
    """Where bins end [..., bins + 1], and how wide they are [..., bins]."""
    widths = MIN + (1 - MIN * widths.shape[-1]) * F.softmax(widths, dim=-1)
    ends = 2 * bound * (widths @ sums) - bound
    first = torch.full_like(ends[..., :1], -bound)
    ends = torch.cat([first, ends, first + 2 * bound], dim=-1)
    return ends, ends[..., 1:] - ends[..., :-1]


class Spline(nn.Module):
    """The inverse of a monotone rational-quadratic spline, the identity outside of [-bound, bound]."""

    def __init__(self, bins=8, bound=3.0):
        super().__init__()
        self.bins, self.bound = bins, bound
        self.register_buffer("sums", torch.ones(bins, bins).triu()[:, :-1])
        self.gathers = False

    def choose(self, inputs, ends, parts):
        if self.gathers:
            bin_index = torch.sum(inputs.unsqueeze(-1) >= ends[..., 1:-1], dim=-1, keepdim=True)
            return [part.gather(-1, bin_index)[..., 0] for part in parts]
        chosen = [part[..., 0] for part in parts]
        for index in range(1, self.bins):
            is_right = inputs >= ends[..., index]
            chosen = [torch.where(is_right, part[..., index], one) for part, one in zip(parts, chosen)]
        return chosen

    def forward(self, inputs, parameters):
        widths, heights, slopes = parameters.split([self.bins, self.bins, self.bins - 1], dim=-1)
        edge = torch.ones_like(slopes[..., :1])
        slopes = torch.cat([edge, MIN + F.softplus(slopes), edge], dim=-1)
        lefts, widths = knots(widths, self.bound, self.sums)
        bottoms, heights = knots(heights, self.bound, self.sums)
        parts = [lefts[..., :-1], widths, bottoms[..., :-1], heights, heights / widths]
        parts += [slopes[..., :-1], slopes[..., 1:]]
        inside = inputs.clamp(-self.bound, self.bound)
        left, width, bottom, height, delta, slope, next_slope = self.choose(inside, bottoms, parts)
        above = inside - bottom
        bend = above * (slope + next_slope - 2 * delta)
        a = bend + height * (delta - slope)
        b = height * slope - bend
        c = -delta * above
        root = 2 * c / (-b - torch.sqrt(torch.clamp(b.pow(2) - 4 * a * c, min=0)))
        return torch.where((inputs >= -self.bound) & (inputs <= self.bound), root * width + left, inputs)


class ResidualNet(nn.Module):
    def __init__(self, inputs, outputs, hidden, blocks=2):
        super().__init__()
        self.initial = nn.Linear(inputs, hidden)
        pair = lambda: nn.ModuleList([nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)])  # noqa: E731
        self.blocks = nn.ModuleList(pair() for _ in range(blocks))
        self.final = nn.Linear(hidden, outputs)

    def forward(self, x):
        x = self.initial(x)
        for first, second in self.blocks:
            x = x + second(F.relu(first(F.relu(x))))
        return self.final(x)


class Step(nn.Module):
    def __init__(self, spline, features, hidden, even):
        super().__init__()
        self.spline = spline
        mask = torch.arange(features) % 2 == (0 if even else 1)
        self.kept, self.changed = torch.where(mask)[0].tolist(), torch.where(~mask)[0].tolist()
        self.order = torch.argsort(torch.tensor(self.kept + self.changed)).tolist()
        self.net = ResidualNet(len(self.kept), len(self.changed) * (3 * spline.bins - 1), hidden)
        matrix = torch.linalg.qr(torch.randn(features, features))[0]
        self.inverse = nn.Parameter(matrix)
        self.bias = nn.Parameter(torch.randn(features) * 0.1)

    def forward(self, z):
        kept, changed = z[:, self.kept], z[:, self.changed]
        parameters = self.net(kept).view(z.shape[0], len(self.changed), -1)
        z = torch.cat([kept, self.spline(changed, parameters)], dim=1)[:, self.order]
        return (z - self.bias) @ self.inverse


class Flow(nn.Module):
    def __init__(self, features=6, steps=10, hidden=256, bins=8):
        super().__init__()
        self.spline = Spline(bins)
        self.steps = nn.ModuleList(Step(self.spline, features, hidden, step % 2 == 0) for step in range(steps))

    def forward(self, z):
        for step in self.steps:
            z = step(z)
        return z


if __name__ == "__main__":
    torch.manual_seed(0)
    flow = vary(Flow(), torch.randn(256, 6))
    write("spline_flow", flow, latent=6)
    flow.spline.gathers = True
    write("spline_flow_gather", flow, latent=6)
