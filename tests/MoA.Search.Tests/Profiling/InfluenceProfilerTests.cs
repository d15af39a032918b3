using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Kernels;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels.Gradients;
using MoA.Engine.Tokenization;
using MoA.Search.Profiling;
using MoA.Tests;

namespace MoA.Search.Tests.Profiling;

/// <summary>Loss and influence of single items.</summary>
public sealed class InfluenceProfilerTests
{
    public static IEnumerable<object?[]> FixturesAndSets()
    {
        TheoryData<string, InstructionSet> cases = [];
        foreach (string name in ProfilingFixture.Names)
        {
            foreach (InstructionSet set in ProfilingFixture.InstructionSets)
                cases.Add(name, set);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(FixturesAndSets))]
    internal void Loss_and_influence_equal_the_reference(string name, InstructionSet set)
    {
        ProfilingFixture fixture = ProfilingFixture.Load(name);
        using LoadedModel model = ProfilingFixture.Model(fixture.ModelName);
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        using InfluenceProfiler profiler = new(model, backend, fixture.Items.Max(item => item.Length));
        for (int k = 0; k < fixture.Items.Length; k++)
        {
            ItemInfluence influence = profiler.Profile(fixture.Items[k]);
            Assert.InRange(Math.Abs(influence.Loss / fixture.Losses[k] - 1), 0, 1e-5);
            InfluenceBlocks.AssertClose(
                fixture.BlockSums[k], [.. influence.Layers.SelectMany(layer => layer)], influence.Blocks);
        }
    }

    /// <summary>Sliding windows and grouped heads (mistral), norms over single heads and a tied head (qwen3), biases
    /// (qwen2), RoPE over part of a head, by the length of the text and with an attention factor (phi3); norms around the branches,
    /// windows beside full attention, GELU, caps and scales (gemma2, gemma3), norms behind them and over all heads (olmo2), layers that do
    /// not turn (smollm3), scales of everything (granite), experts (mixtral, qwen3-moe), also in MXFP4 with sinks and biases (gpt-oss).</summary>
    [Theory]
    [InlineData("mistral")]
    [InlineData("qwen3")]
    [InlineData("qwen2-bf16")]
    [InlineData("phi3-partial")]
    [InlineData("phi3-longrope")]
    [InlineData("gemma2")]
    [InlineData("gemma3")]
    [InlineData("olmo2")]
    [InlineData("smollm3")]
    [InlineData("granite")]
    [InlineData("mixtral")]
    [InlineData("qwen3-moe")]
    [InlineData("gpt-oss")]
    [InlineData("gpt-oss-mxfp4")]
    public void Models_of_every_kind_equal_the_definition_in_double(string name)
    {
        using LoadedModel model = ProfilingFixture.Model(name);
        CompareWithDefinition(model);
    }

    /// <summary>Weights that are shares of a softmax over all experts, those included that are not chosen.</summary>
    [Fact]
    public void Experts_whose_weights_do_not_add_up_to_one()
    {
        using LoadedModel source = ProfilingFixture.Model("qwen3-moe");
        ModelConfig config = source.Config.WithLayers(layer => layer.FeedForward.Experts is not { } experts
            ? layer
            : layer with { FeedForward = layer.FeedForward with { Experts = experts with { IsNormalized = false } } });
        using LoadedModel model = new(config, source.Weights, source.Generation, "shares");
        CompareWithDefinition(model);
    }

    [Fact]
    public void Kinds_of_layers_may_have_a_rope_of_their_own()
    {
        using LoadedModel source = ProfilingFixture.Model("qwen3");
        RopeSettings full = new(source.Config.Rope!.Theta, new RopeScaling.Yarn(4, 64, 1.2, Truncates: false)), sliding = new(300, new RopeScaling.Linear(2));
        ModelConfig config = (source.Config with { RotaryDimensions = source.Config.HeadSize / 2 }).WithLayers((layer, index) => index % 2 == 0
            ? layer with { Window = 40, Rope = sliding }
            : layer with { Rope = full });
        using LoadedModel model = new(config, source.Weights, source.Generation, "kinds");
        CompareWithDefinition(model);
    }

    /// <summary>
    /// The derivative of the loss for scaling down one numerator of the softmax is -E·(1 - A): by central differences of the
    /// definition's forward pass alone, for families of which no other program's derivatives are at hand.
    /// </summary>
    [Theory]
    [InlineData("gemma2")]
    [InlineData("olmo2")]
    [InlineData("smollm3")]
    [InlineData("granite")]
    [InlineData("mixtral")]
    [InlineData("gpt-oss")]
    public void The_definition_is_the_derivative_of_its_own_loss(string name)
    {
        using LoadedModel model = ProfilingFixture.Model(name);
        ProfileItem item = RandomItem(model, 61, [new AnswerSpan(30, 36), new AnswerSpan(55, 60)]);
        ModelReference reference = new(model, item);
        Random random = new(3);
        double largest = reference.Heads.Max(layer => layer.Max(head => head.Influence.Max(row => row.Max(Math.Abs))));
        for (int layer = 0; layer < model.Config.Layers; layer++)
        {
            for (int k = 0; k < 3; k++)
            {
                int head = random.Next(model.Config.QueryHeads), i = random.Next(25, 58), j = random.Next(Math.Max(0, i - 20), i + 1);
                double expected = -reference.Heads[layer][head].Influence[i][j] * (1 - reference.Heads[layer][head].Probabilities[i][j]);
                double derivative = (Loss(1 - 1e-4) - Loss(1 + 1e-4)) / 2e-4;
                Assert.InRange(Math.Abs(derivative - expected), 0, 1e-7 * largest + 1e-11);

                double Loss(double factor) => new ModelReference(model, item, (changedLayer, changedHead) => (changedLayer, changedHead) == (layer, head)
                    ? (query, key) => (query, key) == (i, j) ? factor : 1
                    : null).Loss;
            }
        }
    }

    internal static void CompareWithDefinition(LoadedModel model, LayerSpans[]? spans = null, int block = ElasticRule.BlockSize)
    {
        ProfileItem item = RandomItem(model, 151, [new AnswerSpan(40, 47), new AnswerSpan(130, 145)]);
        ModelReference reference = new(model, item, spans: (layer, head) => spans is null ? null : (block, spans[layer].VisibleRing[head]));
        foreach (InstructionSet set in ProfilingFixture.InstructionSets)
        {
            using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
            using InfluenceProfiler profiler = new(model, backend, 150) { Block = block, Spans = spans };
            ItemInfluence influence = profiler.Profile(item);
            Assert.InRange(Math.Abs(influence.Loss / reference.Loss - 1), 0, 1e-5);
            for (int layer = 0; layer < model.Config.Layers; layer++)
            {
                InfluenceBlocks.AssertClose(
                    [.. reference.Heads[layer].SelectMany(head => head.BlockSums(block))], influence.Layers[layer], influence.Blocks);
            }
        }
    }

    /// <summary>
    /// The definition in double against derivatives that another program took by really hiding positions.
    /// </summary>
    [Theory]
    [InlineData("llama-mha-n256")]
    [InlineData("llama-gqa-llama3-n256")]
    public void The_definition_predicts_what_hiding_a_position_does(string name)
    {
        ProfilingFixture fixture = ProfilingFixture.Load(name);
        using LoadedModel model = ProfilingFixture.Model(fixture.ModelName);
        ModelReference reference = new(model, fixture.Items[0]);
        Assert.Equal(fixture.Losses[0], reference.Loss, 1e-9);
        using JsonDocument file = JsonDocument.Parse(File.ReadAllText(ProfilingFixture.Path(name, "brute_force.json")));
        int compared = 0;
        foreach (JsonElement position in file.RootElement.EnumerateArray())
        {
            AttentionReference head =
                reference.Heads[position.GetProperty("layer").GetInt32()][position.GetProperty("head").GetInt32()];
            double influence = head.Influence[position.GetProperty("i").GetInt32()][position.GetProperty("j").GetInt32()];
            Assert.Equal(position.GetProperty("central_difference").GetDouble(), -influence, 1e-9);
            compared += influence != 0 ? 1 : 0;
        }

        Assert.True(compared >= 10, $"only {compared} positions have any influence");
    }

    [Theory]
    [InlineData("llama-gqa-llama3")]
    [InlineData("mistral")]
    public void Results_do_not_depend_on_the_number_of_threads(string name)
    {
        using LoadedModel model = ProfilingFixture.Model(name);
        ProfileItem item = RandomItem(model, 300, [new AnswerSpan(250, 290)]);
        ItemInfluence[] results = [.. new[] { 1, 2, 5 }.Select(threads =>
        {
            using ComputeBackend backend = ComputeBackend.CreateCpu(threads);
            using InfluenceProfiler profiler = new(model, backend, 512);
            return profiler.Profile(item);
        })];
        foreach (ItemInfluence result in results)
        {
            Assert.Equal(results[0].Loss, result.Loss);
            Assert.Equal(results[0].Layers, result.Layers);
        }
    }

    /// <summary>
    /// Items of more rows than go through a product together, with several answers far apart: one chunk's rows influence
    /// those of the next.
    /// </summary>
    [Fact]
    public void Items_longer_than_a_chunk_equal_the_definition_in_double()
    {
        using LoadedModel model = ProfilingFixture.Model("llama-mha");
        const int Length = ProfilerWorkspace.ChunkRows + 40;
        ProfileItem item = RandomItem(model, Length + 1, [new AnswerSpan(500, 520), new AnswerSpan(1030, 1050)]);
        ModelReference reference = new(model, item);
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using InfluenceProfiler profiler = new(model, backend, Length);
        ItemInfluence influence = profiler.Profile(item);
        Assert.InRange(Math.Abs(influence.Loss / reference.Loss - 1), 0, 1e-5);
        for (int layer = 0; layer < model.Config.Layers; layer++)
        {
            InfluenceBlocks.AssertClose(
                [.. reference.Heads[layer].SelectMany(head => head.BlockSums())], influence.Layers[layer], 17);
        }
    }

    [Fact]
    public void What_is_kept_on_disk_gives_the_same_bits_and_leaves_no_file()
    {
        using LoadedModel model = ProfilingFixture.Model("mistral");
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using TemporaryFolder folder = new();
        using InfluenceProfiler inMemory = new(model, backend, 1200);
        using (InfluenceProfiler onDisk = new(model, backend, 1200, folder.Path))
        {
            // The file has no name from the start: nothing is left however the process ends. Windows deletes it with
            // its handle.
            if (!OperatingSystem.IsWindows())
                Assert.Empty(Directory.GetFiles(folder.Path));
            foreach (int length in new[] { 1100, 90, 1200 })
            {
                ProfileItem item = RandomItem(model, length + 1, [new AnswerSpan(length - 30, length)]);
                ItemInfluence expected = inMemory.Profile(item), found = onDisk.Profile(item);
                Assert.Equal(expected.Loss, found.Loss);
                Assert.Equal(expected.Layers, found.Layers);
            }
        }

        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    /// <summary>What a memory limit is compared with is what is allocated.</summary>
    [Theory]
    [InlineData("mistral", 200)]
    [InlineData("qwen3", 1500)]
    [InlineData("llama-gqa-llama3", 2000)]
    [InlineData("gemma2", 1500)]
    [InlineData("qwen3-moe", 1500)]
    [InlineData("gpt-oss", 1200)]
    [InlineData("qwen3", 1500, "expected-attention,piece=64")]
    public void Memory_is_what_was_reckoned(string name, int tokens, string? scorer = null)
    {
        using LoadedModel model = ProfilingFixture.Model(name);
        ProfileItem item = RandomItem(model, tokens + 1, [new AnswerSpan(tokens - 150, tokens)]);
        using ComputeBackend reckoned = ComputeBackend.CreateCpu(2);
        ContentPlanPolicy? content = scorer is null ? null : ProfileRun.ContentOf(scorer, model.Config);
        ProfilerMemory memory = ProfilerMemory.Of(model, reckoned, tokens, tokens, content: content);
        using TemporaryFolder folder = new();
        foreach ((string? place, long expected) in new[] { (null, memory.Kept + memory.Working), (folder.Path, memory.Working) })
        {
            using ComputeBackend backend = ComputeBackend.CreateCpu(2);
            using InfluenceProfiler profiler = new(model, backend, tokens, place) { Content = content };
            _ = profiler.Profile(item);
            // Kernels' tiles of fixed size, which only so small a model shows, are not reckoned; how many depends on which
            // threads got work.
            Assert.InRange(backend.Allocator.PeakBytes, 0.75 * expected, 1.1 * expected + (1 << 20));
        }
    }

    [Fact]
    public void A_folder_for_what_is_kept_must_exist()
    {
        using LoadedModel model = ProfilingFixture.Model("llama-mha");
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using TemporaryFolder folder = new();
        string missing = folder.File("missing");
        InvalidInputException refusal = Assert.Throws<InvalidInputException>(
            () => new InfluenceProfiler(model, backend, 64, missing));
        Assert.StartsWith($"{missing}: no temporary file can be made here", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tokens_after_the_last_answer_have_no_influence_and_change_nothing()
    {
        using LoadedModel model = ProfilingFixture.Model("llama-mha");
        ProfileItem whole = RandomItem(model, 257, [new AnswerSpan(70, 100)]);
        ProfileItem cut = new(whole.Tokens[..100], [new AnswerSpan(70, 100)], "cut");
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using InfluenceProfiler profiler = new(model, backend, 256);
        ItemInfluence ofWhole = profiler.Profile(whole), ofCut = profiler.Profile(cut);
        Assert.Equal(4, ofWhole.Blocks);
        Assert.Equal(2, ofCut.Blocks);
        for (int layer = 0; layer < model.Config.Layers; layer++)
        {
            for (int i = 0; i < ofWhole.Layers[layer].Length; i++)
            {
                (int head, int row, int column) = (i / 16, i / 4 % 4, i % 4);
                float expected = row < 2 && column < 2 ? ofCut.Layers[layer][(head * 2 + row) * 2 + column] : 0;
                Assert.Equal(expected, ofWhole.Layers[layer][i]);
            }
        }
    }

    [Fact]
    public void Tokens_outside_the_vocabulary_are_refused()
    {
        using LoadedModel model = ProfilingFixture.Model("llama-mha");
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using InfluenceProfiler profiler = new(model, backend, 64);
        foreach (int token in new[] { -1, 128 })
        {
            InvalidInputException refusal = Assert.Throws<InvalidInputException>(
                () => profiler.Profile(new ProfileItem([1, 2, token], null, "data.jsonl:7")));
            Assert.StartsWith($"data.jsonl:7: token {token}:", refusal.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_loss_that_overflows_stops_with_the_item()
    {
        Assert.StartsWith("random: the loss is NaN", Refusal((name, x) =>
            name == "lm_head.weight" ? MathF.CopySign(3e38f, x) : x), StringComparison.Ordinal);
    }

    /// <summary>A tiny final norm makes up for a huge head on the way forward, but not on the way back.</summary>
    [Fact]
    public void An_influence_that_overflows_stops_with_the_item_and_the_layer()
    {
        Assert.StartsWith("random: the influence of layer 1, head 0 is NaN", Refusal((name, x) => name switch
        {
            "lm_head.weight" => MathF.CopySign(3e38f, x),
            "model.norm.weight" => 2e-38f,
            _ => x,
        }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.layers.0.mlp.down_proj.weight", 0)]
    [InlineData("model.layers.1.self_attn.o_proj.weight", 1)]
    public void A_layer_that_overflows_stops_with_the_item_and_the_layer(string weight, int layer)
    {
        Assert.StartsWith(
            $"random: the output of layer {layer} has values that are NaN or infinite",
            Refusal((name, x) => name == weight ? MathF.CopySign(3e38f, x) : x), StringComparison.Ordinal);
    }

    [Fact]
    public void Cancellation_is_noticed()
    {
        using LoadedModel model = ProfilingFixture.Model("llama-mha");
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using InfluenceProfiler profiler = new(model, backend, 64);
        using CancellationTokenSource source = new();
        source.Cancel();
        _ = Assert.Throws<OperationCanceledException>(
            () => profiler.Profile(RandomItem(model, 60, [new AnswerSpan(50, 60)]), source.Token));
    }

    [Fact]
    public void All_memory_is_given_back()
    {
        using LoadedModel model = ProfilingFixture.Model("mistral");
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        long Profiled()
        {
            using InfluenceProfiler profiler = new(model, backend, 128);
            _ = profiler.Profile(RandomItem(model, 120, [new AnswerSpan(100, 120)]));
            return backend.Allocator.AllocatedBytes;
        }

        long during = Profiled(), after = backend.Allocator.AllocatedBytes;
        Assert.True(after < during);
        // What is left is the workers' scratch memory, which does not grow with use.
        Assert.Equal(during, Profiled());
        Assert.Equal(after, backend.Allocator.AllocatedBytes);
    }

    internal static ProfileItem RandomItem(LoadedModel model, int tokens, AnswerSpan[] answers)
    {
        Random random = new(tokens);
        return new ProfileItem(
            [.. Enumerable.Range(0, tokens).Select(_ => random.Next(model.Config.VocabularySize))], answers, "random");
    }

    // What is said about the llama-mha model with other weights.
    private static string Refusal(Func<string, float, float> changed)
    {
        using TemporaryFolder folder = new();
        string original = RepositoryFiles.Fixture("models", "llama-mha");
        File.Copy(Path.Combine(original, "config.json"), folder.File("config.json"));
        using (SafetensorsFile file = SafetensorsFile.Open(Path.Combine(original, "model.safetensors")))
        {
            SafetensorsWriter.Write(folder.File("model.safetensors"), null, file.Names.Select(
                name => (name, file[name].Shape, Data: file.ReadFloats(name).Select(x => changed(name, x)).ToArray())));
        }

        using LoadedModel model = HuggingFaceFolder.Load(folder.Path);
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using InfluenceProfiler profiler = new(model, backend, 100);
        return Assert.Throws<InvalidInputException>(
            () => profiler.Profile(RandomItem(model, 100, [new AnswerSpan(99, 100)]))).Message;
    }
}
