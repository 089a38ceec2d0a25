# 3DShape2VecSet: 1zb/3DShape2VecSet, models_ae.py, class KLAutoEncoder, decode. z is 512 latents of 8 numbers, which
# attention mixes; each point then attends to them, for its occupancy. 2 of the 24 layers.
import torch
from torch import nn
from torch.nn import functional as F

from common import vary, write


class GEGLU(nn.Module):
    def forward(self, x):
        x, gates = x.chunk(2, dim=-1)
        return x * F.gelu(gates)


class FeedForward(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.net = nn.Sequential(nn.Linear(size, size * 8), GEGLU(), nn.Linear(size * 4, size))

    def forward(self, x):
        return self.net(self.norm(x))


class Attention(nn.Module):
    def __init__(self, size, heads, head, crosses=False):
        super().__init__()
        self.heads, self.scale = heads, head**-0.5
        self.norm = nn.LayerNorm(size)
        self.norm_context = nn.LayerNorm(size) if crosses else None
        self.to_q = nn.Linear(size, heads * head, bias=False)
        self.to_kv = nn.Linear(size, heads * head * 2, bias=False)
        self.to_out = nn.Linear(heads * head, size)

    def split(self, x):
        """As einops has "b n (h d) -> (b h) n d"."""
        batch, count = x.shape[0], x.shape[1]
        return x.view(batch, count, self.heads, -1).permute(0, 2, 1, 3).reshape(batch * self.heads, count, -1)

    def forward(self, x, context=None):
        x = self.norm(x)
        context = x if context is None else self.norm_context(context)
        q, (k, v) = self.to_q(x), self.to_kv(context).chunk(2, dim=-1)
        q, k, v = map(self.split, (q, k, v))
        attention = (torch.einsum("bid,bjd->bij", q, k) * self.scale).softmax(dim=-1)
        out = torch.einsum("bij,bjd->bid", attention, v)
        out = out.view(-1, self.heads, out.shape[1], out.shape[2]).permute(0, 2, 1, 3)
        return self.to_out(out.reshape(out.shape[0], out.shape[1], -1))


class PointEmbed(nn.Module):
    def __init__(self, frequencies, size):
        super().__init__()
        powers = 2 ** torch.arange(frequencies // 6).float() * torch.pi
        self.register_buffer("basis", torch.block_diag(powers[None], powers[None], powers[None]))
        self.mlp = nn.Linear(frequencies + 3, size)

    def forward(self, xyz):
        angles = torch.einsum("bnd,de->bne", xyz, self.basis)
        return self.mlp(torch.cat([angles.sin(), angles.cos(), xyz], dim=2))


class Decoder(nn.Module):
    def __init__(self, size=512, latent=8, depth=2, heads=8, head=64, frequencies=48):
        super().__init__()
        self.proj = nn.Linear(latent, size)
        self.layers = nn.ModuleList(
            nn.ModuleList([Attention(size, heads, head), FeedForward(size)]) for _ in range(depth)
        )
        self.point_embed = PointEmbed(frequencies, size)
        self.decoder_cross_attn = Attention(size, 1, size, crosses=True)
        self.to_outputs = nn.Linear(size, 1)

    def forward(self, z, xyz):
        x = self.proj(z)
        for attention, feed_forward in self.layers:
            x = attention(x) + x
            x = feed_forward(x) + x
        queries = self.point_embed(xyz.unsqueeze(0).expand(z.shape[0], -1, -1))
        return self.to_outputs(self.decoder_cross_attn(queries, context=x))


if __name__ == "__main__":
    torch.manual_seed(0)
    points = torch.rand(1000, 3) * 2 - 1
    decoder = vary(Decoder(), torch.randn(2, 512, 8), points[:64])
    write("shape2vecset", decoder, latent=(512, 8), points={"xyz": points})
