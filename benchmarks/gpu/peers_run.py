"""Runs the peers at the points of the paper's protocol."""

import gc
import statistics
import time

import torch

import peers_limits
import peers_plan as plan
from peers_torch import Decoder, FixedCache, GrowingCache

WARM_UP_STEPS = 5
MOST_STEPS = 48
OUT_OF_MEMORY = getattr(torch, "OutOfMemoryError", torch.cuda.OutOfMemoryError)


def ran_out_of_memory(failure):
    text = str(failure).lower()
    return isinstance(failure, OUT_OF_MEMORY) or isinstance(failure, RuntimeError) and any(
        words in text for words in ("out of memory", "alloc_failed", "can't allocate memory"))


def or_none(work):
    """What work gives, or None if the memory did not suffice; nothing that it made is left then."""
    try:
        return work()
    except RuntimeError as failure:
        if not ran_out_of_memory(failure):
            raise
    return None


class Run:
    """All measurements on one device, within a budget of seconds."""

    def __init__(self, options, budget, say):
        self.options, self.budget, self.say = options, budget, say
        self.device = torch.device(options.device)
        self.shape = plan.SHAPES[options.shape]
        self.dtype = torch.bfloat16
        self.weight_bytes = 2 * self.shape.weights
        self.energy = peers_limits.CardEnergy(self.device)
        self.rows, self.skipped, self.limits = [], [], {}
        self.limit_bytes = self._limit_memory()
        self.batches = {}

    def measure(self):
        """Everything, the most important first; what the budget or the memory leaves out is named."""
        self._guarded("limits of the card", self._measure_limits)
        decoder = self._guarded("weights", lambda: Decoder(self.shape, self.device, self.dtype))
        if decoder is not None:
            for peer in ("hf-dense", "streaming-llm", "static-dense"):
                for point in self.options.points:
                    self._guarded(f"{peer}, {point.prompt}+{point.generated}", lambda: self._measure_largest(decoder, peer, point))
            for point in self.options.points:
                self._guarded(f"hf-dense, {point.prompt}+{point.generated}, batch {self.options.equal_batch}",
                              lambda: self._measure_equal(decoder, "hf-dense", point))
        decoder = None
        self._free()
        self._guarded("transformers' generate", self._measure_transformers)

    def document(self):
        cuda = self.device.type == "cuda"
        properties = torch.cuda.get_device_properties(self.device) if cuda else None
        return {
            "format": plan.FORMAT,
            "machine": {
                "device": properties.name if cuda else "cpu",
                "computeCapability": f"{properties.major}.{properties.minor}" if cuda else None,
                "memoryBytes": properties.total_memory if cuda else None,
                "torch": torch.__version__,
                "cuda": torch.version.cuda,
                "transformers": _version("transformers"),
                "triton": _version("triton"),
            },
            "shape": self.options.shape,
            "memoryLimitBytes": self.limit_bytes,
            "density": self.options.density,
            "repeats": self.options.repeats,
            "seconds": round(self.budget.used, 1),
            "limits": self.limits,
            "rows": self.rows,
            "skipped": self.skipped,
        }

    def _limit_memory(self):
        asked = int(self.options.memory_limit * plan.GIB)
        if self.device.type != "cuda":
            return asked
        total = torch.cuda.get_device_properties(self.device).total_memory
        limit = min(asked, total)
        torch.cuda.set_per_process_memory_fraction(limit / total, self.device)
        return limit

    def _guarded(self, what, work):
        used_up = f"the budget of {self.options.budget_seconds:g} s was used up"
        if self.budget.left <= 0:
            self.skipped.append({"what": what, "why": used_up})
            return None
        self.say(f"{what} ({self.budget.left:.0f} s left)")
        result = None
        try:
            result = work()
            why = None if result is not None else "not enough memory" if self.budget.left > 0 else used_up
        except Exception as failure:  # one peer that fails, in whichever way, must not cost the others
            why = "not enough memory" if ran_out_of_memory(failure) else f"{type(failure).__name__}: {' '.join(str(failure).split())[:300]}"
        if why is not None:
            self.skipped.append({"what": what, "why": why})
        self._free()
        return result

    def _free(self):
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)

    def _measure_limits(self):
        small = self.device.type != "cuda"
        repeats = self.options.repeats
        self.limits["copyBytesPerSecond"] = peers_limits.copy_rate(self.device, repeats, 1 << (26 if small else 30))
        self.limits["matmulFlopsPerSecond"] = peers_limits.matmul_rate(self.device, self.dtype, repeats, 256 if small else 8192)
        self.limits["prefillAttention"] = [
            {"length": length, "flopsPerSecond": peers_limits.prefill_attention_rate(self.device, self.dtype, repeats, length)}
            for length in ((256,) if small else (8192, 16384))
        ]
        return self.limits

    def _measure_largest(self, decoder, peer, point):
        each = plan.sequence_bytes(self.shape, peer, point, self.options.density)
        first = plan.batch_that_fits(self.limit_bytes, self.weight_bytes, each)
        if self.options.most_sequences:
            first = min(first, self.options.most_sequences)
        batch, row = plan.try_batches(first, lambda batch: self._attempt(decoder, peer, point, batch), lambda: self.budget.left > 0)
        if row is not None:
            if peer == "hf-dense":
                row.update(plan.spread("prefillTokensPerSecond", self._prefill_rates(decoder, point)))
            self.rows.append(row)
            self.batches[peer, point] = batch
        return row

    def _measure_equal(self, decoder, peer, point):
        batch = self.options.equal_batch
        if self.batches.get((peer, point)) == batch:
            return True  # the row is there
        row = self._attempt(decoder, peer, point, batch)
        if row is not None:
            self.rows.append(row)
        return row

    def _attempt(self, decoder, peer, point, batch):
        self._free()
        row = or_none(lambda: self._measure_point(decoder, peer, point, batch))
        if row is None:
            self.say(f"{peer}, {batch} sequences of {point.total} tokens: not enough memory")
        return row

    def _measure_point(self, decoder, peer, point, batch):
        """Decode speed over the whole of a generation, from steps at its end, its middle and its start: their time is linear in
        the context. The last steps of all come first and say whether the memory suffices, and how much there must be."""
        self._decode_last(decoder, peer, point, batch)
        peak, reserved = self._peaks()
        last = max(point.prompt, point.total - WARM_UP_STEPS - 1 - self.options.repeats * MOST_STEPS)
        places = [last] if peer == "streaming-llm" else sorted({last, (point.prompt + last) // 2, point.prompt}, reverse=True)
        samples = [self._sample(decoder, peer, point, batch, place) for place in places]
        times = [plan.line_at([(sample["context"], sample["seconds"][repeat]) for sample in samples], point.mean_context)
                 for repeat in range(self.options.repeats)]
        joules = [(sample["context"], sample["joules"]) for sample in samples]
        known = all(value is not None for _, value in joules)
        return {
            "peer": peer, "prompt": point.prompt, "generated": point.generated, "batch": batch,
            **plan.spread("decodeTokensPerSecond", [batch / seconds for seconds in times]),
            **plan.spread("prefillTokensPerSecond", None),
            "joulesPerToken": plan.line_at(joules, point.mean_context) / batch if known else None,
            "peakBytes": peak, "reservedBytes": reserved,
            "kvBytes": batch * self.shape.cache_bytes(plan.rows_kept(peer, point, self.options.density)),
            "weightBytes": self.weight_bytes, "note": None,
        }

    def _peaks(self):
        if self.device.type != "cuda":
            return None, None
        return torch.cuda.max_memory_allocated(self.device), torch.cuda.max_memory_reserved(self.device)

    def _decode_last(self, decoder, peer, point, batch):
        cache = self._cache(peer, point, batch)
        cache.fill(point.total - 1)
        decoder.forward(torch.zeros(batch, 1, dtype=torch.int64, device=self.device), cache).argmax(dim=-1)
        peers_limits.synchronize(self.device)

    def _sample(self, decoder, peer, point, batch, place):
        cache = self._cache(peer, point, batch)
        cache.fill(place)
        return self._decode(decoder, cache, batch)

    def _cache(self, peer, point, batch):
        if peer == "hf-dense":
            return GrowingCache(self.shape, batch, self.device, self.dtype)
        return FixedCache(self.shape, batch, plan.rows_kept(peer, point, self.options.density), self.device, self.dtype)

    def _decode(self, decoder, cache, batch):
        """Seconds and joules of a step, and the mean context that they belong to."""
        tokens = torch.randint(self.shape.vocabulary, (batch, 1), device=self.device)

        def step():
            nonlocal tokens
            tokens = decoder.forward(tokens, cache).argmax(dim=-1, keepdim=True)

        for _ in range(WARM_UP_STEPS):
            step()
        peers_limits.synchronize(self.device)
        start = time.perf_counter()
        step()
        peers_limits.synchronize(self.device)
        # So many that a repeat takes long beside the clock, and all of them long beside the counter of energy.
        steps = max(2, min(MOST_STEPS, round(self.options.repeat_seconds / (time.perf_counter() - start))))
        first = cache.length
        before, seconds = self.energy.joules(), []
        for _ in range(self.options.repeats):
            start = time.perf_counter()
            for _ in range(steps):
                step()
            peers_limits.synchronize(self.device)
            seconds.append((time.perf_counter() - start) / steps)
        after, total = self.energy.joules(), sum(seconds) * steps
        told = before is not None and after is not None and total >= self.energy.LEAST_SECONDS
        return {"context": (first + cache.length) / 2, "seconds": seconds, "joules": (after - before) / (steps * len(seconds)) if told else None}

    def _prefill_rates(self, decoder, point):
        """Of one prompt at a time, into an empty cache."""
        rates = []
        tokens = torch.randint(self.shape.vocabulary, (1, point.prompt), device=self.device)
        for repeat in range(1 + self.options.repeats):
            cache = GrowingCache(self.shape, 1, self.device, self.dtype)
            peers_limits.synchronize(self.device)
            start = time.perf_counter()
            decoder.forward(tokens, cache)
            peers_limits.synchronize(self.device)
            if repeat > 0:
                rates.append(point.prompt / (time.perf_counter() - start))
        return rates

    def _measure_transformers(self):
        """transformers' own generate at the first point, with as many sequences as should fit beside their prompts: the first new tokens alone."""
        try:
            from transformers import AutoModelForCausalLM, LlamaConfig
        except ImportError as failure:
            self.skipped.append({"what": "transformers' generate", "why": f"transformers cannot be imported: {failure}"})
            return True
        point, shape = self.options.points[0], self.shape
        config = LlamaConfig(
            num_hidden_layers=shape.layers, hidden_size=shape.hidden, num_attention_heads=shape.heads, num_key_value_heads=shape.kv_heads,
            head_dim=shape.head_size, intermediate_size=shape.intermediate, vocab_size=shape.vocabulary, max_position_embeddings=point.total)
        before = torch.get_default_dtype()
        torch.set_default_dtype(self.dtype)
        try:
            with self.device:
                model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").to(self.dtype).eval()
        finally:
            torch.set_default_dtype(before)
        each = plan.sequence_bytes(shape, "hf-dense", point, 1) + plan.prompt_bytes(shape, point.prompt)
        first = min(plan.batch_that_fits(self.limit_bytes, self.weight_bytes, each), self.options.most_sequences or 1 << 30)
        _, row = plan.try_batches(first, lambda batch: self._attempt_generate(model, point, batch), lambda: self.budget.left > 0)
        if row is not None:
            self.rows.append(row)
        return row

    def _attempt_generate(self, model, point, batch):
        self._free()
        few, many = 1, min(point.generated, 33)
        tokens = torch.randint(3, self.shape.vocabulary, (batch, point.prompt), device=self.device)

        def generate(count):
            peers_limits.synchronize(self.device)
            start = time.perf_counter()
            with torch.inference_mode():
                model.generate(
                    tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=count, min_new_tokens=count, do_sample=False, use_cache=True,
                    pad_token_id=0, eos_token_id=None)
            peers_limits.synchronize(self.device)
            return time.perf_counter() - start

        def measure():
            generate(many)
            prompt = statistics.median(generate(few) for _ in range(self.options.repeats))
            rates = [batch * (many - few) / max(1e-9, generate(many) - prompt) for _ in range(self.options.repeats)]
            peak, reserved = self._peaks()
            return {
                "peer": "transformers", "prompt": point.prompt, "generated": point.generated, "batch": batch,
                **plan.spread("decodeTokensPerSecond", rates), **plan.spread("prefillTokensPerSecond", [batch * point.prompt / prompt]),
                "joulesPerToken": None,
                "peakBytes": peak, "reservedBytes": reserved,
                "kvBytes": self.shape.cache_bytes(point.prompt + many) * batch, "weightBytes": self.weight_bytes,
                "note": f"the first {many} of {point.generated} new tokens: the whole of a generation is slower",
            }

        return or_none(measure)


def _version(module):
    try:
        return __import__(module).__version__
    except Exception:  # a broken installation is none
        return None
