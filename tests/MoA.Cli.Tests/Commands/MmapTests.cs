using System.Text.Json;
using MoA.Cli;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Models;

namespace MoA.Tests.Commands;

/// <summary><c>--mmap</c>: where the processor reads the weights from.</summary>
public sealed class MmapTests : IDisposable
{
    // The matrices of the demo model, BF16: a tied embedding, and 4 layers of 4 attention and 3 feed-forward matrices.
    private const long DemoCopy = 2 * (1280 * 256 + 4 * (4 * 256 * 256 + 3 * 512 * 256));

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_command_that_runs_a_model_has_the_option_and_no_other()
    {
        Assert.Equal(With("--device"), With("--mmap"));

        static IEnumerable<string> With(string name) => CommandTree.Commands
            .Where(item => item.Command.Options.Any(option => option.Name == name)).Select(item => string.Join(' ', item.Path));
    }

    [Theory]
    [InlineData("generate", "hello", "--mmap", "maybe")]
    [InlineData("chat", "--mmap", "ON")]
    public void What_it_does_not_know_is_refused(params string[] line) =>
        Invocation.Of(line).AssertRefused($"--mmap {line[^1]}: expected auto, on or off");

    [Theory]
    [InlineData("on")]
    [InlineData("off")]
    public void A_device_has_its_own_copy(string mode) =>
        Invocation.Of("generate", "hello", "--device", "emulated:4", "--mmap", mode).AssertRefused($"--mmap {mode}", "--device cpu");

    [Fact]
    public void Gradients_are_taken_from_weights_as_they_are_stored() =>
        Invocation.Of("profile", "--data", "x.jsonl", "--mmap", "off").AssertRefused("--mmap off", "gradients");

    [Fact]
    public void The_text_is_the_same_wherever_the_weights_are()
    {
        string[] line = ["generate", "In line blunt-otter the REGISTER_CONTENT is", "--template", "off", "-n", "24"];
        string tokens = Tokens(line);
        Assert.Equal(tokens, Tokens([.. line, "--mmap", "auto"]));
        Assert.Equal(tokens, Tokens([.. line, "--mmap", "on"]));
        Assert.Equal(tokens, Tokens([.. line, "--mmap", "off"]));

        static string Tokens(string[] line) => Invocation.Json(line).GetProperty("tokens").ToString();
    }

    [Fact]
    public void A_benchmark_counts_weights_once()
    {
        string[] line = ["bench", "--lengths", "64", "--decode-tokens", "2", "--repeat", "1", "--memory-limit", "64MiB"];
        JsonElement[] rows = [.. new[] { "on", "off" }.Select(mode => Invocation.Json([.. line, "--mmap", mode]).GetProperty("rows")[0])];
        foreach (string field in new[] { "weightBytes", "reckonedBytes", "kvBytes", "bytesPerStep" })
            Assert.Equal(rows[0].GetProperty(field).GetInt64(), rows[1].GetProperty(field).GetInt64());
        Assert.Equal(Reckoned("on"), Reckoned("off"));

        // Where strips of mapped weights are laid out anew counts among the activations.
        string[] Reckoned(string mode) => [.. Invocation.Json([.. line, "--mmap", mode, "--dry-run"]).GetProperty("memory").EnumerateArray()
            .Where(part => part.GetProperty("part").GetString() != "activations").Select(part => part.ToString())];
    }

    [Theory]
    [InlineData("auto", 0, DemoCopy)]
    [InlineData("off", 0, DemoCopy)]
    [InlineData("on", 0, 0)]
    [InlineData("on", long.MaxValue / 2, 0)]
    public void Weights_are_copied_where_they_fit(string mode, long beside, long copied)
    {
        (long bytes, string said) = Apply(mode, beside);
        Assert.Equal((copied, ""), (bytes, said));
    }

    [Fact]
    public void What_does_not_fit_stays_mapped_with_the_numbers()
    {
        (long bytes, string said) = Apply("auto", 1L << 50);
        Assert.Equal(0, bytes);
        string line = Assert.Single(said.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("moa: the weights stay mapped", line, StringComparison.Ordinal);
        Assert.Contains("a copy takes 5.6 MiB, beside 5.4 MiB of activations and 1,073,741,824 MiB of caches", line, StringComparison.Ordinal);
        InvalidInputException refusal = Assert.Throws<InvalidInputException>(() => Apply("off", 1L << 50));
        Assert.Contains("1,073,741,824 MiB of caches", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Model_info_says_what_auto_would_do()
    {
        JsonElement said = Invocation.Json("model", "info").GetProperty("mmapAuto");
        (long copy, long activations, long available) =
            (said.GetProperty("copyBytes").GetInt64(), said.GetProperty("activationBytes").GetInt64(), said.GetProperty("availableBytes").GetInt64());
        Assert.Equal(DemoCopy, copy);
        // 512 rows of 2·256 + 2·(8 + 8)·32 + 2·512 + 32 floats, and 64 of 256 + 1280.
        Assert.Equal(4 * (512 * (512 + 1024 + 1024 + 32) + 64 * 1536), activations);
        Assert.Equal(copy + activations <= available - available / 16, said.GetProperty("copies").GetBoolean());
        Assert.Equal(Math.Max(0, available - available / 16 - copy - activations), said.GetProperty("mostCacheBytes").GetInt64());
        Assert.Contains("a run copies 5.6 MiB of weights if caches take ", Invocation.Of("model", "info").Output, StringComparison.Ordinal);
        // 34 bytes for 32 weights.
        Assert.Equal(DemoCopy / 2 / 32 * 34, Invocation.Json("model", "info", "--weights", "q8_0").GetProperty("mmapAuto").GetProperty("copyBytes").GetInt64());
    }

    [Theory]
    [InlineData(900, 50, 1000, "a run leaves weights mapped: a copy takes 900 MiB, beside 50 MiB of activations and 0 MiB of caches, and 1,000 MiB are available")]
    [InlineData(900, 50, 1600, "a run copies 900.0 MiB of weights if caches take 550.0 MiB at most")]
    public void What_auto_would_do_in_words(long copyMiB, long activationsMiB, long availableMiB, string expected) =>
        Assert.Equal(expected, MmapOption.Describe(new WeightRoom(copyMiB << 20, activationsMiB << 20, 0, availableMiB << 20)));

    private static (long Bytes, string Said) Apply(string mode, long beside)
    {
        using StringWriter error = new();
        Streams streams = new(TextReader.Null, TextWriter.Null, error, new Interrupts());
        CommandContext context = new(CommandLine.Build(streams).Parse(["generate", "hello", "--mmap", mode]), streams, CancellationToken.None);
        using ComputeBackend backend = ModelOptions.CreateBackend(context);
        using LanguageModel model = ModelOptions.Load(context, backend);
        MmapOption.Apply(context, model, beside);
        return (model.Transformer.CopiedWeightBytes, error.ToString());
    }
}
