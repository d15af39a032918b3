using System.Text.Json;

namespace MoA.Tests.Commands;

/// <summary>The demo model answers small records of this form (its README).</summary>
public sealed class GenerateCommandTests
{
    private const string Question =
        "Below is a record of lines. Remember the REGISTER_CONTENT of each line.\n" +
        "line blunt-otter: REGISTER_CONTENT is <40893>\n" +
        "line tidy-lake: REGISTER_CONTENT is <23743>\n" +
        "What is the <REGISTER_CONTENT> in line blunt-otter?";

    private const string Answer = "The <REGISTER_CONTENT> in line blunt-otter is <40893>.";

    [Fact]
    public void Answers_from_argument_file_and_standard_input_agree()
    {
        using TemporaryFolder folder = new();
        string file = folder.Write("prompt.txt", Question);
        Assert.Equal(Answer + Environment.NewLine, Invocation.Of("generate", Question).Output);
        Assert.Equal(Answer + Environment.NewLine, Invocation.Of("generate", "--prompt-file", file, "--quiet").Output);
        Assert.Equal(Answer + Environment.NewLine, Invocation.WithInput(Question, "generate").Output);
    }

    [Fact]
    public void A_prompt_with_the_templates_tokens_is_taken_as_it_stands()
    {
        JsonElement formatted = Invocation.Json("generate", $"<|bos|><|user|>\n{Question}\n<|assistant|>\n");
        JsonElement templated = Invocation.Json("generate", Question, "--template", "on");
        Assert.Equal(Answer, formatted.GetProperty("text").GetString());
        Assert.Equal(Answer, templated.GetProperty("text").GetString());
        Assert.Equal(templated.GetProperty("promptTokens").GetInt32(), formatted.GetProperty("promptTokens").GetInt32());
        Assert.Equal("stop", formatted.GetProperty("finishReason").GetString());
        Assert.Equal(1277, formatted.GetProperty("tokens").EnumerateArray().Last().GetInt32()); // <|eos|>
        // Keys and values of 4 layers of 8 heads of 32 BF16 numbers, for prompt and 256 new tokens in blocks of 64.
        long rows = (formatted.GetProperty("promptTokens").GetInt32() + 256 + 63) / 64 * 64;
        Assert.Equal(2L * 4 * 8 * 32 * 2 * rows, formatted.GetProperty("kvBytes").GetInt64());
    }

    [Fact]
    public void A_stop_string_and_the_token_limit_end_the_text()
    {
        JsonElement stopped = Invocation.Json("generate", Question, "--stop", " is <", "--stop", "never");
        Assert.Equal("The <REGISTER_CONTENT> in line blunt-otter", stopped.GetProperty("text").GetString());
        Assert.Equal("stop", stopped.GetProperty("finishReason").GetString());
        JsonElement cut = Invocation.Json("generate", Question, "-n", "3");
        Assert.Equal(("length", 3), (cut.GetProperty("finishReason").GetString(), cut.GetProperty("tokens").GetArrayLength()));
        Assert.StartsWith(cut.GetProperty("text").GetString()!, Answer, StringComparison.Ordinal);
    }

    [Fact]
    public void Lookup_writes_the_same_and_says_what_came_of_it()
    {
        JsonElement plain = Invocation.Json("generate", Question);
        JsonElement drafted = Invocation.Json("generate", Question, "--lookup");
        Assert.Equal(Answer, drafted.GetProperty("text").GetString());
        Assert.Equal(plain.GetProperty("tokens").ToString(), drafted.GetProperty("tokens").ToString());
        Assert.False(plain.TryGetProperty("lookup", out _));
        JsonElement lookup = drafted.GetProperty("lookup");
        Assert.Equal(
            drafted.GetProperty("tokens").GetArrayLength() - 1, // prefill gives the first
            lookup.GetProperty("steps").GetInt32() + lookup.GetProperty("accepted").GetInt32());
        Assert.InRange(lookup.GetProperty("accepted").GetInt32(), 0, lookup.GetProperty("drafted").GetInt32());
        Assert.Contains("tokens a step", Invocation.Of("generate", Question, "--lookup").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Lookup_is_off_with_a_word_where_rows_are_chosen_by_attention()
    {
        Invocation run = Invocation.Of("generate", Question, "--lookup", "--policy", "h2o:density=0.9");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("moa: --lookup is off: policy h2o chooses rows by the attention they get", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("tokens a step", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_seed_gives_the_same_text_again()
    {
        string first = Sample("1");
        Assert.Equal(first, Sample("1"));
        Assert.NotEqual(first, Sample("2"));

        static string Sample(string seed) => Invocation.Json(
            "generate", "The king", "--template", "off", "-n", "24", "--temperature", "1.5", "--seed", seed, "--threads", seed)
            .GetProperty("text").GetString()!;
    }

    [Fact]
    public void A_policy_saves_the_memory_that_it_says()
    {
        string prompt = string.Concat(Enumerable.Repeat("line blunt-otter: REGISTER_CONTENT is <40893>\n", 20));
        JsonElement dense = Invocation.Json("generate", prompt, "-n", "4");
        JsonElement local = Invocation.Json("generate", prompt, "-n", "4", "--policy", "streaming-llm:span=128");
        Assert.Equal("streaming-llm", local.GetProperty("policy").GetString());
        Assert.Equal(2L * 4 * 8 * 32 * 2 * 128, local.GetProperty("kvBytes").GetInt64());
        Assert.True(dense.GetProperty("kvBytes").GetInt64() > 2 * local.GetProperty("kvBytes").GetInt64());
    }

    [Fact]
    public void A_penalty_that_the_model_asks_for_is_applied_and_an_option_overrides_it()
    {
        // The model of this case writes the token 13 for ever.
        using TemporaryFolder folder = new();
        string model = folder.CopyModel(Path.Combine("..", "cases", "stop-string-of-byte-tokens", "model"));
        string[] command = ["generate", "ab", "--model", model, "--template", "off"];
        Assert.Equal([13, 13, 13], Tokens("-n", "3"));
        File.WriteAllText(Path.Combine(model, "generation_config.json"), """{"no_repeat_ngram_size": 1, "max_new_tokens": 5}""");
        Assert.Equal(5, Tokens().Distinct().Count());
        Assert.Equal([13, 13, 13, 13, 13], Tokens("--no-repeat-ngram-size", "0"));
        Assert.True(Tokens("--no-repeat-ngram-size", "0", "--frequency-penalty", "100").Distinct().Count() > 1);
        Assert.True(Tokens("--no-repeat-ngram-size", "0", "--presence-penalty", "100").Distinct().Count() > 1);
        File.WriteAllText(Path.Combine(model, "generation_config.json"), """{"stop_strings": ["\n"]}""");
        Assert.Equal([13], Tokens());

        int[] Tokens(params string[] more) =>
            [.. Invocation.Json([.. command, .. more]).GetProperty("tokens").EnumerateArray().Select(token => token.GetInt32())];
    }

    [Fact]
    public void A_penalty_on_repetition_counts_the_prompt_as_far_as_it_looks_back()
    {
        Assert.Equal(Answer, Text("--repetition-penalty", "1"));
        Assert.NotEqual(Answer, Text("--repetition-penalty", "3"));
        Assert.Equal(Answer, Text("--repetition-penalty", "3", "--penalty-last-n", "0"));

        static string Text(params string[] options) => Invocation.Json(["generate", Question, .. options]).GetProperty("text").GetString()!;
    }

    [Fact]
    public void What_the_model_asks_for_and_does_not_get_is_named()
    {
        using TemporaryFolder folder = new();
        string model = folder.CopyModel(Path.Combine("..", "cases", "stop-string-of-byte-tokens", "model"));
        File.WriteAllText(Path.Combine(model, "generation_config.json"), """{"num_beams": 4, "bad_words_ids": [[7]], "top_p": 1.0}""");
        Invocation run = Invocation.Of("generate", "ab", "--model", model, "--template", "off", "-n", "1");
        Assert.Contains("moa: the model asks for what is not applied: num_beams 4, bad_words_ids [[7]]\n", run.Error, StringComparison.Ordinal);
        Assert.Equal("", Invocation.Of("generate", "ab", "--model", model, "--template", "off", "-n", "1", "--quiet").Error);
        Assert.DoesNotContain("not applied", Invocation.Of("generate", "ab", "-n", "1").Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--repetition-penalty", "0")]
    [InlineData("--frequency-penalty", "1e9")]
    [InlineData("--penalty-last-n", "-2")]
    [InlineData("--no-repeat-ngram-size", "-1")]
    public void A_penalty_out_of_range_is_refused(string option, string value) =>
        Invocation.Of("generate", "ab", option, value).AssertRefused(option[2..]);

    [Theory]
    [InlineData("off", " upon a")]
    [InlineData("auto", " upon a")]
    public void A_continuation_begins_with_its_space(string template, string text)
    {
        foreach (string file in (string[])["model", "model.gguf"])
        {
            string model = RepositoryFiles.Fixture("cases", "space-before-a-continuation", file);
            Assert.Equal(text, Invocation.Json("generate", "Once", "--model", model, "--template", template).GetProperty("text").GetString());
        }
    }

    [Theory]
    [InlineData("off")]
    [InlineData("auto")]
    public void A_prompt_with_its_own_BOS_gets_no_second(string template)
    {
        string model = RepositoryFiles.Fixture("cases", "two-bos-tokens", "model");
        JsonElement result = Invocation.Json("generate", "<s>ab", "--model", model, "--template", template, "-n", "1");
        Assert.Equal(2, result.GetProperty("promptTokens").GetInt32());
    }

    [Fact]
    public void An_empty_prompt_is_refused() => Invocation.Of("generate").AssertRefused("standard input", "no text");

    [Fact]
    public void A_prompt_beyond_the_context_is_refused()
    {
        using TemporaryFolder folder = new();
        string file = folder.Write("long.txt", string.Concat(Enumerable.Repeat("line 12345 ", 1000)));
        Invocation.Of("generate", "--prompt-file", file).AssertRefused(file, "context of 4096");
    }

    [Fact]
    public void A_system_message_stands_before_the_prompt()
    {
        JsonElement with = Invocation.Json("generate", Question, "--system", "Be brief.", "-n", "1");
        JsonElement written = Invocation.Json("generate", $"<|bos|><|user|>\nBe brief.\n<|user|>\n{Question}\n<|assistant|>\n", "-n", "1");
        Assert.Equal(written.GetProperty("promptTokens").GetInt32(), with.GetProperty("promptTokens").GetInt32());
        Invocation.Of("generate", Question, "--system", "x", "--template", "off").AssertRefused("--system", "--template off");
        Invocation.Of("generate", "<|bos|>x", "--system", "x").AssertRefused("--system", "special tokens");
    }

    /// <summary>The numbers are checked in the engine's tests; here that they arrive.</summary>
    [Fact]
    public void Log_probabilities_stand_beside_the_tokens()
    {
        JsonElement result = Invocation.Json("generate", Question, "--logprobs", "3", "-n", "8");
        JsonElement[] tokens = [.. result.GetProperty("logProbabilities").EnumerateArray()];
        Assert.Equal(result.GetProperty("tokens").EnumerateArray().Select(id => id.GetInt32()), tokens.Select(token => token.GetProperty("token").GetInt32()));
        Assert.Equal(result.GetProperty("text").GetString(), string.Concat(tokens.Select(token => token.GetProperty("text").GetString())));
        foreach (JsonElement token in tokens)
        {
            JsonElement[] top = [.. token.GetProperty("top").EnumerateArray()];
            Assert.Equal(3, top.Length);
            Assert.Equal(token.GetProperty("logProbability").GetDouble(), top[0].GetProperty("logProbability").GetDouble()); // greedy
            Assert.InRange(token.GetProperty("logProbability").GetDouble(), -10, 0);
        }

        Assert.False(Invocation.Json("generate", "a", "-n", "1").TryGetProperty("logProbabilities", out _));
    }

    [Fact]
    public void The_largest_number_of_new_tokens_is_what_the_context_leaves()
    {
        Invocation run = Invocation.Of("generate", Question, "-n", "2147483647", "--json");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(Answer, run.Document().GetProperty("text").GetString());
        Assert.Contains("new tokens at most: the model's context of 4096 is full then", run.Error, StringComparison.Ordinal);
    }
}
