"""python3 -m unittest peers_test, in this folder. What needs PyTorch is left out where it is missing; no GPU is needed."""

import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stderr

import peers
import peers_plan as plan

try:
    import torch
    import peers_torch
    from torch.nn.functional import scaled_dot_product_attention as _  # before PyTorch 2.0 there is none
except ImportError:
    torch = None


class PlanTest(unittest.TestCase):
    vicuna = plan.SHAPES["vicuna-7b"]

    def test_shapes_have_the_published_sizes(self):
        self.assertEqual(self.vicuna.weights, 6_738_415_616)  # as the hub's model card counts vicuna-7b
        self.assertEqual(plan.SHAPES["vicuna-13b"].weights, 13_015_864_320)
        self.assertEqual(plan.SHAPES["llama-3-8b"].weights, 8_030_261_248)
        self.assertEqual(self.vicuna.cache_bytes(1), 512 << 10)
        self.assertEqual(plan.SHAPES["llama-3-8b"].cache_bytes(1), 128 << 10)

    def test_points(self):
        point = plan.Point.parse("3072+1024")
        self.assertEqual((point.prompt, point.generated, point.total, point.mean_context), (3072, 1024, 4096, 3584))
        for text in ("", "3072", "3072+", "+1", "1+2+3", "0+1", "1+0", "-1+5", "1.5+2", "a+b", "1 +2"):
            with self.assertRaises(ValueError, msg=text):
                plan.Point.parse(text)

    def test_batches_that_fit_are_near_the_papers(self):
        # 80 GiB less 12.55 of weights and 0.5 are 66.95; a dense sequence of 4096 takes 2 GiB, a 32nd more while it grows, and 1 MiB: 2.0635.
        # The paper's dense loop held 30, 15 and 8 sequences.
        for text, dense, streaming in (("3072+1024", 32, 66), ("6144+2048", 16, 33), ("12288+4096", 8, 16)):
            point = plan.Point.parse(text)
            fits = lambda peer: plan.batch_that_fits(80 * plan.GIB, 2 * self.vicuna.weights, plan.sequence_bytes(self.vicuna, peer, point, 0.5))
            self.assertEqual((fits("hf-dense"), fits("streaming-llm")), (dense, streaming))
        self.assertEqual(plan.batch_that_fits(10 * plan.GIB, 2 * self.vicuna.weights, 1), 0)

    def test_batches_go_down_until_one_runs(self):
        tried = []

        def attempt(batch):
            tried.append(batch)
            return "ran" if batch <= 28 else None

        self.assertEqual(plan.try_batches(32, attempt), (28, "ran"))
        self.assertEqual(tried, [32, 30, 29, 28])
        self.assertEqual(plan.try_batches(3, lambda _: None), (0, None))
        self.assertEqual(plan.try_batches(0, attempt), (0, None))
        self.assertEqual(plan.try_batches(32, attempt, lambda: False), (0, None))

    def test_lines(self):
        self.assertAlmostEqual(plan.line_at([(1, 3), (2, 5), (4, 9)], 10), 21)
        self.assertAlmostEqual(plan.line_at([(0, 0), (1, 1), (2, 0)], 7), 1 / 3)  # slope 0
        self.assertAlmostEqual(plan.line_at([(5, 2)], 100), 2)

    def test_spreads(self):
        self.assertEqual(plan.spread("x", [3, 1, 2]), {"x": 2, "xMin": 1, "xMax": 3})
        self.assertEqual(plan.spread("x", None), {"x": None})

    def test_budget(self):
        times = iter([100, 130, 190])
        budget = plan.Budget(60, lambda: next(times))
        self.assertEqual(budget.left, 30)
        self.assertEqual(budget.left, -30)

    def test_table_and_file(self):
        row = {"peer": "hf-dense", "prompt": 3072, "generated": 1024, "batch": 30, "decodeTokensPerSecond": 134.6, "prefillTokensPerSecond": None,
               "peakBytes": 76 * plan.GIB, "kvBytes": 60 * plan.GIB, "joulesPerToken": 2.98}
        document = {"machine": {"device": "A", "torch": "2"}, "limits": {"copyBytesPerSecond": 2.5e12}, "shape": "vicuna-7b",
                    "memoryLimitBytes": 80 * plan.GIB, "rows": [row], "skipped": [{"what": "x", "why": "y"}]}
        text = plan.table(document)
        for part in ("2,500 GB/s", "3072+1024", " 135", "76.0", "2.98", " - ", "left out: x: y"):
            self.assertIn(part, text)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "peers.json")
            plan.write_json(path, document)
            self.assertEqual(os.listdir(folder), ["peers.json"])
            with open(path, encoding="utf-8") as file:
                self.assertEqual(json.load(file), document)


class OptionsTest(unittest.TestCase):
    def test_defaults_are_the_papers(self):
        options = peers.read_options([])
        self.assertEqual([point.total for point in options.points], [4096, 8192, 16384])
        self.assertEqual((options.shape, options.memory_limit, options.density, options.equal_batch), ("vicuna-7b", 80, 0.5, 8))

    def test_what_is_wrong_is_refused(self):
        for arguments in (["--density", "1.5"], ["--density", "nan"], ["--points", "7"], ["--repeats", "0"], ["--memory-limit", "-1"],
                          ["--budget-seconds", "inf"], ["--shape", "gpt"], ["--out"], ["extra"]):
            with self.assertRaises(SystemExit) as refusal, redirect_stderr(io.StringIO()):
                peers.read_options(arguments)
            self.assertEqual(refusal.exception.code, 2, arguments)

    def test_without_pytorch_there_is_one_line(self):
        folder = os.path.dirname(os.path.abspath(__file__))
        with tempfile.TemporaryDirectory() as empty:
            with open(os.path.join(empty, "torch.py"), "w", encoding="utf-8") as file:
                file.write("raise ImportError('none here')\n")
            run = subprocess.run([sys.executable, os.path.join(folder, "peers.py"), "--out", os.path.join(empty, "p.json")], capture_output=True,
                                 text=True, env={**os.environ, "PYTHONPATH": empty, "PYTHONDONTWRITEBYTECODE": "1"}, check=False)
            self.assertEqual((run.returncode, run.stdout), (2, ""))
            self.assertEqual(run.stderr, "peers.py: PyTorch cannot be imported (none here); run it with a Python that has it\n")
            self.assertEqual(os.listdir(empty), ["torch.py"])


@unittest.skipIf(torch is None, "PyTorch 2 is not installed")
class DecoderTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.shape = plan.SHAPES["tiny"]
        self.cpu = torch.device("cpu")
        self.decoder = peers_torch.Decoder(self.shape, self.cpu, torch.float32)
        for name in ("input_norm", "post_norm"):
            for layer in self.decoder.layers:
                layer[name].uniform_(0.5, 1.5)

    def growing(self, batch=1):
        return peers_torch.GrowingCache(self.shape, batch, self.cpu, torch.float32)

    def fixed(self, rows, batch=1):
        return peers_torch.FixedCache(self.shape, batch, rows, self.cpu, torch.float32)

    def test_weights_are_as_many_as_counted(self):
        tensors = [self.decoder.embedding, self.decoder.head, self.decoder.final_norm, *(t for layer in self.decoder.layers for t in layer.values())]
        self.assertEqual(sum(tensor.numel() for tensor in tensors), self.shape.weights)

    def test_steps_equal_reading_all_at_once(self):
        tokens = torch.randint(self.shape.vocabulary, (2, 12))
        whole = self.decoder.forward(tokens, self.growing(2))
        for cache in (self.growing(2), self.fixed(12, 2)):
            self.decoder.forward(tokens[:, :5], cache)
            for i in range(5, 12):
                logits = self.decoder.forward(tokens[:, i:i + 1], cache)
            self.assertTrue(torch.allclose(whole, logits, atol=1e-5))
            self.assertEqual(cache.bytes, 2 * self.shape.cache_bytes(12, 4))

    def test_a_ring_keeps_the_first_and_the_latest(self):
        cache = self.fixed(7)  # four first ones and three latest
        held = {}
        for position in range(20):
            slot = cache.slot(position)
            held[slot] = position
        self.assertEqual(sorted(held.values()), [0, 1, 2, 3, 17, 18, 19])
        self.assertEqual(sorted(held), list(range(7)))

    def test_a_ring_attends_to_what_it_keeps(self):
        # One layer: what was dropped cannot matter, and what is kept must.
        shape = self.shape._replace(layers=1)
        decoder = peers_torch.Decoder(shape, self.cpu, torch.float32)

        def last_logits(tokens):
            cache = peers_torch.FixedCache(shape, 1, 7, self.cpu, torch.float32)
            for token in tokens:
                logits = decoder.forward(torch.tensor([[token]]), cache)
            return logits

        tokens = list(range(10, 30))
        same = last_logits(tokens[:8] + [77] + tokens[9:])
        self.assertTrue(torch.equal(last_logits(tokens), same))
        for kept in (0, 3, 17):
            self.assertFalse(torch.allclose(same, last_logits(tokens[:kept] + [77] + tokens[kept + 1:]), atol=1e-7))

    def test_a_small_run_writes_the_schema(self):
        folder = os.path.dirname(os.path.abspath(__file__))
        with tempfile.TemporaryDirectory() as temporary:
            path = os.path.join(temporary, "p.json")
            arguments = ["--device", "cpu", "--shape", "tiny", "--points", "96+32", "--memory-limit", "1", "--most-sequences", "3",
                         "--equal-batch", "2", "--repeat-seconds", "0.01", "--out", path]
            run = subprocess.run([sys.executable, os.path.join(folder, "peers.py"), *arguments], capture_output=True, text=True, check=False)
            self.assertEqual(run.returncode, 0, run.stderr)
            with open(path, encoding="utf-8") as file:
                document = json.load(file)
        self.assertEqual(document["format"], plan.FORMAT)
        rows = [(row["peer"], row["batch"], row["kvBytes"]) for row in document["rows"] if row["peer"] != "transformers"]
        token = self.shape.cache_bytes(1)
        self.assertEqual(rows, [("hf-dense", 3, 3 * 128 * token), ("streaming-llm", 3, 3 * 64 * token),
                                ("static-dense", 3, 3 * 128 * token), ("hf-dense", 2, 2 * 128 * token)])
        self.assertIn("96+32", run.stdout)
        self.assertTrue(all(row["decodeTokensPerSecondMin"] <= row["decodeTokensPerSecond"] <= row["decodeTokensPerSecondMax"]
                            for row in document["rows"]))


if __name__ == "__main__":
    unittest.main()
