using MoA.Engine;
using MoA.Engine.Configuration;
using MoA.Engine.Tests.Models.Loading;
using MoA.Tests;

namespace MoA.Engine.Tests.Configuration;

/// <summary>
/// What config.json files mean, and which are refused. Expected values are those written in the files.
/// </summary>
public sealed class ModelConfigTests
{
    private const string Sizes =
        "\"hidden_size\": 64, \"intermediate_size\": 96, \"num_hidden_layers\": 4, \"num_attention_heads\": 4, " +
        "\"vocab_size\": 128";

    private const string Llama = "\"architectures\": [\"LlamaForCausalLM\"], " + Sizes;
    private const string Mistral = "\"architectures\": [\"MistralForCausalLM\"], " + Sizes;
    private const string Qwen2 = "\"architectures\": [\"Qwen2ForCausalLM\"], " + Sizes;

    [Fact]
    public void The_grouped_llama3_fixture()
    {
        ModelConfig config = Fixture("llama-gqa-llama3");
        Assert.Equal(ModelFamily.Named("Llama"), config.Architecture);
        Assert.Equal((96, 96, 2, 128), (config.HiddenSize, config.IntermediateSize, config.Layers,
            config.VocabularySize));
        Assert.Equal((6, 2, 16, 3),
            (config.QueryHeads, config.KeyValueHeads, config.HeadSize, config.QueriesPerKeyValueHead));
        Assert.Equal((2048, 1e-5, 500_000.0), (config.MaxPositions, config.RmsNormEpsilon, config.Rope!.Theta));
        Assert.Equal(new RopeScaling.Llama3(8, 1, 4, 64), config.Rope!.Scaling);
        Assert.False(config.TieWordEmbeddings);
        Assert.Equal(1, config.BosTokenId);
        Assert.Equal([2], config.EosTokenIds);
        Assert.Null(config.SlidingWindow(0));
    }

    [Fact]
    public void The_other_fixtures()
    {
        Assert.Equal(new RopeScaling.None(), Fixture("llama-mha").Rope!.Scaling);
        Assert.Equal(new RopeScaling.Linear(4), Fixture("llama-linear").Rope!.Scaling);

        ModelConfig mistral = Fixture("mistral");
        Assert.Equal((ModelFamily.Named("Mistral"), 32, 4, 64),
            (mistral.Architecture, mistral.HeadSize, mistral.QueryHeads, mistral.HiddenSize));
        Assert.Equal([48, 48], Windows(mistral));

        ModelConfig qwen2 = Fixture("qwen2-bf16");
        Assert.Equal((ModelFamily.Named("Qwen2"), true, 16, 1e-6),
            (qwen2.Architecture, qwen2.TieWordEmbeddings, qwen2.HeadSize, qwen2.RmsNormEpsilon));
        Assert.Equal([null, null, null], Windows(qwen2));

        ModelConfig qwen3 = Fixture("qwen3");
        Assert.Equal((ModelFamily.Named("Qwen3"), true, 32), (qwen3.Architecture, qwen3.TieWordEmbeddings, qwen3.HeadSize));
        Assert.Equal([null, null], Windows(qwen3));
    }

    [Fact]
    public void What_is_left_out_gets_the_library_s_defaults()
    {
        ModelConfig config = Parse(Llama);
        Assert.Equal((4, 16, 2048), (config.KeyValueHeads, config.HeadSize, config.MaxPositions));
        Assert.Equal((1e-6, 10_000.0, false), (config.RmsNormEpsilon, config.Rope!.Theta, config.TieWordEmbeddings));
        Assert.Equal(1, config.BosTokenId);
        Assert.Equal([2], config.EosTokenIds);

        Assert.Equal(32_768, Parse(Qwen2).MaxPositions);
        Assert.Null(Parse(Qwen2).BosTokenId);
        Assert.Empty(Parse(Qwen2).EosTokenIds);
        Assert.Equal([4096, 4096, 4096, 4096], Windows(Parse(Mistral)));
    }

    [Fact]
    public void Minus_one_and_null_stand_for_none()
    {
        foreach (string none in new[] { "-1", "null", "[-1]", "[]", "-1.0" })
        {
            ModelConfig config = Parse($"{Llama}, \"bos_token_id\": {none}, \"eos_token_id\": {none}, \"pad_token_id\": {none}");
            Assert.Null(config.BosTokenId);
            Assert.Empty(config.EosTokenIds);
        }

        Assert.Equal([2, 5], Parse($"{Llama}, \"eos_token_id\": [2, -1, null, 5]").EosTokenIds);
        Assert.Equal(3, Parse($"{Llama}, \"bos_token_id\": [-1, 3]").BosTokenId);
        Assert.Equal([null, null, null, null], Windows(Parse($"{Mistral}, \"sliding_window\": -1")));
        Assert.Equal([null, null, null, null], Windows(Parse($"{Mistral}, \"sliding_window\": null")));
    }

    [Theory]
    [InlineData("LlamaModel", "Llama")]
    [InlineData("MistralModel", "Mistral")]
    [InlineData("Qwen2Model", "Qwen2")]
    [InlineData("Qwen3Model", "Qwen3")]
    public void A_model_saved_without_its_head_is_of_the_same_family(string architecture, string family) =>
        Assert.Equal(family, Parse($"\"architectures\": [\"{architecture}\"], {Sizes}").Architecture.Name);

    [Fact]
    public void The_family_comes_from_the_model_type_if_no_architecture_is_named()
    {
        Assert.Equal(ModelFamily.Named("Qwen3"), Parse("\"model_type\": \"qwen3\", " + Sizes).Architecture);
        Assert.Equal(ModelFamily.Named("Mistral"),
            Parse("\"architectures\": null, \"model_type\": \"mistral\", " + Sizes).Architecture);
    }

    [Fact]
    public void Several_end_tokens_a_null_and_whole_floats_are_read()
    {
        Assert.Equal([7, 9], Parse(Llama + ", \"eos_token_id\": [7, 9]").EosTokenIds);
        Assert.Empty(Parse(Llama + ", \"eos_token_id\": null").EosTokenIds);
        Assert.Null(Parse(Llama + ", \"bos_token_id\": null").BosTokenId);
        Assert.Equal(8192, Parse(Llama + ", \"max_position_embeddings\": 8192.0").MaxPositions);
        Assert.Equal(16, Parse(Llama + ", \"head_dim\": null").HeadSize);
    }

    [Fact]
    public void A_byte_order_mark_is_skipped()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("config.json", [0xEF, 0xBB, 0xBF,
            .. System.Text.Encoding.UTF8.GetBytes($"{{{Llama}}}")]);
        Assert.Equal(64, ModelConfig.Load(path).HiddenSize);
    }

    [Theory]
    [InlineData("\"rope_scaling\": {}")]
    [InlineData("\"rope_scaling\": {\"rope_type\": \"default\"}")]
    [InlineData("\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 10000.0}")]
    [InlineData("\"rope_parameters\": {\"rope_theta\": 10000.0}")]
    public void Unscaled_rope(string setting) =>
        Assert.Equal(new RopeScaling.None(), Parse($"{Llama}, {setting}").Rope!.Scaling);

    [Fact]
    public void Kinds_of_layers_may_have_a_rope_of_their_own()
    {
        ModelConfig config = Parse(Mistral + ", \"layer_types\": [\"sliding_attention\", \"full_attention\", \"sliding_attention\", \"full_attention\"], \"rope_parameters\": {\"full_attention\": {\"rope_type\": \"linear\", \"factor\": 8, \"rope_theta\": 1e6}, " +
            "\"sliding_attention\": {\"rope_type\": \"default\", \"rope_theta\": 1e4}}");
        Assert.Equal((1e6, new RopeScaling.Linear(8)), (config.Rope!.Theta, config.Rope!.Scaling));
        Assert.Equal(new RopeSettings(1e4, new RopeScaling.None()), config.SlidingRope);
    }

    [Fact]
    public void Part_of_a_head_may_turn()
    {
        Assert.Equal(12, Parse(Llama + ", \"partial_rotary_factor\": 0.75").RotaryDimensions);
        Assert.Equal(8, Parse(Llama + ", \"rope_parameters\": {\"rope_theta\": 1e4, \"partial_rotary_factor\": 0.5}").RotaryDimensions);
        Assert.Equal(16, Parse(Llama).RotaryDimensions);
    }

    /// <summary>What the attention factor follows from, worked by hand: 0.1·ln 4 + 1, the ratio of two such, √(1 + ln 8 / ln 64).</summary>
    [Theory]
    [InlineData("{\"rope_type\": \"yarn\", \"factor\": 4.0}", 8192, 1.1386294361119891)]
    [InlineData("{\"rope_type\": \"yarn\", \"factor\": 4.0, \"attention_factor\": 0.5}", 8192, 0.5)]
    [InlineData("{\"rope_type\": \"yarn\", \"factor\": 4.0, \"mscale\": 2.0, \"mscale_all_dim\": 1.0}", 8192, 1.121751143713058)]
    [InlineData("{\"rope_type\": \"yarn\", \"original_max_position_embeddings\": 512}", 2048, 1.1386294361119891)]
    [InlineData("{\"rope_type\": \"longrope\", \"original_max_position_embeddings\": 64, \"factor\": 8.0, \"short_factor\": [1,1,1,1,1,1,1,1], \"long_factor\": [2,2,2,2,2,2,2,2]}", 2048, 1.224744871391589)]
    [InlineData("{\"type\": \"su\", \"original_max_position_embeddings\": 2048, \"short_factor\": [1,1,1,1,1,1,1,1], \"long_factor\": [2,2,2,2,2,2,2,2]}", 2048, 1)]
    [InlineData("{\"rope_type\": \"dynamic\", \"factor\": 2.0}", 4096, 1)]
    public void Stretched_rope_has_its_context_and_attention_factor(string rope, int context, double attention)
    {
        ModelConfig config = Parse($"{Llama}, \"rope_scaling\": {rope}");
        Assert.Equal(attention, config.Rope!.Scaling.AttentionFactor, 1e-12);
        Assert.Equal(context, config.MaxPositions);
    }

    [Fact]
    public void The_newest_spelling_of_rope_wins()
    {
        ModelConfig config = Parse(Llama + ", \"rope_theta\": 1.0, \"rope_parameters\": " +
            "{\"rope_type\": \"linear\", \"factor\": 2, \"rope_theta\": 5e5}");
        Assert.Equal(5e5, config.Rope!.Theta);
        Assert.Equal(new RopeScaling.Linear(2), config.Rope!.Scaling);
        Assert.Equal(new RopeScaling.Linear(3),
            Parse(Llama + ", \"rope_scaling\": " +
                "{\"rope_type\": \"linear\", \"type\": \"yarn\", \"factor\": 3.0}").Rope!.Scaling);
    }

    [Fact]
    public void Qwen_s_window_counts_only_when_switched_on_and_from_its_first_layer_on()
    {
        const string window = ", \"sliding_window\": 32, \"max_window_layers\": 3";
        Assert.Equal([null, null, null, 32], Windows(Parse(Qwen2 + window + ", \"use_sliding_window\": true")));
        Assert.Equal([null, null, null, null], Windows(Parse(Qwen2 + window)));
        Assert.Equal([32, null, 32, null], Windows(Parse(Qwen2 + window +
            ", \"use_sliding_window\": true, \"layer_types\": " +
            "[\"sliding_attention\", \"full_attention\", \"sliding_attention\", \"full_attention\"]")));
    }

    [Fact]
    public void Mistral_without_a_window_and_llama_with_one_see_everything()
    {
        Assert.Equal([null, null, null, null], Windows(Parse(Mistral + ", \"sliding_window\": null")));
        Assert.Equal([null, null, null, null], Windows(Parse(Llama + ", \"sliding_window\": 32")));
    }

    [Theory]
    [InlineData("", "not valid JSON")]
    [InlineData("[]", "expected an object")]
    [InlineData("{}", "\"architectures\" is missing; expected one of LlamaForCausalLM")]
    [InlineData("{\"architectures\": [\"GPT2LMHeadModel\"]}", "the architecture is \"GPT2LMHeadModel\"; expected one of")]
    [InlineData("{\"model_type\": \"gemma\"}", "the architecture is \"gemma\"; expected one of")]
    [InlineData("{\"architectures\": [7]}", "\"architectures[0]\" is 7; expected a string")]
    [InlineData("{\"architectures\": \"LlamaForCausalLM\"}", "\"architectures\" is \"LlamaForCausalLM\"; expected a list")]
    [InlineData("{\"architectures\": [\"LlamaForCausalLM\"]}", "\"hidden_size\" is missing")]
    [InlineData("{\"architectures\": [\"LlamaForCausalLM\"], \"hidden_size\": \"64\"}", "\"hidden_size\" is \"64\"; expected a whole number")]
    [InlineData("{\"architectures\": [\"Llama\\ud800ForCausalLM\"]}", "not valid JSON")]
    [InlineData("{\"architectures\": [\"A\\nB\"]}", "the architecture is \"A B\"")]
    public void Bad_files_are_refused(string text, string problem) => AssertRefused(text, problem);

    [Theory]
    [InlineData("\"hidden_size\": 65", "\"hidden_size\" is 65 and \"num_attention_heads\" is 4")]
    [InlineData("\"num_attention_heads\": 0", "\"num_attention_heads\" is 0; expected a whole number from 1")]
    [InlineData("\"num_hidden_layers\": 2.5", "\"num_hidden_layers\" is 2.5; expected a whole number")]
    [InlineData("\"num_hidden_layers\": 99999999999999999999", "expected a whole number")]
    [InlineData("\"vocab_size\": -1", "\"vocab_size\" is -1")]
    [InlineData("\"num_key_value_heads\": 3", "expected a multiple")]
    [InlineData("\"head_dim\": 15", "the size of a head is 15; expected an even number")]
    [InlineData("\"hidden_size\": 1048576", "the size of a head is 262144")]
    [InlineData("\"rms_norm_eps\": 0", "\"rms_norm_eps\" is 0; expected a number above 0")]
    [InlineData("\"rms_norm_eps\": \"1e-5\"", "\"rms_norm_eps\" is \"1e-5\"; expected a number")]
    [InlineData("\"rope_theta\": 1e999", "\"rope_theta\" is 1e999")]
    [InlineData("\"rope_theta\": [1]", "\"rope_theta\" is a list")]
    [InlineData("\"tie_word_embeddings\": 1", "\"tie_word_embeddings\" is 1; expected true or false")]
    [InlineData("\"eos_token_id\": -2", "\"eos_token_id\" is -2; expected a whole number from 0 to 127")]
    [InlineData("\"num_key_value_heads\": -1", "\"num_key_value_heads\" is -1; expected a whole number from 1")]
    [InlineData("\"eos_token_id\": 128", "\"eos_token_id\" is 128; expected a whole number from 0 to 127")]
    [InlineData("\"eos_token_id\": [2, \"x\"]", "\"eos_token_id[1]\" is \"x\"")]
    [InlineData("\"hidden_act\": \"gelu\"", "\"hidden_act\" is \"gelu\"; expected \"silu\"")]
    [InlineData("\"quantization_config\": {\"quant_method\": \"gptq\"}", "the checkpoint is quantised (gptq)")]
    [InlineData("\"rope_scaling\": {\"rope_type\": \"mrope\", \"factor\": 4}", "the RoPE scaling is \"mrope\"; expected default, linear, dynamic, yarn, longrope or llama3")]
    [InlineData("\"rope_scaling\": {\"type\": \"dynamic\"}", "\"rope_scaling.factor\" is missing")]
    [InlineData("\"rope_scaling\": {\"type\": \"longrope\", \"short_factor\": [1]}", "rope_scaling.short_factor: has 1 numbers; expected")]
    [InlineData("\"rope_scaling\": {\"type\": \"longrope\"}", "\"rope_scaling.short_factor\" is missing")]
    [InlineData("\"partial_rotary_factor\": 0.05", "\"partial_rotary_factor\" 0.05 turns")]
    [InlineData("\"rope_scaling\": {\"factor\": 4}", "\"rope_scaling.rope_type\" is missing")]
    [InlineData("\"rope_scaling\": \"linear\"", "\"rope_scaling\" is \"linear\"; expected an object")]
    [InlineData("\"rope_scaling\": {\"type\": \"linear\"}", "\"rope_scaling.factor\" is missing")]
    [InlineData("\"rope_scaling\": {\"type\": \"linear\", \"factor\": 0}", "\"rope_scaling.factor\" is 0")]
    [InlineData("\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 4, \"high_freq_factor\": 4, \"original_max_position_embeddings\": 64}", "low < high")]
    [InlineData("\"rope_parameters\": {\"full_attention\": {\"rope_theta\": 2, \"partial_rotary_factor\": 0.5}, \"sliding_attention\": {\"rope_theta\": 1}}", "differs by kind of layer")]
    public void Bad_values_are_refused(string setting, string problem)
    {
        string key = setting[..setting.IndexOf(':', StringComparison.Ordinal)];
        string others = string.Join(", ", Llama.Split(", ").Where(part =>
            !part.StartsWith(key, StringComparison.Ordinal)));
        AssertRefused($"{{{others}, {setting}}}", problem);
    }

    [Theory]
    [InlineData("\"sliding_window\": 0", "\"sliding_window\" is 0")]
    [InlineData("\"sliding_window\": -2", "\"sliding_window\" is -2")]
    [InlineData("\"layer_types\": [\"full_attention\"]", "\"layer_types\" has 1 entries; expected 4")]
    [InlineData("\"layer_types\": [\"a\", \"a\", \"a\", \"a\"]", "\"layer_types[0]\" is \"a\"")]
    public void Bad_windows_are_refused(string setting, string problem) =>
        AssertRefused($"{{{Mistral}, {setting}}}", problem);

    [Fact]
    public void A_missing_file_and_a_folder_are_refused()
    {
        using TemporaryFolder folder = new();
        Refusal.AssertThrows(folder.File("config.json"), "there is no such file", () =>
            ModelConfig.Load(folder.File("config.json")));
        Refusal.AssertThrows(folder.Path, "is a folder", () => ModelConfig.Load(folder.Path));
    }

    /// <summary>
    /// A member replaced by any of many values leaves a config that is within its ranges, or is refused.
    /// </summary>
    [Fact]
    public void Any_value_anywhere_is_read_or_refused()
    {
        string[] values =
        [
            "null", "0", "-1", "3", "1e9", "1e400", "2147483648", "1.5", "true", "\"\"", "\"x\"", "[]", "[1]", "[null]",
            "{}", "{\"rope_type\":\"linear\"}", "{\"type\":\"llama3\",\"factor\":8}", "", "\"\\udc00\"", "}",
        ];
        using TemporaryFolder folder = new();
        string path = folder.File("config.json");
        foreach (string fixture in new[] { "llama-gqa-llama3", "qwen2-bf16" })
        {
            string[] lines = File.ReadAllLines(RepositoryFiles.Fixture("models", fixture, "config.json"));
            for (int line = 0; line < lines.Length; line++)
            {
                int colon = lines[line].IndexOf(':', StringComparison.Ordinal);
                foreach (string value in values)
                {
                    string comma = lines[line].EndsWith(',') ? "," : "";
                    string[] changed = [.. lines];
                    changed[line] = $"{lines[line].AsSpan(0, colon + 1)}{value}{comma}";
                    _ = folder.Write("config.json", string.Join('\n', changed));
                    AssertSoundOrRefused(path);
                }
            }
        }
    }

    private static void AssertSoundOrRefused(string path)
    {
        try
        {
            ModelConfig config = ModelConfig.Load(path);
            Assert.Equal(0, config.QueryHeads % config.KeyValueHeads);
            Assert.True(config.HeadSize > 0 && config.HeadSize % 2 == 0 && config.HiddenSize > 0 && config.Layers > 0);
            Assert.True(double.IsFinite(config.Rope!.Theta) && config.Rope!.Theta > 0 && config.RmsNormEpsilon > 0);
            Assert.All(Windows(config), window => Assert.True(window is null or > 0));
            Assert.All(config.EosTokenIds, id => Assert.InRange(id, 0, config.VocabularySize - 1));
        }
        catch (InvalidInputException refusal)
        {
            Assert.StartsWith(path + ": ", refusal.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', refusal.Message);
        }
    }

    private static void AssertRefused(string text, string problem)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("config.json", text);
        Refusal.AssertThrows(path, problem, () => ModelConfig.Load(path));
    }

    private static ModelConfig Parse(string members)
    {
        using TemporaryFolder folder = new();
        return ModelConfig.Load(folder.Write("config.json", $"{{{members}}}"));
    }

    private static ModelConfig Fixture(string name) =>
        ModelConfig.Load(RepositoryFiles.Fixture("models", name, "config.json"));

    private static int?[] Windows(ModelConfig config) =>
        [.. Enumerable.Range(0, config.Layers).Select(config.SlidingWindow)];
}
