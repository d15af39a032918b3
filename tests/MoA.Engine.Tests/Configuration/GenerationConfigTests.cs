using MoA.Engine.Configuration;
using MoA.Engine.Tests.Models.Loading;

namespace MoA.Engine.Tests.Configuration;

public sealed class GenerationConfigTests
{
    [Fact]
    public void Every_setting_is_read()
    {
        GenerationConfig config = Parse("""
            {"do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.95, "min_p": 0.05,
             "eos_token_id": [128001, 128009], "max_length": 4096, "transformers_version": "4.40"}
            """);
        Assert.Equal((true, 0.6, 20, 0.95, 0.05, 4096),
            (config.DoSample, config.Temperature, config.TopK, config.TopP, config.MinP, config.MaxLength));
        Assert.Equal([128001, 128009], config.EosTokenIds);
    }

    [Fact]
    public void Penalties_and_ends_are_read()
    {
        GenerationConfig config = Parse("""
            {"repetition_penalty": 1.05, "frequency_penalty": 0.5, "presence_penalty": -0.25, "no_repeat_ngram_size": 3,
             "max_new_tokens": 2048, "stop_strings": ["\nUser:"]}
            """);
        Assert.Equal((1.05, 0.5, -0.25, 3, 2048), (config.RepetitionPenalty, config.FrequencyPenalty, config.PresencePenalty,
            config.NoRepeatNgramSize, config.MaxNewTokens));
        Assert.Equal(["\nUser:"], config.StopStrings);
        Assert.Empty(config.NotApplied);
    }

    [Theory]
    [InlineData("\"num_beams\": 4", "num_beams 4")]
    [InlineData("\"num_beams\": 1, \"guidance_scale\": 1.0, \"min_length\": 0, \"token_healing\": false, \"bad_words_ids\": null, \"suppress_tokens\": []")]
    [InlineData("\"min_new_tokens\": 5, \"suppress_tokens\": [1, 2], \"forced_bos_token_id\": 0, \"forced_eos_token_id\": 3",
        "min_new_tokens 5", "suppress_tokens [1, 2]", "forced_bos_token_id 0", "forced_eos_token_id 3")]
    [InlineData("\"do_sample\": false, \"typical_p\": 0.9, \"epsilon_cutoff\": 0.001")]
    [InlineData("\"do_sample\": true, \"typical_p\": 0.9, \"epsilon_cutoff\": 0.001", "typical_p 0.9", "epsilon_cutoff 0.001")]
    [InlineData("\"bos_token_id\": 1, \"pad_token_id\": 0, \"use_cache\": true, \"_from_model_config\": true, \"length_penalty\": 0.8")]
    [InlineData("\"no_such_setting\": \"x\"", "no_such_setting \"x\"")]
    public void What_is_not_applied_is_named(string members, params string[] named) =>
        Assert.Equal(named, Parse($"{{{members}}}").NotApplied);

    [Fact]
    public void Nothing_is_said_without_the_file_or_its_members()
    {
        using TemporaryFolder folder = new();
        foreach (GenerationConfig config in new[] { GenerationConfig.Load(folder.Path), Parse("{\"top_k\": null}") })
        {
            Assert.Equal((null, null, null, null, null, null),
                (config.DoSample, config.Temperature, config.TopK, config.TopP, config.MinP, config.MaxLength));
            Assert.Empty(config.EosTokenIds);
        }
    }

    /// <summary>As published files write "all tokens" and "none".</summary>
    [Fact]
    public void Minus_one_and_null_stand_for_none()
    {
        GenerationConfig config = Parse("""{"top_k": -1, "eos_token_id": -1, "max_length": -1.0, "temperature": null, "do_sample": null}""");
        Assert.Equal((0, null, null, null), (config.TopK, config.MaxLength, config.Temperature, config.DoSample));
        Assert.Empty(config.EosTokenIds);
        Assert.Equal([7, 9], Parse("""{"eos_token_id": [7, -1, null, 9]}""").EosTokenIds);
    }

    [Theory]
    [InlineData("{\"top_k\": -2}", "\"top_k\" is -2; expected a whole number from 0")]
    [InlineData("{\"max_length\": -5}", "\"max_length\" is -5; expected a whole number from 1")]
    [InlineData("{\"eos_token_id\": [2, -7]}", "\"eos_token_id[1]\" is -7")]
    [InlineData("{\"eos_token_id\": -2}", "\"eos_token_id\" is -2")]
    [InlineData("{\"top_k\": 1, \"top_k\": 2}", "uplicate")]
    [InlineData("{\"temperature\": -1}", "\"temperature\" is -1; expected a number from 0")]
    [InlineData("{\"top_p\": 1.5}", "\"top_p\" is 1.5")]
    [InlineData("{\"top_k\": \"50\"}", "\"top_k\" is \"50\"")]
    [InlineData("{\"repetition_penalty\": 0}", "\"repetition_penalty\" is 0; expected a number from 0.001")]
    [InlineData("{\"no_repeat_ngram_size\": -2}", "\"no_repeat_ngram_size\" is -2")]
    [InlineData("{\"stop_strings\": [1]}", "\"stop_strings[0]\" is 1; expected a string")]
    [InlineData("{\"do_sample\": \"yes\"}", "\"do_sample\" is \"yes\"; expected true or false")]
    [InlineData("{", "not valid JSON")]
    public void Bad_values_are_refused(string text, string problem)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write(GenerationConfig.FileName, text);
        Refusal.AssertThrows(path, problem, () => GenerationConfig.Load(folder.Path));
    }

    private static GenerationConfig Parse(string text)
    {
        using TemporaryFolder folder = new();
        _ = folder.Write(GenerationConfig.FileName, text);
        return GenerationConfig.Load(folder.Path);
    }
}
