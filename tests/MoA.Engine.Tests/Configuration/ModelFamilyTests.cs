using MoA.Engine;
using MoA.Engine.Configuration;
using MoA.Engine.Tests.Models.Loading;
using MoA.Tests;

namespace MoA.Engine.Tests.Configuration;

/// <summary>What each family makes of its config.json: the defaults are those of the transformers library's configuration classes.</summary>
public sealed class ModelFamilyTests
{
    private const string Sizes = "\"hidden_size\": 64, \"intermediate_size\": 96, \"num_hidden_layers\": 8, \"num_attention_heads\": 4, \"vocab_size\": 160";

    [Fact]
    public void Gemma2_alone()
    {
        ModelConfig config = Parse("Gemma2ForCausalLM", "\"hidden_size\": 2304, \"intermediate_size\": 9216, \"num_hidden_layers\": 26");
        Assert.Equal((8, 4, 256, 256_000, 8192), (config.QueryHeads, config.KeyValueHeads, config.HeadSize, config.VocabularySize, config.MaxPositions));
        Assert.Equal((48.0, 30.0, 1.0, true), (config.EmbeddingScale, config.LogitSoftCap, config.LogitScale, config.TieWordEmbeddings));
        Assert.Equal((2, 1), (config.BosTokenId, config.EosTokenIds[0]));
        Assert.Equal([4096, null, 4096, null], Windows(config)[..4]);
        Assert.All(config.LayerDescriptions, layer => Assert.Equal(
            (NormPlacement.Around, QueryKeyNorm.None, 50.0, null, Activation.GeluTanh),
            (layer.Norms, layer.QueryKeyNorm, layer.AttentionSoftCap, layer.AttentionScale, layer.FeedForward.Activation)));
    }

    [Fact]
    public void Gemma2_with_everything_said()
    {
        ModelConfig config = Parse("Gemma2ForCausalLM", Sizes + ", \"head_dim\": 24, \"query_pre_attn_scalar\": 144, \"attn_logit_softcapping\": null, " +
            "\"final_logit_softcapping\": 5, \"sliding_window\": 7, \"hidden_act\": \"gelu\", \"hidden_activation\": \"gelu_pytorch_tanh\"");
        Assert.Equal((24, 1.0 / 12, 5.0), (config.HeadSize, config.AttentionScale(0), config.LogitSoftCap));
        Assert.Null(config.LayerDescriptions[0].AttentionSoftCap);
        Assert.Equal([7, null, 7, null], Windows(config)[..4]);
    }

    /// <summary>As published in the folders of models that also take images: most sizes are left out, and what is there stands apart.</summary>
    [Fact]
    public void Gemma3_of_a_model_that_takes_images()
    {
        ModelConfig config = Parse("Gemma3ForConditionalGeneration", "\"eos_token_id\": [1, 106], \"text_config\": {\"hidden_size\": 2560, " +
            "\"intermediate_size\": 10240, \"model_type\": \"gemma3_text\", \"num_hidden_layers\": 34, \"sliding_window\": 1024, " +
            "\"rope_scaling\": {\"factor\": 8.0, \"rope_type\": \"linear\"}}, \"vision_config\": {\"hidden_size\": 1152}");
        Assert.Equal((2560, 8, 4, 256, 262_208), (config.HiddenSize, config.QueryHeads, config.KeyValueHeads, config.HeadSize, config.VocabularySize));
        Assert.Equal([1024, 1024, 1024, 1024, 1024, null, 1024], Windows(config)[..7]);
        Assert.Equal(new RopeSettings(1e6, new RopeScaling.Linear(8)), config.Rope);
        Assert.Equal(new RopeSettings(1e4, new RopeScaling.None()), config.SlidingRope);
        Assert.Equal([1, 106], config.EosTokenIds);
        Assert.Equal((131_072, true), (config.MaxPositions, config.TieWordEmbeddings));
        Assert.Null(config.LogitSoftCap);
        Assert.All(config.LayerDescriptions, layer => Assert.Equal((QueryKeyNorm.PerHead, null), (layer.QueryKeyNorm, layer.AttentionSoftCap)));
    }

    [Fact]
    public void Gemma3_by_kinds_of_layers()
    {
        ModelConfig config = Parse("Gemma3ForCausalLM", Sizes + ", \"sliding_window_pattern\": 3, \"rope_local_base_freq\": 777, \"final_logit_softcapping\": 20");
        Assert.Equal([4096, 4096, null, 4096, 4096, null, 4096, 4096], Windows(config));
        Assert.Equal((777, 20.0), (config.SlidingRope!.Theta, config.LogitSoftCap));
        config = Parse("Gemma3ForCausalLM", Sizes + ", \"layer_types\": [\"full_attention\", \"sliding_attention\", \"full_attention\", \"full_attention\", " +
            "\"full_attention\", \"full_attention\", \"full_attention\", \"full_attention\"], \"rope_parameters\": {" +
            "\"sliding_attention\": {\"rope_type\": \"default\", \"rope_theta\": 5}, \"full_attention\": {\"rope_type\": \"linear\", \"factor\": 2, \"rope_theta\": 9}}");
        Assert.Equal([null, 4096, null], Windows(config)[..3]);
        Assert.Equal((9, 5), (config.Rope!.Theta, config.SlidingRope!.Theta));
    }

    [Fact]
    public void SmolLm3_leaves_layers_without_rope()
    {
        ModelConfig config = Parse("SmolLM3ForCausalLM", Sizes);
        Assert.Equal([true, true, true, false, true, true, true, false], Turned(config));
        Assert.Equal((2e6, true, 32_768), (config.Rope!.Theta, config.TieWordEmbeddings, config.MaxPositions));
        Assert.Empty(config.EosTokenIds); // 128001 is not in so small a vocabulary
        Assert.Equal([true, false, true, false], Turned(Parse("SmolLM3ForCausalLM", Sizes + ", \"no_rope_layer_interval\": 2"))[..4]);
        config = Parse("SmolLM3ForCausalLM", Sizes + ", \"no_rope_layers\": [0, 1, 1, 1, 1, 1, 1, 0], \"use_sliding_window\": true, \"sliding_window\": 9");
        Assert.Equal([false, true, true, true, true, true, true, false], Turned(config));
        Assert.Equal([9, null, null, null, null, null, null, 9], Windows(config));
        Assert.All(Windows(Parse("SmolLM3ForCausalLM", Sizes + ", \"sliding_window\": 9")), Assert.Null);
    }

    [Fact]
    public void Olmo2_and_3()
    {
        ModelConfig config = Parse("Olmo2ForCausalLM", Sizes);
        Assert.All(config.LayerDescriptions, layer =>
            Assert.Equal((NormPlacement.After, QueryKeyNorm.WholeProjection, null), (layer.Norms, layer.QueryKeyNorm, layer.Window)));
        Assert.Equal((1e-5, 2048, false), (config.RmsNormEpsilon, config.MaxPositions, config.TieWordEmbeddings));

        config = Parse("Olmo3ForCausalLM", Sizes + ", \"rope_theta\": 500000, \"max_position_embeddings\": 65536, \"rope_scaling\": {" +
            "\"rope_type\": \"yarn\", \"factor\": 8, \"original_max_position_embeddings\": 8192, \"attention_factor\": 1.2}");
        Assert.Equal([4096, 4096, 4096, null, 4096, 4096, 4096, null], Windows(config));
        Assert.Equal(new RopeSettings(500_000, new RopeScaling.None()), config.SlidingRope);
        Assert.Equal(new RopeSettings(500_000, new RopeScaling.Yarn(8, 8192, 1.2)), config.Rope);
        Assert.All(config.LayerDescriptions, layer => Assert.Equal((NormPlacement.After, QueryKeyNorm.WholeProjection), (layer.Norms, layer.QueryKeyNorm)));
    }

    [Fact]
    public void Granite_scales_what_it_says()
    {
        ModelConfig config = Parse("GraniteForCausalLM", Sizes);
        Assert.Equal((1.0, 1.0, 1.0, 1.0), (config.EmbeddingScale, config.LogitScale, config.AttentionScale(0), config.LayerDescriptions[0].ResidualScale));
        config = Parse("GraniteForCausalLM", Sizes +
            ", \"embedding_multiplier\": 12, \"attention_multiplier\": 0.015625, \"residual_multiplier\": 0.22, \"logits_scaling\": 8");
        Assert.Equal((12.0, 0.125, 0.015625, 0.22), (config.EmbeddingScale, config.LogitScale, config.AttentionScale(7), config.LayerDescriptions[7].ResidualScale));
    }

    [Fact]
    public void Phi3_slides_everywhere_if_it_says_so()
    {
        Assert.All(Windows(Parse("Phi3ForCausalLM", Sizes)), Assert.Null);
        Assert.All(Windows(Parse("Phi3ForCausalLM", Sizes + ", \"sliding_window\": 2047")), window => Assert.Equal(2047, window));
        Assert.Equal(1e-5, Parse("Phi3ForCausalLM", Sizes).RmsNormEpsilon);
    }

    [Theory]
    [InlineData("Gemma2ForCausalLM", "\"query_pre_attn_scalar\": 0", "\"query_pre_attn_scalar\" is 0")]
    [InlineData("Gemma2ForCausalLM", "\"attn_logit_softcapping\": -1", "\"attn_logit_softcapping\" is -1")]
    [InlineData("Gemma2ForCausalLM", "\"final_logit_softcapping\": \"x\"", "\"final_logit_softcapping\" is \"x\"")]
    [InlineData("Gemma2ForCausalLM", "\"hidden_activation\": \"gelu\"", "\"hidden_activation\" is \"gelu\"; expected \"silu\" or \"gelu_pytorch_tanh\"")]
    [InlineData("Gemma3ForCausalLM", "\"sliding_window_pattern\": 0", "\"sliding_window_pattern\" is 0")]
    [InlineData("Gemma3TextModel", "\"use_bidirectional_attention\": true", "use_bidirectional_attention: is true; expected a model that generates text")]
    [InlineData("Gemma3ForCausalLM", "\"rope_local_base_freq\": 0", "\"rope_local_base_freq\" is 0")]
    [InlineData("SmolLM3ForCausalLM", "\"no_rope_layers\": [1, 0]", "no_rope_layers: has 2 entries; expected 8, one per layer")]
    [InlineData("SmolLM3ForCausalLM", "\"no_rope_layers\": [1, 0, 2, 1, 1, 1, 1, 1]", "\"no_rope_layers[2]\" is 2")]
    [InlineData("SmolLM3ForCausalLM", "\"no_rope_layer_interval\": 0", "\"no_rope_layer_interval\" is 0")]
    [InlineData("Olmo3ForCausalLM", "\"layer_types\": [\"chunked_attention\", \"a\", \"a\", \"a\", \"a\", \"a\", \"a\", \"a\"]", "\"layer_types[0]\" is \"chunked_attention\"")]
    [InlineData("GraniteForCausalLM", "\"logits_scaling\": 0", "\"logits_scaling\" is 0")]
    [InlineData("GraniteForCausalLM", "\"residual_multiplier\": null, \"embedding_multiplier\": -2", "\"embedding_multiplier\" is -2")]
    [InlineData("Gemma4ForConditionalGeneration", "\"text_config\": {\"model_type\": \"gemma4_text\"}", "the architecture is \"Gemma4ForConditionalGeneration\"; expected one of")]
    public void Bad_values_are_refused(string architecture, string setting, string problem)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("config.json", $"{{\"architectures\": [\"{architecture}\"], {Sizes}, {setting}}}");
        Refusal.AssertThrows(path, problem, () => ModelConfig.Load(path));
    }

    [Fact]
    public void Every_family_is_found_by_its_names()
    {
        Assert.Equal(ModelFamily.All.Count, ModelFamily.All.Select(family => family.Name).Distinct().Count());
        foreach (ModelFamily family in ModelFamily.All)
        {
            Assert.Same(family, ModelFamily.Named(family.Name));
            Assert.Equal(family.Name, family.ToString());
        }

        Assert.Throws<ArgumentException>(() => ModelFamily.Named("GPT2"));
    }

    private static ModelConfig Parse(string architecture, string members)
    {
        using TemporaryFolder folder = new();
        return ModelConfig.Load(folder.Write("config.json", $"{{\"architectures\": [\"{architecture}\"], {members}}}"));
    }

    private static int?[] Windows(ModelConfig config) => [.. config.LayerDescriptions.Select(layer => layer.Window)];

    private static bool[] Turned(ModelConfig config) => [.. config.LayerDescriptions.Select(layer => layer.Rope is not null)];
}
