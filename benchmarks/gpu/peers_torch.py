"""A Llama decoder in plain PyTorch, as Hugging Face's loop runs it, with three kinds of caches."""

import torch
import torch.nn.functional as F


def attention(q, k, v, causal, grouped):
    """Heads beside heads: q [batch, heads, rows, size]; k and v have as many heads or fewer, each for a group of q's."""
    if grouped > 1:
        try:
            return F.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=True)
        except TypeError:  # before PyTorch 2.5
            k, v = (rows.repeat_interleave(grouped, dim=1) for rows in (k, v))
    return F.scaled_dot_product_attention(q, k, v, is_causal=causal)


class GrowingCache:
    """Hugging Face's DynamicCache: every step makes new tensors of everything."""

    def __init__(self, shape, batch, device, dtype):
        self._make = lambda rows: torch.empty(batch, shape.kv_heads, rows, shape.head_size, device=device, dtype=dtype).normal_()
        self._rows = [None] * shape.layers
        self.length = 0

    def fill(self, length):
        self._rows = [(self._make(length), self._make(length)) for _ in self._rows]
        self.length = length

    def append(self, layer, k, v):
        if self._rows[layer] is not None:
            keys, values = self._rows[layer]
            self._rows[layer] = None
            keys = torch.cat([keys, k], dim=-2)
            values = torch.cat([values, v], dim=-2)
        else:
            keys, values = k.contiguous(), v.contiguous()
        self._rows[layer] = (keys, values)
        return keys, values

    def advance(self, count):
        self.length += count

    @property
    def bytes(self):
        return sum(rows.numel() * rows.element_size() for pair in self._rows if pair is not None for rows in pair)


class FixedCache:
    """Memory of the final size from the start. With fewer rows than tokens it keeps the first ones and a ring of the latest."""

    def __init__(self, shape, batch, rows, device, dtype, sink=4):
        new = lambda: torch.zeros(batch, shape.kv_heads, rows, shape.head_size, device=device, dtype=dtype)
        self._rows = [(new(), new()) for _ in range(shape.layers)]
        self._capacity = rows
        self._sink = min(sink, rows - 1)
        self.length = 0

    def fill(self, length):
        for keys, values in self._rows:
            keys.normal_()
            values.normal_()
        self.length = length

    def slot(self, position):
        ring = self._capacity - self._sink
        return position if position < self._capacity else self._sink + (position - self._sink) % ring

    def append(self, layer, k, v):
        """One row, or the first ones of all."""
        keys, values = self._rows[layer]
        count = k.shape[-2]
        start = self.slot(self.length)
        keys[:, :, start:start + count] = k
        values[:, :, start:start + count] = v
        held = min(self.length + count, self._capacity)
        return keys[:, :, :held], values[:, :, :held]

    def advance(self, count):
        self.length += count

    @property
    def bytes(self):
        return sum(rows.numel() * rows.element_size() for pair in self._rows for rows in pair)


class Decoder:
    """Random weights of a shape; logits of the last row only."""

    def __init__(self, shape, device, dtype, seed=0):
        generator = torch.Generator(device=device).manual_seed(seed)

        def matrix(rows, columns):
            return torch.empty(rows, columns, device=device, dtype=dtype).normal_(0, 0.02, generator=generator)

        def norm():
            return torch.ones(shape.hidden, device=device, dtype=dtype)

        self.shape = shape
        wide, narrow = shape.heads * shape.head_size, shape.kv_heads * shape.head_size
        self.embedding = matrix(shape.vocabulary, shape.hidden)
        self.layers = [{
            "input_norm": norm(), "q": matrix(wide, shape.hidden), "k": matrix(narrow, shape.hidden), "v": matrix(narrow, shape.hidden),
            "o": matrix(shape.hidden, wide), "post_norm": norm(), "gate": matrix(shape.intermediate, shape.hidden),
            "up": matrix(shape.intermediate, shape.hidden), "down": matrix(shape.hidden, shape.intermediate),
        } for _ in range(shape.layers)]
        self.final_norm = norm()
        self.head = matrix(shape.vocabulary, shape.hidden)
        powers = torch.arange(0, shape.head_size, 2, device=device, dtype=torch.float32) / shape.head_size
        self.frequencies = shape.theta ** -powers

    @torch.inference_mode()
    def forward(self, tokens, cache):
        """Tokens [batch, rows] that follow what the cache holds; more than one row only into an empty cache."""
        shape = self.shape
        batch, rows = tokens.shape
        if rows > 1 and cache.length > 0:
            raise ValueError("a prompt is read in one piece")
        x = F.embedding(tokens, self.embedding)
        angles = torch.arange(cache.length, cache.length + rows, device=x.device, dtype=torch.float32)[:, None] * self.frequencies
        cos, sin = (torch.cat([part, part], dim=-1).to(x.dtype) for part in (angles.cos(), angles.sin()))
        for index, layer in enumerate(self.layers):
            h = self._norm(x, layer["input_norm"])
            q = self._heads(F.linear(h, layer["q"]), shape.heads)
            k = self._heads(F.linear(h, layer["k"]), shape.kv_heads)
            v = self._heads(F.linear(h, layer["v"]), shape.kv_heads)
            keys, values = cache.append(index, self._rotate(k, cos, sin), v)
            attended = attention(self._rotate(q, cos, sin), keys, values, rows > 1, shape.heads // shape.kv_heads)
            x = x + F.linear(attended.transpose(1, 2).reshape(batch, rows, -1), layer["o"])
            h = self._norm(x, layer["post_norm"])
            x = x + F.linear(F.silu(F.linear(h, layer["gate"])) * F.linear(h, layer["up"]), layer["down"])
        cache.advance(rows)
        return F.linear(self._norm(x[:, -1], self.final_norm), self.head)

    def _heads(self, x, heads):
        return x.view(x.shape[0], x.shape[1], heads, self.shape.head_size).transpose(1, 2)

    @staticmethod
    def _rotate(x, cos, sin):
        first, second = x.chunk(2, dim=-1)
        return x * cos + torch.cat([-second, first], dim=-1) * sin

    @staticmethod
    def _norm(x, weight):
        if hasattr(F, "rms_norm"):
            return F.rms_norm(x, weight.shape, weight, 1e-5)
        wide = x.float()
        return weight * (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-5)).to(x.dtype)
