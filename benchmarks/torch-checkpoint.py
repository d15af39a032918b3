#!/usr/bin/env python3
"""Writes a checkpoint with random weights in the layout of lmsys/vicuna-7b-v1.5-16k: config.json, two files as torch.save
writes them (a zip of stored storages, F16, and a pickle that names them), and their index. Needs Python alone.

    benchmarks/torch-checkpoint.py OUT_DIR [--layers 32] [--hidden 4096]
"""
import argparse
import collections
import io
import json
import os
import pickle
import random
import sys
import types
import zipfile

POOL = 1 << 26
ALIGNMENT = 64


def stand_in(module, thing):
    """Lets pickles name an object as one of torch's."""
    thing.__module__ = module
    setattr(sys.modules.setdefault(module, types.ModuleType(module)), thing.__qualname__, thing)
    return thing


def _rebuild_tensor_v2():
    raise NotImplementedError


HALF = stand_in("torch", type("HalfStorage", (), {}))
REBUILD = stand_in("torch._utils", _rebuild_tensor_v2)


class Storage:
    def __init__(self, key, elements):
        self.key, self.elements = key, elements


class Tensor:
    def __init__(self, storage, shape):
        self.storage, self.shape = storage, shape

    def __reduce__(self):
        strides = tuple(self.shape[i + 1] if i + 1 < len(self.shape) else 1 for i in range(len(self.shape)))
        return REBUILD, (self.storage, 0, self.shape, strides, False, collections.OrderedDict())


class Pickler(pickle.Pickler):
    def persistent_id(self, thing):
        return ("storage", HALF, thing.key, "cpu", thing.elements) if isinstance(thing, Storage) else None


def weights():
    """Random binary16 numbers of both signs, of size 2^-7 to 2^-5."""
    numbers = bytearray(random.Random(0).randbytes(POOL))
    numbers[1::2] = bytes(numbers[1::2]).translate(bytes((b & 0x80) | 0x20 | (b & 0x07) for b in range(256)))
    return bytes(numbers)


def write(path, shapes, pool):
    tensors, storages = {}, []
    for name, shape in shapes:
        elements = 1
        for size in shape:
            elements *= size
        storages.append(Storage(str(len(storages)), elements))
        tensors[name] = Tensor(storages[-1], shape)
    named = io.BytesIO()
    Pickler(named, protocol=2).dump(tensors)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as file:
        def entry(name, size):
            info = zipfile.ZipInfo("archive/" + name)
            data = file.fp.tell() + 30 + len(info.filename) + 20  # 20: the sizes of zip64
            pad = -(data + 4) % ALIGNMENT
            info.extra = b"FB" + pad.to_bytes(2, "little") + b"Z" * pad
            info.file_size = size
            return file.open(info, "w", force_zip64=True)

        with entry("data.pkl", named.tell()) as out:
            out.write(named.getvalue())
        for storage in storages:
            with entry("data/" + storage.key, 2 * storage.elements) as out:
                left, at = 2 * storage.elements, 4096 * int(storage.key) % POOL
                while left > 0:
                    piece = pool[at:at + left]
                    out.write(piece)
                    left, at = left - len(piece), 0
        with entry("version", 2) as out:
            out.write(b"3\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--hidden", type=int, default=4096)
    options = parser.parse_args()
    hidden, inner, vocabulary = options.hidden, options.hidden * 43 // 16, 32000
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "config.json"), "w") as file:
        json.dump({
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden, "intermediate_size": inner,
            "num_hidden_layers": options.layers, "num_attention_heads": hidden // 128, "num_key_value_heads": hidden // 128, "vocab_size": vocabulary,
            "max_position_embeddings": 4096, "max_sequence_length": 16384, "rope_scaling": {"type": "linear", "factor": 4.0}, "rms_norm_eps": 1e-5, "hidden_act": "silu",
            "tie_word_embeddings": False, "torch_dtype": "float16", "bos_token_id": 1, "eos_token_id": 2,
        }, file, indent=2)

    def layer(i):
        name = f"model.layers.{i}."
        yield from ((name + f"self_attn.{part}_proj.weight", (hidden, hidden)) for part in "qkvo")
        yield from ((name + f"mlp.{part}_proj.weight", (inner, hidden)) for part in ("gate", "up"))
        yield name + "mlp.down_proj.weight", (hidden, inner)
        yield name + "input_layernorm.weight", (hidden,)
        yield name + "post_attention_layernorm.weight", (hidden,)

    half = options.layers // 2
    files = [[("model.embed_tokens.weight", (vocabulary, hidden))], []]
    for i in range(options.layers):
        files[i >= half].extend(layer(i))
    files[1] += [("model.norm.weight", (hidden,)), ("lm_head.weight", (vocabulary, hidden))]
    pool, places = weights(), {}
    for i, shapes in enumerate(files):
        name = f"pytorch_model-{i + 1:05}-of-00002.bin"
        write(os.path.join(options.out, name), shapes, pool)
        places |= {tensor: name for tensor, _ in shapes}
    with open(os.path.join(options.out, "pytorch_model.bin.index.json"), "w") as file:
        json.dump({"metadata": {}, "weight_map": places}, file, indent=2)


main()
