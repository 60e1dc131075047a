"""JEPA + SIGReg in one file of plain torch: `python -m examples.minimal` takes about two minutes.

The encoder sees a few patches of a galaxy; the predictor predicts the embeddings of hidden ones.
I-JEPA: Assran et al. 2023, arXiv:2301.08243. LeJEPA: Balestriero & LeCun 2025, arXiv:2511.08544.
Shapes: B images, G x G = N patches, D width, Nc context tokens, M target blocks of Nt tokens.
"""

import copy
import math

import torch
import torch.nn.functional as F
from torch import nn

import astrojepa as aj

S, PATCH, G = 64, 8, 8  # side of image and patch in pixels; patches along a side
D, DEPTH, HEADS = 128, 4, 4  # encoder
PD, PDEPTH, P = 64, 2, 64  # width and depth of the predictor; width of the projector
M, NT, NC = 4, 12, 16  # target blocks, tokens in each, context tokens: fixed, so nothing is padded
LAMBDA = 0.6  # weight of SIGReg


def positions(width):
    """Sines and cosines of row and column (1, N, width). Vaswani et al. 2017, section 3.5."""
    frequency = 10_000.0 ** (-torch.arange(width // 4) / (width // 4))
    place = torch.cartesian_prod(torch.arange(G), torch.arange(G))  # (N, 2)
    angle = (place[..., None] * frequency).flatten(1)  # (N, width / 2)
    return torch.cat([angle.sin(), angle.cos()], dim=1)[None]


def gather(tokens, index):
    """Keep the tokens at `index` (B, ...); nothing later can depend on the others."""
    flat = index.flatten(1)[..., None].expand(-1, -1, tokens.shape[-1])
    return tokens.gather(1, flat).view(*index.shape, -1)


def transformer(width, depth, heads):
    sizes = (width, heads, 4 * width, 0.0, "gelu", 1e-5, True, True)  # batch first, norm first
    layers = [nn.TransformerEncoderLayer(*sizes) for _ in range(depth)]
    return nn.Sequential(*layers, nn.LayerNorm(width))


class JEPA(nn.Module):
    def __init__(self):
        super().__init__()
        patches = nn.Conv2d(3, D, PATCH, PATCH)
        self.encoder = nn.ModuleDict({"patches": patches, "blocks": transformer(D, DEPTH, HEADS)})
        self.target_encoder = copy.deepcopy(self.encoder).requires_grad_(False)  # moving average
        self.narrow, self.widen = nn.Linear(D, PD), nn.Linear(PD, D)
        self.mask_token = nn.Parameter(0.02 * torch.randn(PD))
        self.predictor = transformer(PD, PDEPTH, HEADS)
        self.projector = nn.Linear(D, P)

    def encode(self, encoder, images, index=None):
        """Vision transformer (Dosovitskiy et al. 2021) on all patches, or on `index` only."""
        tokens = encoder["patches"]((images - 0.1) / 0.15).flatten(2).mT + positions(D)  # (B, N, D)
        return encoder["blocks"](tokens if index is None else gather(tokens, index))

    def predict(self, context, context_index, target_index):
        """Context tokens (B, Nc, D) to targets (B, M, Nt, D), block by block. I-JEPA, section 3."""
        table = positions(PD).expand(len(context), -1, -1)
        seen = (self.narrow(context) + gather(table, context_index))[:, None].expand(-1, M, -1, -1)
        asked = self.mask_token + gather(table, target_index)
        tokens = self.predictor(torch.cat([seen, asked], dim=2).flatten(0, 1))
        return self.widen(tokens[:, -NT:]).unflatten(0, (-1, M))

    def losses(self, images, context_index, target_index, directions):
        """total = (1 - λ) · prediction + λ · SIGReg, on images (B, 3, S, S) in [0, 1]."""
        context = self.encode(self.encoder, images, context_index)
        tokens = F.layer_norm(self.encode(self.target_encoder, images), (D,))  # without gradient
        guess = self.predict(context, context_index, target_index)
        prediction = (guess - gather(tokens, target_index)).square().mean()
        regularizer = sigreg(self.projector(context.mean(1)), directions)
        return (1 - LAMBDA) * prediction + LAMBDA * regularizer, prediction, regularizer

    def embed(self, flux):  # the mean token of the target encoder: one vector per galaxy (n, D)
        return torch.cat([self.encode(self.target_encoder, x).mean(1) for x in flux.split(256)])


def sigreg(z, directions, t_max=5.0, num_knots=17):
    """How far z (N, P) is from N(0, I), on directions (P, K). Prevents collapse. LeJEPA, section 4.

    z is N(0, I) exactly if z·a is N(0, 1) for every unit direction a. Epps & Pulley (1983) compare
    characteristic functions: mean over a of ∫ |mean_n exp(i t z_n·a) - exp(-t²/2)|² exp(-t²/2) dt.
    """
    t = torch.linspace(-t_max, t_max, num_knots)
    angle, gaussian = (z @ directions)[..., None] * t, torch.exp(-t.square() / 2)  # (N, K, knots)
    distance = (angle.cos().mean(0) - gaussian).square() + angle.sin().mean(0).square()
    return torch.trapezoid(distance * gaussian, t).mean()


def sample_masks(flux):
    """Draw context (B, Nc), weighted by light (Efraimidis & Spirakis 2006); targets (B, M, Nt)."""
    size = torch.tensor([[3, 4], [4, 3]])[torch.randint(2, (len(flux), M))]  # 19 % of the patches
    corner = (torch.rand(len(flux), M, 2) * (G + 1 - size)).long()
    line = torch.arange(G)
    inside = (line >= corner[..., None]) & (line < (corner + size)[..., None])  # (B, M, 2, G)
    hidden = (inside[:, :, 0, :, None] & inside[:, :, 1, None, :]).flatten(2)  # (B, M, N)
    weight = F.avg_pool2d(flux.mean(1, keepdim=True), PATCH).flatten(1) + 0.01
    keys = (torch.rand(weight.shape).log() / weight).masked_fill(hidden.any(1), -torch.inf)
    return keys.topk(NC).indices.sort().values, hidden.nonzero()[:, 2].view(len(flux), M, NT)


def train(model, flux, epochs, batch_size=64, peak=1e-3):
    """Pretrain on flux (n, 3, S, S) in [0, 1], without labels."""
    order = [rows for _ in range(epochs) for rows in torch.randperm(len(flux)).split(batch_size)]
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    pairs = list(zip(model.target_encoder.parameters(), model.encoder.parameters(), strict=True))
    for step, rows in enumerate(order):
        done = step / len(order)  # the learning rate rises linearly, then falls as half a cosine
        rate = peak * min(10 * done + 0.01, 0.5 + 0.5 * math.cos(math.pi * done))
        optimizer.param_groups[0]["lr"] = rate
        pictures = flux[rows].rot90(step % 4, (2, 3))  # a galaxy has no up
        directions = F.normalize(torch.randn(P, 256), dim=0)  # new ones at every step
        losses = model.losses(pictures, *sample_masks(pictures), directions)
        optimizer.zero_grad()
        losses[0].backward()
        nn.utils.clip_grad_norm_(model.parameters(), 3.0)
        optimizer.step()
        for target, source in pairs:  # EMA: m · target + (1 - m) · encoder, m from 0.99 to 1
            target.data.lerp_(source.data, 0.01 * (1 - done))
        if step % 50 == 0:
            print("step {}: total {:.3f}, prediction {:.3f}, SIGReg {:.4f}".format(step, *losses))


def linear_probe(known, labels, new, truth):
    """Accuracy of a linear classifier (ridge regression) on frozen embeddings of `new`."""
    known, new = ((x - known.mean(0)) / (known.std(0) + 1e-6) for x in (known, new))
    answer = F.one_hot(labels).float()
    gram = known.mT @ known + 10.0 * torch.eye(known.shape[1])
    scores = new @ torch.linalg.solve(gram, known.mT @ answer) + answer.mean(0)
    return (scores.argmax(1) == truth).float().mean().item()


def main(num_galaxies=1500, epochs=15):
    torch.manual_seed(0)
    data = aj.open_dataset(f"simulated:{num_galaxies}")
    pictures = torch.stack([torch.from_numpy(galaxy.image) for galaxy in data]).permute(0, 3, 1, 2)
    flux, labels = F.interpolate(pictures / 255, (S, S), mode="area"), torch.tensor(data.labels)
    cut, model = num_galaxies * 4 // 5, JEPA()
    for name, length in (("random weights", 0), ("trained", epochs)):
        train(model, flux[:cut], length)
        vectors = model.embed(flux)
        accuracy = linear_probe(vectors[:cut], labels[:cut], vectors[cut:], labels[cut:])
        print(f"Linear probe, {name}: {accuracy:.1%} of {num_galaxies - cut} test galaxies correct")


if __name__ == "__main__":
    main()
