# Optimus: ChunyuanLI/Optimus, pytorch_transformers/modeling_gpt2.py, class GPT2ForLatentConnector: GPT-2 of width 768
# with 12 heads that is given a code of 32 numbers twice, added to the embeddings of its tokens and as one more key
# and value of each layer. 4 of its 12 layers, 8,192 of its 50,257 tokens, texts of 32. The tokens that logits follow
# are a fixed input.
import math

import torch
from torch import nn
from torch.nn import functional as F

from common import vary, write


class Attention(nn.Module):
    def __init__(self, size, heads, length):
        super().__init__()
        self.heads = heads
        mask = torch.tril(torch.ones(length + 1, length + 1))[1:]
        self.register_buffer("bias", mask.view(1, 1, length, length + 1))
        self.c_attn = nn.Linear(size, 3 * size)
        self.c_proj = nn.Linear(size, size)

    def split(self, x):
        return x.view(x.shape[0], x.shape[1], self.heads, -1).permute(0, 2, 1, 3)

    def forward(self, x, past):
        q, k, v = map(self.split, self.c_attn(x).split(x.shape[2], dim=2))
        past = self.split(past.unsqueeze(1))
        k, v = torch.cat([past, k], dim=2), torch.cat([past, v], dim=2)
        w = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(v.shape[-1])
        w = w * self.bias - 1e4 * (1 - self.bias)
        a = torch.matmul(torch.softmax(w, dim=-1), v).permute(0, 2, 1, 3)
        return self.c_proj(a.reshape(x.shape[0], x.shape[1], -1))


class Block(nn.Module):
    def __init__(self, size, heads, length):
        super().__init__()
        self.ln_1 = nn.LayerNorm(size)
        self.attn = Attention(size, heads, length)
        self.ln_2 = nn.LayerNorm(size)
        self.c_fc = nn.Linear(size, 4 * size)
        self.c_proj = nn.Linear(4 * size, size)

    def forward(self, x, past):
        x = x + self.attn(self.ln_1(x), past)
        return x + self.c_proj(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class Decoder(nn.Module):
    def __init__(self, latent=32, tokens=8192, length=32, size=768, heads=12, layers=4):
        super().__init__()
        self.wte = nn.Embedding(tokens, size)
        self.wpe = nn.Parameter(torch.randn(1, length, size) * 0.1)
        self.linear = nn.Linear(latent, size * layers, bias=False)
        self.linear_emb = nn.Linear(latent, size, bias=False)
        self.h = nn.ModuleList(Block(size, heads, length) for _ in range(layers))
        self.ln_f = nn.LayerNorm(size)
        self.size = size

    def forward(self, z, tokens):
        x = self.wte(tokens) + self.wpe + self.linear_emb(z).unsqueeze(1)
        pasts = self.linear(z).split(self.size, dim=1)
        for block, past in zip(self.h, pasts):
            x = block(x, past)
        return F.linear(self.ln_f(x), self.wte.weight) / math.sqrt(self.size)


if __name__ == "__main__":
    torch.manual_seed(0)
    tokens = torch.randint(8192, (4, 32))
    write("optimus", vary(Decoder(), torch.randn(4, 32), tokens), latent=32, fixed={"tokens": tokens})
