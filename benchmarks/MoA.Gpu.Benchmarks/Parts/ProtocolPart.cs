using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Energy;
using MoA.Engine.Generation;

namespace MoA.Gpu.Benchmarks.Parts;

/// <summary>The paper's protocol: tokens a second of whole generations at the largest batch, and memory at equal batches.</summary>
internal sealed class ProtocolPart(PartScope scope, GpuBackend backend, CardSizes sizes, CardOptions options)
{
    // A share of the batch that is left out where the memory does not suffice after all.
    private const int Less = 16;

    public void Run()
    {
        using LanguageModel model = CardModel.Load(backend, sizes.Model);
        double copy = backend.Gauge.CopyBandwidth();
        if (!backend.Gauge.TryOpenMeter(out EnergyMeter? meter, out string? whyNot))
            scope.Skip("joules", whyNot);
        using (meter)
        {
            StepClock clock = new(model, backend, sizes.Steps);
            foreach ((int prompt, int generated) in sizes.Protocol)
            {
                int capacity = prompt + generated, denseBatch = 0;
                PlanPolicy plan = CardModel.Plan(options, model.Config);
                double density = plan.Density(model.Config, capacity);
                (string Name, AttentionPolicy Policy)[] policies =
                    [("moa", plan), ("dense", new DensePolicy()), ("streaming-llm", new StreamingLlmPolicy(new ElasticRule(0, density)))];
                foreach ((string name, AttentionPolicy policy) in policies)
                {
                    scope.Guard($"{name}, {prompt}+{generated}", () =>
                    {
                        int batch = clock.LargestBatch(policy, capacity, sizes.MemoryLimit, sizes.MostSequences);
                        if (policy is DensePolicy)
                            denseBatch = batch;
                        Measure(clock, name, policy, prompt, generated, batch, copy, meter);
                    });
                }

                scope.Guard($"memory at the batch of dense attention, {prompt}+{generated}", () => Memory(model, policies, capacity, denseBatch, prompt, generated));
            }
        }
    }

    private void Measure(
        StepClock clock, string name, AttentionPolicy policy, int prompt, int generated, int batch, double copy, EnergyMeter? meter)
    {
        if (batch == 0)
        {
            scope.Skip($"{name}, {prompt}+{generated}", "not one sequence fits into the memory");
            return;
        }

        // The last context leaves room for the steps that are timed.
        int last = Math.Max(prompt, prompt + generated - 4 - 2 * sizes.Steps), middle = prompt + (last - prompt) / 2;
        int[] contexts = options.IsEmulated ? [prompt] : [prompt, middle, last];
        StepTimes times = Attempt(batch);
        scope.Row($"{name}, {prompt}+{generated}", [("policy", name), ("prompt", prompt), ("generated", generated), .. times.Figures(copy)]);

        // What is reckoned leaves out that memory comes in pages: a few sequences less then.
        StepTimes Attempt(int most)
        {
            for (int tried = most; ; tried -= Math.Max(1, most / Less))
            {
                try
                {
                    return clock.Measure(policy, prompt + generated, contexts, tried, meter);
                }
                catch (InvalidInputException) when (tried > most / 2 && tried > 1)
                {
                }
            }
        }
    }

    private void Memory(
        LanguageModel model, (string Name, AttentionPolicy Policy)[] policies, int capacity, int batch, int prompt, int generated)
    {
        long Taken(AttentionPolicy policy)
        {
            List<IDisposable> sequences = [];
            try
            {
                for (int i = 0; i < batch; i++)
                    sequences.Add(model.Transformer.CreateSequence(policy, capacity));
                return backend.AllocatedBytes;
            }
            finally
            {
                sequences.ForEach(sequence => sequence.Dispose());
            }
        }

        long sparse = Taken(policies[0].Policy), dense = Taken(policies[1].Policy);
        scope.Row(
            $"memory at the batch of dense attention, {prompt}+{generated}", ("prompt", prompt), ("generated", generated), ("batch", batch), ("moaBytes", sparse),
            ("denseBytes", dense), ("ratio", (double)dense / sparse));
    }
}
