using System.Diagnostics;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;

namespace MoA.Gpu.Benchmarks.Parts;

/// <summary>Reading prompts: one of the protocol's length dense and under the plan, and the long one while there is time.</summary>
internal sealed class PromptPart(PartScope scope, GpuBackend backend, CardSizes sizes, CardOptions options)
{
    public void Run()
    {
        using LanguageModel model = CardModel.Load(backend, sizes.Model);
        PlanPolicy plan = CardModel.Plan(options, model.Config);
        scope.Guard("dense", () => Read(model, "dense", new DensePolicy(), sizes.PrefillTokens));
        scope.Guard("plan", () => Read(model, "plan", plan, sizes.PrefillTokens));
        scope.Guard("long", () => Read(model, "plan", plan, sizes.LongPrompt));
    }

    private void Read(LanguageModel model, string name, AttentionPolicy policy, int length)
    {
        using SequenceCache sequence = model.Transformer.CreateSequence(policy, length + 1);
        ForwardBatch batch = model.Transformer.CreateBatch();
        int[] tokens = Passes.Tokens(length, model.Config.VocabularySize);
        long start = Stopwatch.GetTimestamp();
        int done = 0, last = 0;
        while (done < length && scope.Left > 0)
        {
            int count = Math.Min(model.Transformer.MaxRows, length - done);
            batch.Clear();
            last = batch.Add(sequence, tokens.AsSpan(done, count), AttentionMode.Prefill) + count - 1;
            model.Transformer.Forward(batch);
            // Otherwise launches run ahead of the clock that ends this.
            backend.Session.Accelerator.Synchronize();
            done += count;
        }

        model.Transformer.Logits(batch, [last], new float[model.Config.VocabularySize]);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        scope.Row(
            $"{name}, {length} tokens", ("tokensRead", done), ("tokensPerSecond", done / seconds), ("seconds", seconds),
            ("rowsPerPass", model.Transformer.MaxRows), ("kvBytes", sequence.Bytes));
    }
}
