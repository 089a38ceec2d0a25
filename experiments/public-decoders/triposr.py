# VAST-AI-Research/TripoSR, tsr/. Its transformer has 16 blocks and 3 x 32 x 32 tokens, 1.4 GB of weights and attention
# over 3,072 tokens, too large to be tried here. In its place three parts, all at full width:
# triposr_backbone: tokenizer.py, transformer_1d.py, network_utils.py: Triplane1DTokenizer, Transformer1D and
#   TriplaneUpsampleNetwork, with 1 block of the 16, 3 x 8 x 8 tokens, and 65 tokens of an image, which are z.
# triposr_query: nerf_renderer.py, query_triplane, and network_utils.py, class NeRFMLP: planes as z, asked at points.
# triposr_mlp: class NeRFMLP alone: a point's features as z.
import torch
from torch import nn
from torch.nn import functional as F

from common import vary, write


class Attention(nn.Module):
    def __init__(self, channels, cross, heads, head):
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(channels, heads * head, bias=False)
        self.to_k = nn.Linear(cross, heads * head, bias=False)
        self.to_v = nn.Linear(cross, heads * head, bias=False)
        self.to_out = nn.Linear(heads * head, channels)

    def forward(self, x, other):
        batch = x.shape[0]
        split = lambda y: y.view(batch, -1, self.heads, y.shape[-1] // self.heads).transpose(1, 2)  # noqa: E731
        hidden = F.scaled_dot_product_attention(split(self.to_q(x)), split(self.to_k(other)), split(self.to_v(other)))
        return self.to_out(hidden.transpose(1, 2).reshape(batch, -1, x.shape[-1]))


class GEGLU(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.proj = nn.Linear(inputs, outputs * 2)

    def forward(self, x):
        x, gate = self.proj(x).chunk(2, dim=-1)
        return x * F.gelu(gate)


class BasicTransformerBlock(nn.Module):
    def __init__(self, channels, cross, heads, head):
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attn1 = Attention(channels, channels, heads, head)
        self.norm2 = nn.LayerNorm(channels)
        self.attn2 = Attention(channels, cross, heads, head)
        self.norm3 = nn.LayerNorm(channels)
        self.ff = nn.Sequential(GEGLU(channels, channels * 4), nn.Linear(channels * 4, channels))

    def forward(self, x, image):
        normed = self.norm1(x)
        x = self.attn1(normed, normed) + x
        x = self.attn2(self.norm2(x), image) + x
        return self.ff(self.norm3(x)) + x


class Backbone(nn.Module):
    def __init__(self, blocks=1, plane=8, channels=1024, cross=768, heads=16):
        super().__init__()
        self.plane = plane
        self.embeddings = nn.Parameter(torch.randn(3, channels, plane, plane))
        self.norm = nn.GroupNorm(32, channels, eps=1e-6)
        self.proj_in = nn.Linear(channels, channels)
        self.transformer_blocks = nn.ModuleList(
            BasicTransformerBlock(channels, cross, heads, channels // heads) for _ in range(blocks)
        )
        self.proj_out = nn.Linear(channels, channels)
        self.upsample = nn.ConvTranspose2d(channels, 40, kernel_size=2, stride=2)

    def forward(self, z):
        batch, plane = z.shape[0], self.plane
        tokens = self.embeddings.unsqueeze(0).repeat(batch, 1, 1, 1, 1)
        tokens = tokens.permute(0, 2, 1, 3, 4).reshape(batch, -1, 3 * plane * plane)
        hidden = self.proj_in(self.norm(tokens).permute(0, 2, 1))
        for block in self.transformer_blocks:
            hidden = block(hidden, z)
        hidden = self.proj_out(hidden).permute(0, 2, 1) + tokens
        planes = hidden.reshape(batch, -1, 3, plane, plane).permute(0, 2, 1, 3, 4)
        planes = self.upsample(planes.reshape(batch * 3, -1, plane, plane))
        return planes.reshape(batch, 3, 40, plane * 2, plane * 2)


class NeRFMLP(nn.Module):
    def __init__(self, inputs=120, neurons=64, hidden=9):
        super().__init__()
        layers = []
        for index in range(hidden):
            layers += [nn.Linear(inputs if index == 0 else neurons, neurons), nn.SiLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Linear(neurons, 4))

    def forward(self, x):
        return self.layers(x)


class Query(nn.Module):
    def __init__(self, decoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, z, xyz):
        batch, count = z.shape[0], xyz.shape[0]
        grid = torch.stack([xyz[:, [0, 1]], xyz[:, [0, 2]], xyz[:, [1, 2]]])
        grid = grid.unsqueeze(0).expand(batch, -1, -1, -1).reshape(-1, 1, count, 2)
        planes = z.reshape(-1, z.shape[2], z.shape[3], z.shape[4])
        found = F.grid_sample(planes, grid, align_corners=False, mode="bilinear")
        found = found.reshape(batch, 120, count).permute(0, 2, 1)
        return self.decoder(found)


torch.manual_seed(0)
mlp = vary(NeRFMLP(), torch.randn(256, 120))
write("triposr_mlp", mlp, latent=120)
write("triposr_query", Query(mlp), latent=(3, 40, 64, 64), points={"xyz": torch.rand(1000, 3) * 2 - 1})
backbone = vary(Backbone(), torch.randn(2, 65, 768))
write("triposr_backbone", backbone, latent=(65, 768))
