using System.Text.Json;
using MoA.Engine.Attention;
using MoA.Engine.Files;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tokenization;
using MoA.Gpu.Blas;
using MoA.Gpu.Cuda;

namespace MoA.Gpu.Benchmarks.Parts;

/// <summary>
/// Whether the device computes the same: reference models and generations under plans, whose logits an independent program made in float64; a
/// random model with heads of 128 in several formats, and greedy text, as the processor has them; tensor cores against portable kernels.
/// </summary>
internal sealed class EqualityPart(PartScope scope, GpuBackend backend, CardSizes sizes, CardOptions options)
{
    public const string Name = "equality";

    // Of logits with caches in BF16.
    private const double Tolerance = 2e-2;

    private static readonly string[] Models = ["llama-mha", "llama-gqa-llama3", "llama-linear", "mistral", "qwen2-bf16", "qwen3"];

    private static readonly ElementType[] Formats =
        [ElementType.BF16, ElementType.Q8_0, ElementType.Q4_0, ElementType.Q4_K, ElementType.Q5_K, ElementType.Q6_K, ElementType.F16];

    private static readonly string[] Prompts = ["Once upon a time", "The ", "1 2 3 4"];

    public void Run()
    {
        foreach (string model in options.IsEmulated ? Models[..1] : Models)
            scope.Guard(model, () => Reference(model));
        if (!options.IsEmulated)
            scope.Guard("generations under plans", Generations);
        scope.Guard("greedy text", Greedy);
        if (options.IsEmulated)
        {
            scope.Skip("generations, formats, tensor cores", "the emulated device is too slow, or has none");
        }
        else
        {
            foreach (ProductShape shape in TensorCoreChecks.Products)
                scope.Guard($"product {shape.Rows} x {shape.Outputs} x {shape.Inputs}", () => TensorCores([shape], []));
            foreach (AttentionShape shape in TensorCoreChecks.Attentions)
                scope.Guard($"attention {shape}", () => TensorCores([], [shape]));
            foreach (ElementType type in Formats)
                scope.Guard($"heads of 128, weights {type.Name()}", () => HeadsOf128(type));
        }
    }

    private void Reference(string name)
    {
        string folder = Path.Combine(options.Data, "models", name);
        using LoadedModel model = HuggingFaceFolder.Load(folder);
        using JsonDocument input = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "input.json")));
        int[] tokens = Ints(input.RootElement, "input_ids");
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, "expected.safetensors"));
        float[] expected = file.ReadFloats("logits");
        using Transformer transformer = new(model, backend);
        int vocabulary = transformer.Config.VocabularySize, count = options.IsEmulated ? 6 : tokens.Length, steps = options.IsEmulated ? 1 : 60;
        foreach (int chunk in options.IsEmulated ? [4] : new[] { 7, 64, tokens.Length })
        {
            using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), tokens.Length);
            float[] logits = Passes.Logits(transformer, sequence, tokens.AsSpan(0, count), chunk, AttentionMode.Prefill);
            scope.Check($"{name}, prefill by {chunk}", Passes.RelativeError(logits, expected.AsSpan(0, logits.Length)), Tolerance);
        }

        using SequenceCache decoded = transformer.CreateSequence(new DensePolicy(), tokens.Length);
        int prompt = count - steps;
        _ = Passes.Logits(transformer, decoded, tokens.AsSpan(0, prompt), prompt, AttentionMode.Prefill);
        float[] steady = Passes.Logits(transformer, decoded, tokens.AsSpan(prompt, steps), 1, AttentionMode.Decode);
        scope.Check($"{name}, decode", Passes.RelativeError(steady, expected.AsSpan(prompt * vocabulary, steady.Length)), Tolerance);
    }

    private void Generations()
    {
        using SafetensorsFile expected = SafetensorsFile.Open(Path.Combine(options.Data, "cache", "generation.safetensors"));
        using JsonDocument cases = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(options.Data, "cache", "generation.json")));
        foreach (JsonElement test in cases.RootElement.EnumerateArray())
        {
            using LoadedModel model = HuggingFaceFolder.Load(Path.Combine(options.Data, "models", test.GetProperty("model").GetString()!));
            using Transformer transformer = new(model, backend);
            string name = $"gen{test.GetProperty("id").GetInt32()}";
            int prompt = test.GetProperty("prompt_length").GetInt32();
            int[] tokens = Ints(test, "input_ids");
            using SequenceCache sequence = transformer.CreateSequence(new PlanPolicy(Plan(test)), prompt + test.GetProperty("max_new_token").GetInt32());
            float[] logits = Passes.Logits(transformer, sequence, tokens.AsSpan(0, prompt), 100, AttentionMode.Prefill);
            Compare("prefill", logits, Ints(test, "prefill_rows"));
            logits = Passes.Logits(transformer, sequence, tokens.AsSpan(prompt), 1, AttentionMode.Decode);
            Compare("decode", logits, [.. Enumerable.Range(0, tokens.Length - prompt)]);

            void Compare(string kind, float[] actual, int[] rows)
            {
                int vocabulary = model.Config.VocabularySize;
                float[] chosen = [.. rows.SelectMany(row => actual[(row * vocabulary)..((row + 1) * vocabulary)])];
                scope.Check($"{name} under a plan, {kind}", Passes.RelativeError(chosen, expected.ReadFloats($"{name}.{kind}_logits")), Tolerance);
            }
        }
    }

    // The kernels for tensor cores run only where heads have sizes of real models.
    private void HeadsOf128(ElementType type)
    {
        string file = Path.Combine(Path.GetTempPath(), $"moa-card-{Environment.ProcessId}.gguf");
        try
        {
            _ = RandomModel.Write(file, ModelShape.Parse("hidden=512,layers=3,heads=4,kv-heads=2,head-size=128,intermediate=1024,vocabulary=800"), type, "check", 5);
            AttentionPolicy policy = new StreamingLlmPolicy(new ElasticRule(128, 0.25));
            using ComputeBackend processor = ComputeBackend.CreateCpu();
            (float[] prefill, float[] decode) expected = Run(processor), actual = Run(backend);
            scope.Check($"heads of 128, weights {type.Name()}, prefill", Passes.RelativeError(actual.prefill, expected.prefill), Tolerance);
            scope.Check($"heads of 128, weights {type.Name()}, decode", Passes.RelativeError(actual.decode, expected.decode), Tolerance);

            (float[], float[]) Run(ComputeBackend on)
            {
                // The processor rounds the inputs of quantized products to bytes; of the same weights in F32 it does not.
                using LoadedModel model = ModelFile.Load(file, ReferenceEquals(on, backend) ? null : ElementType.F32);
                using Transformer transformer = new(model, on);
                using SequenceCache sequence = transformer.CreateSequence(policy, 700);
                int[] tokens = Passes.Tokens(660, 800);
                return (Passes.Logits(transformer, sequence, tokens.AsSpan(0, 640), 256, AttentionMode.Prefill),
                    Passes.Logits(transformer, sequence, tokens.AsSpan(640), 1, AttentionMode.Decode));
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    private void TensorCores(IReadOnlyList<ProductShape> products, IReadOnlyList<AttentionShape> attentions)
    {
        foreach (TensorCoreCheck check in new TensorCoreChecks(backend.Session, backend.Memory).Run(products, attentions))
            scope.Check(check.Name, check.Error, check.Limit);
    }

    private void Greedy()
    {
        string folder = Path.Combine(options.Data, "demo");
        using ComputeBackend processor = ComputeBackend.CreateCpu();
        using LanguageModel expected = LanguageModel.Load(folder, processor), actual = LanguageModel.Load(folder, backend);
        foreach (string prompt in options.IsEmulated ? Prompts[1..2] : Prompts)
        {
            int[] first = Generate(expected, prompt), second = Generate(actual, prompt);
            int same = first.Zip(second).TakeWhile(pair => pair.First == pair.Second).Count();
            scope.Check($"greedy text after \"{prompt}\"", same == first.Length && same == second.Length, ("tokens", first.Length), ("equal", same));
        }
    }

    private int[] Generate(LanguageModel model, string prompt)
    {
        int[] tokens = [.. model.RequireTokenizer().EncodePrompt(prompt)];
        List<int> written = [];
        Span<int> drawn = stackalloc int[1];
        using SequenceCache sequence = model.Transformer.CreateSequence(new DensePolicy(), tokens.Length + sizes.GreedyTokens);
        // A token that ends a text is one as any other: all of them are compared.
        ForwardBatch batch = model.Transformer.CreateBatch();
        int row = batch.Add(sequence, tokens, AttentionMode.Prefill) + tokens.Length - 1;
        for (int i = 0; i < sizes.GreedyTokens; i++)
        {
            model.Transformer.Forward(batch);
            model.Transformer.Draw(batch, [row], [default], drawn);
            int next = drawn[0];
            written.Add(next);
            batch.Clear();
            row = batch.Add(sequence, [next], AttentionMode.Decode);
        }

        return [.. written];
    }

    private static AttentionPlan Plan(JsonElement plan)
    {
        double[][] alphas = Rows("alphas"), betas = Rows("betas");
        return new AttentionPlan(
            [.. alphas.Zip(betas, (a, b) => a.Zip(b, (alpha, beta) => new ElasticRule(alpha, beta)).ToArray())], HeadKind.Query);

        double[][] Rows(string name) =>
            [.. plan.GetProperty(name).EnumerateArray().Select(row => row.EnumerateArray().Select(item => item.GetDouble()).ToArray())];
    }

    private static int[] Ints(JsonElement owner, string name) => [.. owner.GetProperty(name).EnumerateArray().Select(item => item.GetInt32())];
}
