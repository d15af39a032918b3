#!/usr/bin/env python3
"""The peers on a GPU: what PyTorch itself reaches on the paper's protocol, with random weights of a model's shape.

Needs PyTorch; transformers where it is there. Writes a JSON document (its schema: README.md beside this file) and a table.
"""

import argparse
import os
import sys

import peers_plan as plan


def positive(kind):
    def read(text):
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"'{text}' is no number above 0")
        return value
    return read


def share(text):
    value = positive(float)(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no share of 1")
    return value


def points(text):
    try:
        return [plan.Point.parse(part) for part in text.split(",")]
    except ValueError as failure:
        raise argparse.ArgumentTypeError(str(failure))


def read_options(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--out", default="peers.json", help="the JSON document (default: %(default)s)")
    parser.add_argument("--budget-seconds", type=positive(float), default=240, help="no measurement begins later (default: %(default)s)")
    parser.add_argument("--memory-limit", type=positive(float), default=80, help="GiB that may be used, or the card's if it has less (default: %(default)s)")
    parser.add_argument("--shape", choices=sorted(plan.SHAPES), default="vicuna-7b", help="the model's shape (default: %(default)s)")
    parser.add_argument("--points", type=points, default=points("3072+1024,6144+2048,12288+4096"),
                        help="prompt and new tokens (default: 3072+1024,6144+2048,12288+4096)")
    parser.add_argument("--density", type=share, default=0.5, help="rows that StreamingLLM keeps (default: %(default)s)")
    parser.add_argument("--equal-batch", type=positive(int), default=8, help="a batch at which memory is compared (default: %(default)s, the paper's)")
    parser.add_argument("--most-sequences", type=positive(int), help="a bound of the largest batch (default: none)")
    parser.add_argument("--repeats", type=positive(int), default=3, help="measurements of each figure; the median counts (default: %(default)s)")
    parser.add_argument("--repeat-seconds", type=positive(float), default=0.4, help="about as long as a repeat of steps takes (default: %(default)s)")
    parser.add_argument("--device", default="cuda", help="PyTorch's name of the device (default: %(default)s)")
    return parser.parse_args(arguments)


def main(arguments):
    options = read_options(arguments)
    # Tensors that grow fit better then: more sequences for the peers.
    os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
    try:
        import torch
    except ImportError as failure:
        print(f"peers.py: PyTorch cannot be imported ({failure}); run it with a Python that has it", file=sys.stderr)
        return 2
    try:
        device = torch.device(options.device)
    except RuntimeError:
        print(f"peers.py: --device {options.device}: PyTorch knows no such device; expected cuda, cuda:N or cpu", file=sys.stderr)
        return 2
    if device.type not in ("cuda", "cpu"):
        print(f"peers.py: --device {options.device}: expected cuda, cuda:N or cpu", file=sys.stderr)
        return 2
    if device.type == "cuda" and (device.index or 0) >= (torch.cuda.device_count() if torch.cuda.is_available() else 0):
        print(f"peers.py: --device {options.device}: PyTorch sees no such GPU", file=sys.stderr)
        return 2

    from peers_run import Run
    run = Run(options, plan.Budget(options.budget_seconds), lambda text: print(text, file=sys.stderr, flush=True))
    try:
        run.measure()
    finally:
        # What was measured before a failure or Ctrl-C is kept.
        document = run.document()
        plan.write_json(options.out, document)
    print(plan.table(document))
    return 0 if document["rows"] else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("peers.py: interrupted; what was measured is kept", file=sys.stderr)
        sys.exit(130)
    except OSError as failure:
        print(f"peers.py: {failure}", file=sys.stderr)
        sys.exit(1)
