using MoA.Engine.Attention;
using MoA.Engine.Generation;

namespace MoA.Gpu.Benchmarks.Parts;

/// <summary>Contexts as long as one card holds at half of the rows.</summary>
internal sealed class LongPart(PartScope scope, GpuBackend backend, CardSizes sizes, CardOptions options)
{
    private const int Decoded = 128;

    public void Run()
    {
        double copy = backend.Gauge.CopyBandwidth();
        scope.Guard($"{Name(sizes.Model)}, {sizes.LongPrompt} tokens", () =>
        {
            using LanguageModel model = CardModel.Load(backend, sizes.Model);
            Measure(model, "half of the rows", new StreamingLlmPolicy(new ElasticRule(0, 0.5)), sizes.LongPrompt, copy);
            Measure(model, "published plan", CardModel.Plan(options, model.Config), sizes.LongPrompt, copy);
        });
        scope.Guard($"{Name(sizes.GroupedModel)}, {sizes.LongestPrompt} tokens", () =>
        {
            using LanguageModel model = CardModel.Load(backend, sizes.GroupedModel);
            Measure(model, "half of the rows", new StreamingLlmPolicy(new ElasticRule(0, 0.5)), sizes.LongestPrompt, copy);
        });
    }

    private static string Name(string shape) => shape.Split(',')[0];

    private void Measure(LanguageModel model, string what, AttentionPolicy policy, int prompt, double copy)
    {
        string name = $"{model.Name}, {prompt} tokens, {what}";
        scope.Guard(name, () =>
        {
            StepTimes times = new StepClock(model, backend, sizes.Steps).Measure(policy, prompt + Decoded, [prompt], 1);
            scope.Row(name, [("prompt", prompt), ("density", policy.Density(model.Config, prompt)), .. times.Figures(copy)]);
        });
    }
}
