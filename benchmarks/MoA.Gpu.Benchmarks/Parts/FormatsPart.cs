using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;

namespace MoA.Gpu.Benchmarks.Parts;

/// <summary>Decode steps of one sequence and a short context: how fast weights of each format are read, and whether launches hold them up.</summary>
internal sealed class FormatsPart(PartScope scope, GpuBackend backend, CardSizes sizes)
{
    private const int Context = 64, Capacity = 256;

    private static readonly ElementType[] Formats =
        [ElementType.Q4_0, ElementType.Q8_0, ElementType.BF16, ElementType.Q4_K, ElementType.Q6_K, ElementType.Q5_K];

    public void Run()
    {
        double copy = backend.Gauge.CopyBandwidth();
        foreach (ElementType type in backend.Session.Cuda is null ? Formats[..1] : Formats)
            scope.Guard($"weights {type.Name()}", () => Measure(type, copy));
    }

    private void Measure(ElementType type, double copy)
    {
        using LanguageModel model = CardModel.Load(backend, sizes.Model, type);
        StepClock clock = new(model, backend, sizes.Steps);
        DensePolicy policy = new();
        StepTimes times = clock.Measure(policy, Capacity, [Context], 1);
        (double launched, double done) = clock.Pass(policy, Capacity, Context);
        scope.Row(
            $"weights {type.Name()}", [("weightBytes", model.Transformer.WeightBytes), ("launchMs", 1000 * launched), ("passMs", 1000 * done),
            ("readingMs", 1000 * times.Bytes / copy), ("target", 0.7), .. times.Figures(copy)]);
    }
}
