using MoA.Engine.Configuration;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Files;

namespace MoA.Engine.Tests.Models.Loading;

/// <summary>What a GGUF file's metadata and tensors mean for the model, and how faults are named.</summary>
public sealed class GgufModelTests
{
    [Fact]
    public void Missing_values_have_their_defaults()
    {
        using TemporaryFolder folder = new();
        using LoadedModel model = GgufModel.Load(folder.Write("tiny.gguf", TinyGguf.Create().Build()));
        Assert.Equal("tiny", model.Name);
        Assert.Equal(ModelFamily.Named("Llama"), model.Config.Architecture);
        Assert.Equal((2, 2, 16, 8), (model.Config.QueryHeads, model.Config.KeyValueHeads, model.Config.HeadSize, model.Config.VocabularySize));
        Assert.Equal(RopePairs.Adjacent, model.Config.RopePairs);
        Assert.Equal(10_000, model.Config.Rope!.Theta);
        Assert.IsType<RopeScaling.None>(model.Config.Rope!.Scaling);
        Assert.True(model.Config.TieWordEmbeddings);
        Assert.Null(model.Config.BosTokenId);
        Assert.Empty(model.Config.EosTokenIds);
        Assert.Equal([ElementType.F32], model.Weights.ElementTypes);
    }

    [Fact]
    public void Values_that_are_given_count()
    {
        using TemporaryFolder folder = new();
        GgufBytes bytes = TinyGguf.Create(
            tensors => tensors["rope_freqs.weight"] = [1, 1, 2, 2, 4, 4, 8, 8],
            keys =>
            {
                keys["general.name"] = "Tiny One";
                keys["general.sampling.temp"] = 0.5f;
                keys["general.sampling.top_k"] = 20u;
                keys["general.sampling.penalty_repeat"] = 1.25f;
                keys["general.sampling.mirostat"] = 2u;
                keys["llama.rope.freq_base"] = 500f;
                keys["llama.rope.scaling.type"] = "linear";
                keys["llama.rope.scaling.factor"] = 2f;
                keys["llama.attention.sliding_window"] = 64u;
                keys["tokenizer.ggml.bos_token_id"] = 3u;
                keys["tokenizer.ggml.eos_token_id"] = 5u;
                keys["tokenizer.ggml.eot_token_id"] = 6u;
                keys["tokenizer.ggml.eom_token_id"] = uint.MaxValue;
            });
        using LoadedModel model = GgufModel.Load(folder.Write("tiny.gguf", bytes.Build()));
        Assert.Equal("Tiny One", model.Name);
        Assert.Equal((true, 0.5, 20), (model.Generation.DoSample, model.Generation.Temperature, model.Generation.TopK));
        // llama.cpp's penalty looks at 64 tokens where nothing else is said.
        Assert.Equal((1.25, 64), (model.Generation.RepetitionPenalty, model.Generation.PenaltyLastN));
        Assert.Equal(["general.sampling.mirostat 2"], model.Generation.NotApplied);
        Assert.Equal((ModelFamily.Named("Mistral"), 64), (model.Config.Architecture, model.Config.SlidingWindow(0)));
        Assert.Equal(3, model.Config.BosTokenId);
        Assert.Equal([5, 6], model.Config.EosTokenIds);
        // θ of pair 2 of 8: 500^(-2·2/16), divided by its factor 2 and by 2 for the linear scaling.
        Assert.Equal(Math.Pow(500, -0.25) / 4, Transformer.RopeFrequencies(model.Config, model.Config.Rope!)[2], 1e-9);
    }

    /// <summary>As llama.cpp takes them: 0.1·ln 4 + 1, over the same with a multiplier where there is one, times the file's own factor.</summary>
    [Theory]
    [InlineData(0f, 0f, 1.138629436111989)]
    [InlineData(0f, 0.5f, 0.5693147180559945)]
    [InlineData(2f, 0f, 0.8914633210802397)]
    public void Yarn_has_its_context_and_attention_factor(float multiplier, float factor, double attention)
    {
        using TemporaryFolder folder = new();
        GgufBytes bytes = TinyGguf.Create(changeKeys: keys =>
        {
            keys["llama.context_length"] = 256u;
            keys["llama.rope.scaling.type"] = "yarn";
            keys["llama.rope.scaling.factor"] = 4f;
            keys["llama.rope.scaling.original_context_length"] = 128u;
            keys["llama.rope.scaling.yarn_log_multiplier"] = multiplier;
            keys["llama.rope.scaling.attn_factor"] = factor;
        });
        using LoadedModel model = GgufModel.Load(folder.Write("tiny.gguf", bytes.Build()));
        Assert.Equal(512, model.Config.MaxPositions);
        Assert.Equal(attention, model.Config.Rope!.Scaling.AttentionFactor, 1e-6);
    }

    /// <summary>A divisor for each of 8 pairs, where MoA wrote them; 500^(-2·2/16) over the third.</summary>
    [Fact]
    public void Layers_with_a_window_may_be_stretched()
    {
        using TemporaryFolder folder = new();
        using LoadedModel model = GgufModel.Load(folder.Write("tiny.gguf", Create([1, 1, 4, 4, 4, 4, 4, 4]).Build()));
        RopeSettings rope = model.Config.LayerDescriptions[0].Rope!;
        Assert.Equal((500, 1.5), (rope.Theta, rope.Scaling.AttentionFactor));
        Assert.Equal(Math.Pow(500, -0.25) / 4, Transformer.RopeFrequencies(model.Config, rope)[2], 1e-9);
        foreach (float[] wrong in new float[][] { [], [1, 2], [1, 1, 1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1, 1, float.NaN] })
        {
            string path = folder.Write("wrong.gguf", Create(wrong).Build());
            Refusal.AssertThrows(path, $"\"llama.rope.scaling.factors_swa\" has {wrong.Length} numbers; expected 8 between 1e-6 and 1e6", () => GgufModel.Load(path));
        }

        static GgufBytes Create(float[] divisors) => TinyGguf.Create(changeKeys: keys =>
        {
            keys["llama.attention.sliding_window"] = 64u;
            keys["llama.rope.freq_base_swa"] = 500f;
            keys["llama.rope.scaling.attn_factor_swa"] = 1.5f;
        }).Add("llama.rope.scaling.factors_swa", divisors);
    }

    /// <summary>llama.cpp reads these as one number or as one number a layer.</summary>
    [Fact]
    public void Numbers_of_layers_may_stand_once_or_once_a_layer()
    {
        using TemporaryFolder folder = new();
        GgufBytes bytes = TinyGguf.Create(changeKeys: keys =>
        {
            keys["llama.attention.head_count"] = (int[])[2];
            keys["llama.attention.head_count_kv"] = (int[])[2];
            keys["llama.feed_forward_length"] = (int[])[64];
        });
        using LoadedModel model = GgufModel.Load(folder.Write("tiny.gguf", bytes.Build()));
        Assert.Equal((2, 2, 64), (model.Config.QueryHeads, model.Config.KeyValueHeads, model.Config.IntermediateSize));
    }

    [Fact]
    public void Layers_that_differ_are_refused()
    {
        foreach (string key in new[] { "llama.attention.head_count", "llama.attention.head_count_kv", "llama.feed_forward_length" })
        {
            AssertRefused(key, new int[] { 2, 1 }, $"\"{key}\" is 2 for layer 0 and 1 for layer 1; expected the same for every layer");
            AssertRefused(key, new int[] { 2, 2, 2 }, $"\"{key}\" is a list of 3 values of type Int32; expected one number, or one for each of 2 layers");
            AssertRefused(key, Array.Empty<int>(), $"\"{key}\" is a list of 0 values");
            AssertRefused(key, new int[] { 2, 0 }, $"\"{key}\" is a list of 2 values of type Int32; expected whole numbers from 1 to");
        }

        static void AssertRefused(string key, int[] numbers, string problem)
        {
            using TemporaryFolder folder = new();
            string path = folder.Write("tiny.gguf", TinyGguf.Create(changeKeys: keys =>
            {
                keys["llama.block_count"] = 2u;
                keys[key] = numbers;
            }).Build());
            Refusal.AssertThrows(path, problem, () => GgufModel.Load(path));
        }
    }

    [Fact]
    public void Minus_one_stands_for_none_in_every_width()
    {
        foreach (object none in new object[] { uint.MaxValue, -1L })
        {
            using TemporaryFolder folder = new();
            GgufBytes bytes = TinyGguf.Create(changeKeys: keys =>
            {
                keys["llama.attention.sliding_window"] = none;
                keys["tokenizer.ggml.bos_token_id"] = none;
                keys["tokenizer.ggml.eos_token_id"] = none;
                keys["general.sampling.top_k"] = none;
            });
            using LoadedModel model = GgufModel.Load(folder.Write("tiny.gguf", bytes.Build()));
            Assert.Null(model.Config.SlidingWindow(0));
            Assert.Null(model.Config.BosTokenId);
            Assert.Empty(model.Config.EosTokenIds);
            Assert.Equal(0, model.Generation.TopK);
        }
    }

    /// <summary>19 is IQ1_S, 39 MXFP4, 99 a type of tomorrow; 0 with a size of 0 and without sizes.</summary>
    [Fact]
    public void Tensors_that_nobody_needs_may_be_of_any_type_and_shape()
    {
        using TemporaryFolder folder = new();
        byte[] bytes = TinyGguf.Create().AddTensor("vision.0", 19, [256], new byte[50]).AddTensor("vision.1", 99, [7, 3], new byte[5])
            .AddTensor("vision.2", 39, [32], new byte[17]).AddTensor("vision.3", 0, [0, 4], []).AddTensor("vision.4", 0, [], new byte[4]).Build();
        using LoadedModel model = GgufModel.Load(folder.Write("tiny.gguf", bytes));
        Assert.Equal(11, model.Weights.All.Count());
    }

    [Theory]
    [InlineData(19u, "tensor blk.0.ffn_up.weight is IQ1_S; expected one of F32, F16")]
    [InlineData(99u, "tensor blk.0.ffn_up.weight is of the unknown type 99; expected one of F32, F16")]
    public void A_tensor_that_is_needed_must_be_of_a_type_that_is_read(uint type, string problem)
    {
        using TemporaryFolder folder = new();
        byte[] bytes = TinyGguf.Create(tensors => tensors.Remove("blk.0.ffn_up.weight"))
            .AddTensor("blk.0.ffn_up.weight", type, [32, 64], new byte[1088]).Build();
        string path = folder.Write("tiny.gguf", bytes);
        Refusal.AssertThrows(path, problem, () => GgufModel.Load(path));
    }

    [Theory]
    [InlineData("general.architecture", "gemma", "the architecture is \"gemma\"; expected one of llama, qwen2, qwen3")]
    [InlineData("llama.block_count", 2u, "has no tensor blk.1.attn_norm.weight, which the model needs")]
    [InlineData("llama.block_count", 0u, "\"llama.block_count\" is 0; expected a whole number from 1")]
    [InlineData("llama.block_count", "x", "\"llama.block_count\" is \"x\"; expected a whole number")]
    [InlineData("llama.embedding_length", 48u, "tensor token_embd.weight has shape [8, 32]; expected [8, 48] by the file's metadata")]
    [InlineData("llama.embedding_length", 33u, "\"llama.embedding_length\" is 33 and \"llama.attention.head_count\" is 2")]
    [InlineData("llama.attention.head_count_kv", 3u, "expected a multiple of the latter")]
    [InlineData("llama.attention.value_length", 8u, "values of a head have 8 components and keys 16")]
    [InlineData("llama.rope.dimension_count", 7u, "\"llama.rope.dimension_count\" is 7; expected an even number up to 16")]
    [InlineData("llama.rope.scaling.type", "longrope", "the RoPE scaling is \"longrope\" without tensors rope_factors_short.weight and rope_factors_long.weight")]
    [InlineData("llama.rope.scaling.type", "dynamic", "the RoPE scaling is \"dynamic\"; expected none, linear, yarn or longrope")]
    [InlineData("llama.expert_count", 8u, "no \"llama.expert_used_count\"")]
    [InlineData("llama.attention.causal", false, "attention is not causal")]
    [InlineData("llama.attention.scale", -0.5f, "\"llama.attention.scale\" is -0.5")]
    [InlineData("llama.attention.layer_norm_rms_epsilon", 0f, "expected a number above 0 and up to 1")]
    [InlineData("tokenizer.ggml.eos_token_id", 8u, "\"tokenizer.ggml.eos_token_id\" is 8; expected a whole number from 0 to 7")]
    public void Unusable_metadata_is_named(string key, object value, string problem)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("tiny.gguf", TinyGguf.Create(changeKeys: keys => keys[key] = value).Build());
        Refusal.AssertThrows(path, problem, () => GgufModel.Load(path));
    }

    [Fact]
    public void Unusable_tensors_are_named()
    {
        AssertRefused("has no tensor token_embd.weight", tensors => tensors.Remove("token_embd.weight"));
        AssertRefused("tensor blk.0.attn_q.weight holds NaN or infinity at row 1, column 4", tensors =>
            tensors["blk.0.attn_q.weight"][36] = float.NaN);
        AssertRefused("tensor rope_freqs.weight is F32 [3]; expected F32 [8]", tensors => tensors["rope_freqs.weight"] = [1, 1, 1]);
        AssertRefused("tensor rope_freqs.weight holds a number that is not between", tensors => tensors["rope_freqs.weight"] = new float[8]);

        static void AssertRefused(string problem, Func<Dictionary<string, float[]>, object> change)
        {
            using TemporaryFolder folder = new();
            string path = folder.Write("tiny.gguf", TinyGguf.Create(tensors => _ = change(tensors)).Build());
            Refusal.AssertThrows(path, problem, () => GgufModel.Load(path));
        }
    }

    [Fact]
    public void A_bad_scale_of_a_block_is_named_with_its_place()
    {
        using TemporaryFolder folder = new();
        byte[] blocks = new byte[64 * 34]; // 64 rows of one Q8_0 block
        blocks[5 * 34 + 1] = 0x7C; // infinity
        GgufBytes bytes = TinyGguf.Create(tensors => tensors.Remove("blk.0.ffn_gate.weight")).AddTensor("blk.0.ffn_gate.weight", 8, [32, 64], blocks);
        string path = folder.Write("tiny.gguf", bytes.Build());
        Refusal.AssertThrows(path, "tensor blk.0.ffn_gate.weight holds NaN or infinity at row 5, column 0", () => GgufModel.Load(path));
        bytes = TinyGguf.Create(tensors => tensors.Remove("output_norm.weight")).AddTensor("output_norm.weight", 8, [32], new byte[34]);
        path = folder.Write("tiny.gguf", bytes.Build());
        Refusal.AssertThrows(path, "tensor output_norm.weight is Q8_0; expected norms and biases in F32, F16 or BF16", () => GgufModel.Load(path));
    }
}
