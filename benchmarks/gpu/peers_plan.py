"""What the peers' measurements need without PyTorch: shapes, bytes, the batch that fits, time, and how results are written."""

import json
import os
import statistics
import time
from typing import NamedTuple

FORMAT = "moa-gpu-peers/1"
GIB = 1 << 30

# Left to the driver, to work memory and to what a step holds for a moment; rather too little, since smaller batches are tried next.
RESERVE_BYTES = GIB // 2
STEP_BYTES_PER_SEQUENCE = 1 << 20


class Shape(NamedTuple):
    """A Llama-family model; those of `moa model random --shape` have the same names."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_size: int
    intermediate: int
    vocabulary: int
    theta: float

    @property
    def weights(self):
        attention = self.hidden * self.head_size * 2 * (self.heads + self.kv_heads)
        layer = attention + 3 * self.hidden * self.intermediate + 2 * self.hidden
        return self.layers * layer + 2 * self.vocabulary * self.hidden + self.hidden

    def cache_bytes(self, rows, element=2):
        """Keys and values of all layers for so many rows of one sequence."""
        return 2 * self.layers * self.kv_heads * self.head_size * rows * element


SHAPES = {
    "vicuna-7b": Shape(32, 4096, 32, 32, 128, 11008, 32000, 1e4),
    "vicuna-13b": Shape(40, 5120, 40, 40, 128, 13824, 32000, 1e4),
    "llama-3-8b": Shape(32, 4096, 32, 8, 128, 14336, 128256, 5e5),
    "tiny": Shape(2, 64, 4, 2, 16, 96, 100, 1e4),
}


class Point(NamedTuple):
    """Tokens that are read, and tokens that are then made."""

    prompt: int
    generated: int

    @property
    def total(self):
        return self.prompt + self.generated

    @property
    def mean_context(self):
        return self.prompt + self.generated / 2

    @staticmethod
    def parse(text):
        """'3072+1024'."""
        parts = text.split("+")
        if len(parts) != 2 or not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
            raise ValueError(f"'{text}' is no point; expected PROMPT+GENERATED, as in 3072+1024")
        return Point(int(parts[0]), int(parts[1]))


def rows_kept(peer, point, density):
    """Rows of a sequence's cache at the end."""
    return max(1, int(point.total * density)) if peer == "streaming-llm" else point.total


def sequence_bytes(shape, peer, point, density):
    """The most that a sequence holds: a growing cache holds one layer twice while it grows."""
    cache = shape.cache_bytes(rows_kept(peer, point, density))
    return cache + (cache // shape.layers if peer == "hf-dense" else 0) + STEP_BYTES_PER_SEQUENCE


def prompt_bytes(shape, tokens):
    """What a pass over a prompt holds beside its cache, about: some rows of the hidden size and three of the wide one."""
    return tokens * (6 * shape.hidden + 3 * shape.intermediate) * 2


def batch_that_fits(limit_bytes, weight_bytes, bytes_per_sequence):
    """By count of bytes, before it is tried; 0 if not even one sequence fits."""
    return max(0, (limit_bytes - weight_bytes - RESERVE_BYTES) // bytes_per_sequence)


def try_batches(first, attempt, may_go_on=lambda: True):
    """Runs attempt(batch), from the first down by a sixteenth at a time, until one does not run out of memory.

    attempt gives None when it did. Returns (batch, result), or (0, None) if none ran.
    """
    batch = first
    while batch > 0 and may_go_on():
        result = attempt(batch)
        if result is not None:
            return batch, result
        batch -= max(1, batch // 16)
    return 0, None


def line_at(points, x):
    """The value at x of the straight line nearest to points (x, y) by least squares; the mean if all x are the same."""
    mean_x = statistics.fmean(px for px, _ in points)
    mean_y = statistics.fmean(py for _, py in points)
    spread = sum((px - mean_x) ** 2 for px, _ in points)
    slope = sum((px - mean_x) * (py - mean_y) for px, py in points) / spread if spread > 0 else 0
    return mean_y + slope * (x - mean_x)


def spread(name, values):
    """Median under the name itself, least and most beside it, as `moa bench --json` has them; null where there is nothing."""
    if not values:
        return {name: None}
    return {name: statistics.median(values), name + "Min": min(values), name + "Max": max(values)}


class Budget:
    """Seconds that may be used in all."""

    def __init__(self, seconds, clock=time.monotonic):
        self._clock = clock
        self._start = clock()
        self._seconds = seconds

    @property
    def used(self):
        return self._clock() - self._start

    @property
    def left(self):
        return self._seconds - self.used


def write_json(path, document):
    """Beside its place first, so that a killed run leaves no half of a file."""
    partial = path + ".partial"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
    os.replace(partial, path)


def table(document):
    """What was measured, for people."""
    machine, limits = document["machine"], document["limits"]
    lines = [f"{machine['device']}, PyTorch {machine['torch']}, {document['shape']}, at most {document['memoryLimitBytes'] / GIB:.0f} GiB"]
    for name, unit, scale in (("copyBytesPerSecond", "GB/s copied", 1e9), ("matmulFlopsPerSecond", "TFLOP/s, BF16 product", 1e12)):
        if limits.get(name) is not None:
            lines.append(f"{limits[name] / scale:,.0f} {unit}")
    for row in limits.get("prefillAttention", []):
        lines.append(f"{row['flopsPerSecond'] / 1e12:,.0f} TFLOP/s, prefill attention of {row['length']} tokens")
    headings = ("peer", "tokens", "batch", "decode, tokens/s", "prefill, tokens/s", "peak, GiB", "caches, GiB", "J/token")
    cells = [headings] + [(
        row["peer"], f"{row['prompt']}+{row['generated']}", str(row["batch"]), _figure(row["decodeTokensPerSecond"]),
        _figure(row["prefillTokensPerSecond"]), _gib(row["peakBytes"]), _gib(row["kvBytes"]), _figure(row["joulesPerToken"]),
    ) for row in document["rows"]]
    widths = [max(len(line[i]) for line in cells) for i in range(len(headings))]
    for line in cells:
        lines.append("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(line, widths))).rstrip())
    lines += [f"left out: {item['what']}: {item['why']}" for item in document["skipped"]]
    return "\n".join(lines)


def _figure(value):
    return "-" if value is None else f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def _gib(value):
    return "-" if value is None else f"{value / GIB:.1f}"
