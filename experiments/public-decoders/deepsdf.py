# facebookresearch/DeepSDF, networks/deep_sdf_decoder.py, class Decoder, with the settings of its chairs and sofas: 8
# layers of 512, latent 256, which comes in again at layer 4, weight norm, dropout in training. There each row has a
# code and a point; here one code meets all its points, so what was axis 1 is the last one.
import torch
from torch import nn
from torch.nn import functional as F

from common import vary, write


class Decoder(nn.Module):
    def __init__(self, latent=256, width=512, layers=8, latent_in=(4,), dropout=0.2):
        super().__init__()
        dims = [latent + 3] + [width] * layers + [1]
        self.num_layers = len(dims)
        self.latent_in = latent_in
        self.dropout_prob = dropout
        for layer in range(self.num_layers - 1):
            outputs = dims[layer + 1] - dims[0] if layer + 1 in latent_in else dims[layer + 1]
            setattr(self, "lin{}".format(layer), nn.Linear(dims[layer], outputs))
        self.th = nn.Tanh()

    def normalise_weights(self):
        for layer in range(self.num_layers - 2):
            name = "lin{}".format(layer)
            setattr(self, name, nn.utils.weight_norm(getattr(self, name)))
        return self

    def forward(self, z, xyz):
        z = z.unsqueeze(1).expand(-1, xyz.shape[0], -1)
        xyz = xyz.unsqueeze(0).expand(z.shape[0], -1, -1)
        both = torch.cat([z, xyz], -1)
        x = both
        for layer in range(self.num_layers - 1):
            if layer in self.latent_in:
                x = torch.cat([x, both], -1)
            x = getattr(self, "lin{}".format(layer))(x)
            if layer < self.num_layers - 2:
                x = F.dropout(F.relu(x), p=self.dropout_prob, training=self.training)
        return self.th(x)


torch.manual_seed(0)
points = torch.rand(1000, 3) * 2 - 1
decoder = vary(Decoder(dropout=0.0), torch.randn(32, 256), points[:64])
decoder.dropout_prob = 0.2
write("deepsdf", decoder.normalise_weights(), latent=256, points={"xyz": points})
