# BigGAN for 128 x 128 pixels: ajbrock/BigGAN-PyTorch, BigGAN.py, class Generator, with hierarchical latents, a shared
# embedding of the classes and attention at 64 x 64, whose keys and values are max-pooled. Channels are 64 times (16,
# ..., 1), published 96 times. Its spectral norms, which only scale weights, are left out.
import torch
from torch import nn
from torch.nn import functional as F

from common import vary, write

class ConditionalNorm(nn.Module):
    def __init__(self, channels, condition):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = nn.Linear(condition, channels, bias=False)
        self.bias = nn.Linear(condition, channels, bias=False)

    def forward(self, x, y):
        gain = (1 + 0.3 * self.gain(y)).view(y.shape[0], -1, 1, 1)
        return self.norm(x) * gain + 0.3 * self.bias(y).view(y.shape[0], -1, 1, 1)


class Block(nn.Module):
    def __init__(self, inputs, outputs, condition):
        super().__init__()
        self.bn1 = ConditionalNorm(inputs, condition)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.bn2 = ConditionalNorm(outputs, condition)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.conv_sc = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x, y):
        h = F.interpolate(torch.relu(self.bn1(x, y)), scale_factor=2)
        h = self.conv2(torch.relu(self.bn2(self.conv1(h), y)))
        return h + self.conv_sc(F.interpolate(x, scale_factor=2))


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.channels = channels
        self.theta = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.phi = nn.Conv2d(channels, channels // 8, 1, bias=False)
        self.g = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.o = nn.Conv2d(channels // 2, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        height, width = x.shape[2:]
        theta = self.theta(x).view(-1, self.channels // 8, height * width)
        phi = F.max_pool2d(self.phi(x), 2).view(-1, self.channels // 8, height * width // 4)
        g = F.max_pool2d(self.g(x), 2).view(-1, self.channels // 2, height * width // 4)
        beta = F.softmax(torch.bmm(theta.transpose(1, 2), phi), -1)
        o = torch.bmm(g, beta.transpose(1, 2)).view(-1, self.channels // 2, height, width)
        return self.gamma * self.o(o) + x


class Generator(nn.Module):
    def __init__(self, width=64, factors=(16, 16, 8, 4, 2, 1), attention=4, chunk=20, shared=128, classes=1000):
        super().__init__()
        self.chunk = chunk
        self.attention_after = attention
        condition = shared + self.chunk
        channels = [width * factor for factor in factors]
        self.shared = nn.Embedding(classes, shared)
        self.linear = nn.Linear(self.chunk, channels[0] * 16)
        self.blocks = nn.ModuleList(Block(a, b, condition) for a, b in zip(channels, channels[1:]))
        self.attention = Attention(channels[attention])
        self.output_norm = nn.BatchNorm2d(channels[-1])
        self.output_conv = nn.Conv2d(channels[-1], 3, 3, padding=1)

    def forward(self, z, label):
        first, *chunks = torch.split(z, self.chunk, 1)
        y = self.shared(label)
        h = self.linear(first)
        h = h.view(h.shape[0], -1, 4, 4)
        for index, (block, chunk) in enumerate(zip(self.blocks, chunks), 1):
            h = block(h, torch.cat([y, chunk], 1))
            if index == self.attention_after:
                h = self.attention(h)
        return torch.tanh(self.output_conv(torch.relu(self.output_norm(h))))


if __name__ == "__main__":
    torch.manual_seed(0)
    labels = torch.tensor([7, 207, 388, 971])
    generator = vary(Generator(), torch.randn(16, 120), labels.repeat(4))
    write("biggan", generator, latent=120, fixed={"label": labels})
