using MoA.Search.Profiling;

namespace MoA.Tests.Commands;

/// <summary>What <c>moa profile</c> does with its memory limit, and with a device.</summary>
public sealed class ProfileCommandTests : IDisposable
{
    private static readonly string Model = RepositoryFiles.Fixture("models", "llama-mha");

    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("4")]
    [InlineData("4GB")]
    [InlineData("GiB")]
    [InlineData("0MiB")]
    [InlineData("-1GiB")]
    [InlineData("1e300GiB")]
    [InlineData("99999999999GiB")]
    [InlineData("NaNMiB")]
    public void Sizes_that_are_none_are_refused(string size)
    {
        Profile(size).AssertRefused($"--memory-limit {size}", "such as 1500MiB or 4GiB");
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Fact]
    public void A_limit_too_low_for_the_length_says_what_is_needed() =>
        Profile("0.5MiB").AssertRefused("profile length 128", "memory limit of 0.5 MiB is too low", "items of 119 tokens take");

    [Fact]
    public void A_limit_does_not_change_the_file()
    {
        Assert.Equal(0, Profile("1.5GiB").ExitCode);
        byte[] limited = File.ReadAllBytes(_folder["out", "influence-128.safetensors"]);
        Directory.Delete(_folder["out"], recursive: true);
        Assert.Equal(0, Profile(null).ExitCode);
        Assert.Equal(File.ReadAllBytes(_folder["out", "influence-128.safetensors"]), limited);
    }

    [Fact]
    public void A_device_gives_the_processors_influence()
    {
        Assert.Equal(0, Profile(null, "--block", "64").ExitCode);
        InfluenceProfile expected = InfluenceFile.Read(_folder["out", "influence-128.safetensors"]);
        Profile(null, "--device", "emulated:4", "--block", "16").AssertRefused("--block 16", "blocks of 64", "--device cpu");
        Directory.Delete(_folder["out"], recursive: true);
        Assert.Equal(0, Profile(null, "--device", "emulated:4").ExitCode);
        InfluenceProfile found = InfluenceFile.Read(_folder["out", "influence-128.safetensors"]);
        Assert.Equal(expected.MeanLoss, found.MeanLoss, 1e-5);
        float largest = expected.Values.Max();
        foreach ((float value, float other) in expected.Values.Zip(found.Values))
            Assert.InRange(other, value - 1e-3f * Math.Max(value, 1e-4f * largest), value + 1e-3f * Math.Max(value, 1e-4f * largest));
    }

    public void Dispose() => _folder.Dispose();

    private Invocation Profile(string? limit, params string[] more)
    {
        string tokens = string.Join(',', Enumerable.Range(0, 120).Select(i => 1 + i * 7 % 120));
        string data = _folder.Write("items.jsonl", $"{{\"tokens\":[{tokens}],\"answers\":[[100,120]]}}\n");
        string[] arguments = ["profile", "--model", Model, "--data", data, "--lengths", "128", "--out", _folder["out"], .. more];
        return Invocation.Of(limit is null ? arguments : [.. arguments, "--memory-limit", limit]);
    }
}
