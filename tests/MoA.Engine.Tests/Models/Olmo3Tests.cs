using MoA.Engine.Attention;
using MoA.Engine.Files;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Models.Loading;

namespace MoA.Engine.Tests.Models;

/// <summary>OLMo 3, of which no other program's logits are at hand: against its definition in double, from config.json and weights alone.</summary>
public sealed class Olmo3Tests : IDisposable
{
    private const int Hidden = 64, Layers = 5, QueryHeads = 4, KeyValueHeads = 2, HeadSize = 16, Inner = 96, Vocabulary = 70, Window = 24, Tokens = 90;
    private const double Theta = 10_000, Factor = 4, OriginalPositions = 40, BetaFast = 32, BetaSlow = 1, Epsilon = 1e-6;

    private const string Yarn = """{"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 40, "rope_theta": 10000}""";

    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, (long[] Shape, float[] Values)> _tensors = [];

    public Olmo3Tests()
    {
        Random random = new(5);
        Add("model.embed_tokens.weight", Vocabulary, Hidden);
        Add("lm_head.weight", Vocabulary, Hidden);
        Add("model.norm.weight", Hidden);
        for (int layer = 0; layer < Layers; layer++)
        {
            string prefix = $"model.layers.{layer}.";
            Add(prefix + "self_attn.q_proj.weight", QueryHeads * HeadSize, Hidden);
            Add(prefix + "self_attn.k_proj.weight", KeyValueHeads * HeadSize, Hidden);
            Add(prefix + "self_attn.v_proj.weight", KeyValueHeads * HeadSize, Hidden);
            Add(prefix + "self_attn.o_proj.weight", Hidden, QueryHeads * HeadSize);
            Add(prefix + "self_attn.q_norm.weight", QueryHeads * HeadSize);
            Add(prefix + "self_attn.k_norm.weight", KeyValueHeads * HeadSize);
            Add(prefix + "post_attention_layernorm.weight", Hidden);
            Add(prefix + "post_feedforward_layernorm.weight", Hidden);
            Add(prefix + "mlp.gate_proj.weight", Inner, Hidden);
            Add(prefix + "mlp.up_proj.weight", Inner, Hidden);
            Add(prefix + "mlp.down_proj.weight", Hidden, Inner);
        }

        SafetensorsWriter.Write(_folder.File("model.safetensors"), null, _tensors.Select(tensor => (tensor.Key, tensor.Value.Shape, tensor.Value.Values)));

        void Add(string name, params long[] shape) => _tensors[name] = (shape, [.. Enumerable.Range(0, (int)shape.Aggregate((a, b) => a * b))
            .Select(_ => (shape.Length == 1 ? 1 : 0) + (random.NextSingle() - 0.5f) * 0.4f)]);
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>Three layers with windows to each without, or as the file says; yarn where nothing hides, and elsewhere only if a file says so by kind of layer.</summary>
    [Theory]
    [InlineData("\"rope_scaling\": " + Yarn, null, false)]
    [InlineData("\"rope_scaling\": " + Yarn, "fswff", false)]
    [InlineData("\"rope_parameters\": {\"full_attention\": " + Yarn + ", \"sliding_attention\": {\"rope_type\": \"default\", \"rope_theta\": 10000}}", null, false)]
    [InlineData("\"rope_parameters\": {\"full_attention\": " + Yarn + ", \"sliding_attention\": " + Yarn + "}", null, true)]
    [InlineData("\"rope_parameters\": {\"full_attention\": " + Yarn + ", \"sliding_attention\": " + Yarn + "}", "sfsfs", true)]
    public void Logits_follow_the_definition(string rope, string? kinds, bool isScaledInWindows)
    {
        WriteConfig(rope, kinds);
        int[] tokens = [.. Enumerable.Range(0, Tokens).Select(i => (i * i + 3 * i) % Vocabulary)];
        double[] expected = Define(tokens, [.. Enumerable.Range(0, Layers).Select(layer => kinds is null ? (layer + 1) % 4 != 0 : kinds[layer] != 'f')], isScaledInWindows);
        double largest = expected.Max(Math.Abs);
        ConversionResult converted = GgufConverter.Convert(_folder.Path, _folder.File("olmo3.gguf"), null);
        Assert.Equal(isScaledInWindows, converted.Notes.Any(note => note.Contains("without their RoPE scaling", StringComparison.Ordinal)));
        foreach (string path in new[] { _folder.Path, converted.File })
        {
            using LoadedModel model = ModelFile.Load(path, threads: 2);
            Assert.Equal("Olmo3", model.Config.Architecture.Name);
            foreach ((InstructionSet set, int chunk) in Machine.All.SelectMany(set => new[] { 1, 7, 512 }.Select(chunk => (set, chunk))))
            {
                using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
                using Transformer transformer = new(model, backend);
                using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), Tokens, ElementType.F32);
                float[] logits = ModelFixture.Run(transformer, sequence, tokens, chunk, chunk == 1 ? AttentionMode.Decode : AttentionMode.Prefill);
                Assert.InRange(logits.Zip(expected, (one, other) => Math.Abs(one - other)).Max() / largest, 0, 1e-4);
            }
        }
    }

    /// <summary>Divisors of frequencies say how layers with a window turn, and cannot say what goes by the length of a text.</summary>
    [Theory]
    [InlineData("""{"rope_type": "dynamic", "factor": 2, "rope_theta": 10000}""")]
    [InlineData("""{"rope_type": "longrope", "short_factor": [1, 1, 1, 1, 1, 1, 1, 1], "long_factor": [2, 2, 2, 2, 2, 2, 2, 2], "original_max_position_embeddings": 40, "rope_theta": 10000}""")]
    public void What_a_file_cannot_say_of_windows_is_refused(string sliding)
    {
        foreach (string full in new[] { Yarn, sliding })
        {
            WriteConfig($"\"rope_parameters\": {{\"full_attention\": {full}, \"sliding_attention\": {sliding}}}", null);
            Refusal.AssertThrows(_folder.Path, "has a RoPE scaling by the length of the text in layers with a window, which GGUF cannot say for Olmo3", () =>
                GgufConverter.Convert(_folder.Path, _folder.File("olmo3.gguf"), null));
        }
    }

    private void WriteConfig(string rope, string? kinds)
    {
        string types = kinds is null ? "" : $", \"layer_types\": [{string.Join(", ", kinds.Select(kind => kind == 'f' ? "\"full_attention\"" : "\"sliding_attention\""))}]";
        File.WriteAllText(_folder.File("config.json"), $$"""
            {
                "architectures": ["Olmo3ForCausalLM"], "model_type": "olmo3", "hidden_size": {{Hidden}}, "num_hidden_layers": {{Layers}},
                "num_attention_heads": {{QueryHeads}}, "num_key_value_heads": {{KeyValueHeads}}, "intermediate_size": {{Inner}}, "vocab_size": {{Vocabulary}},
                "max_position_embeddings": 160, "rms_norm_eps": 1e-6, "rope_theta": 10000, "sliding_window": {{Window}}, {{rope}}{{types}}
            }
            """);
    }

    private double[] Define(int[] tokens, bool[] slides, bool isScaledInWindows)
    {
        double[][] x = [.. tokens.Select(token => Row("model.embed_tokens.weight", token))];
        for (int layer = 0; layer < Layers; layer++)
        {
            string prefix = $"model.layers.{layer}.";
            (double[] frequencies, double attention) = Frequencies(isScaled: !slides[layer] || isScaledInWindows);
            double[][] queries = [.. x.Select((row, position) => Turn(Norm(Product(prefix + "self_attn.q_proj.weight", row), prefix + "self_attn.q_norm.weight"), position))];
            double[][] keys = [.. x.Select((row, position) => Turn(Norm(Product(prefix + "self_attn.k_proj.weight", row), prefix + "self_attn.k_norm.weight"), position))];
            double[][] values = [.. x.Select(row => Product(prefix + "self_attn.v_proj.weight", row))];
            for (int i = 0; i < x.Length; i++)
            {
                double[] attended = new double[QueryHeads * HeadSize];
                for (int head = 0; head < QueryHeads; head++)
                {
                    int own = head * HeadSize, shared = head / (QueryHeads / KeyValueHeads) * HeadSize, first = slides[layer] ? Math.Max(0, i - Window + 1) : 0;
                    double[] powers = [.. Enumerable.Range(first, i + 1 - first).Select(j =>
                        Math.Exp(Enumerable.Range(0, HeadSize).Sum(c => queries[i][own + c] * keys[j][shared + c]) / Math.Sqrt(HeadSize)))];
                    for (int c = 0; c < HeadSize; c++)
                        attended[own + c] = powers.Select((power, j) => power * values[first + j][shared + c]).Sum() / powers.Sum();
                }

                x[i] = Sum(x[i], Norm(Product(prefix + "self_attn.o_proj.weight", attended), prefix + "post_attention_layernorm.weight"));
                double[] gate = Product(prefix + "mlp.gate_proj.weight", x[i]), up = Product(prefix + "mlp.up_proj.weight", x[i]);
                double[] inner = [.. gate.Zip(up, (g, u) => g / (1 + Math.Exp(-g)) * u)];
                x[i] = Sum(x[i], Norm(Product(prefix + "mlp.down_proj.weight", inner), prefix + "post_feedforward_layernorm.weight"));
            }

            double[] Turn(double[] heads, int position)
            {
                double[] turned = new double[heads.Length];
                for (int c = 0; c < heads.Length; c++)
                {
                    int pair = c % (HeadSize / 2), start = c / HeadSize * HeadSize;
                    double angle = position * frequencies[pair], cos = attention * Math.Cos(angle), sin = attention * Math.Sin(angle);
                    turned[c] = c - start < HeadSize / 2 ? heads[c] * cos - heads[c + HeadSize / 2] * sin : heads[c] * cos + heads[c - HeadSize / 2] * sin;
                }

                return turned;
            }
        }

        return [.. x.SelectMany(row => Product("lm_head.weight", Norm(row, "model.norm.weight")))];
    }

    // arXiv 2309.00071: below one turn in the original context pairs are slowed by the factor, above 32 turns not at all, in between in part.
    private static (double[] Frequencies, double Attention) Frequencies(bool isScaled)
    {
        double[] plain = [.. Enumerable.Range(0, HeadSize / 2).Select(pair => Math.Pow(Theta, -2.0 * pair / HeadSize))];
        if (!isScaled)
            return (plain, 1);
        double low = Math.Max(Math.Floor(PairOf(BetaFast)), 0), high = Math.Min(Math.Ceiling(PairOf(BetaSlow)), HeadSize - 1);
        return ([.. plain.Select((frequency, pair) =>
        {
            double slowed = Math.Clamp((pair - low) / (high - low), 0, 1);
            return frequency / Factor * slowed + frequency * (1 - slowed);
        })], 0.1 * Math.Log(Factor) + 1);

        static double PairOf(double turns) => HeadSize * Math.Log(OriginalPositions / (turns * 2 * Math.PI)) / (2 * Math.Log(Theta));
    }

    private double[] Norm(double[] x, string weight)
    {
        double scale = 1 / Math.Sqrt(x.Sum(value => value * value) / x.Length + Epsilon);
        return [.. x.Select((value, i) => value * scale * _tensors[weight].Values[i])];
    }

    private double[] Product(string weight, double[] x)
    {
        (long[] shape, float[] values) = _tensors[weight];
        Assert.Equal(shape[1], x.Length);
        return [.. Enumerable.Range(0, (int)shape[0]).Select(row => x.Select((value, column) => value * values[row * x.Length + column]).Sum())];
    }

    private double[] Row(string weight, int row) => [.. _tensors[weight].Values.AsSpan(row * Hidden, Hidden).ToArray().Select(value => (double)value)];

    private static double[] Sum(double[] one, double[] other) => [.. one.Zip(other, (a, b) => a + b)];
}
