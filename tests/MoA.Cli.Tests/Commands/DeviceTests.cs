using System.Text.Json;
using MoA.Gpu.Device;

namespace MoA.Tests.Commands;

/// <summary><c>moa devices</c>, and <c>--device</c> where a model runs.</summary>
public sealed class DeviceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Devices_are_listed_and_where_there_is_no_gpu_it_says_why()
    {
        JsonElement said = Invocation.Json("devices");
        Assert.True(said.GetProperty("cpu").GetProperty("threads").GetInt32() > 0);
        Assert.True(said.GetProperty("cpu").GetProperty("memoryBytes").GetInt64() > 0);
        Assert.Equal(GpuDevices.List().Count, said.GetProperty("gpus").GetArrayLength());
        Assert.Equal(GpuDevices.WhyNone, said.GetProperty("whyNoGpu").GetString());
        Invocation table = Invocation.Of("devices");
        Assert.Equal((0, ""), (table.ExitCode, table.Error));
        Assert.Contains("cpu", table.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gpu", "expected cuda or cuda:N")]
    [InlineData("cuda:", "expected cuda or cuda:N")]
    [InlineData("cuda:-1", "expected cuda or cuda:N")]
    [InlineData("CUDA", "expected cuda or cuda:N")]
    [InlineData("emulated:5", "expected cuda or cuda:N")]
    [InlineData("cuda:64", "device cuda:64")]
    [InlineData("", "device")]
    public void What_is_no_device_is_refused(string device, string reason) =>
        Invocation.Of("generate", "hello", "--device", device).AssertRefused(reason);

    [Fact]
    public void Every_command_that_runs_a_model_has_the_option_and_no_other()
    {
        string[] running =
        [
            "compress", "calibrate", "profile", "validate", "heads", "generate", "chat", "serve", "score", "bench", "eval retrieval", "eval needle", "eval longbench",
            "eval lveval", "eval longbench2", "eval infinitebench", "eval ruler", "eval perplexity", "eval recital", "eval alpaca", "prefill search", "worker",
        ];
        string[] with = [.. CommandTree.Commands.Where(item => item.Command.Options.Any(option => option.Name == "--device"))
            .Select(item => string.Join(' ', item.Path))];
        Assert.Equal(running.Order(StringComparer.Ordinal), with.Order(StringComparer.Ordinal));
    }

    /// <summary>The kernels of a device on the processor: the same tokens, the same log-probabilities but for its arithmetic.</summary>
    [Fact]
    public void A_device_scores_as_the_processor_does()
    {
        string items = _folder["items.jsonl"];
        File.WriteAllText(items, """{"text":"The key of alpha is 4711."}""");
        string[] line = ["score", "--data", items];
        double processor = Invocation.Json(line).GetProperty("meanCrossEntropy").GetDouble();
        double device = Invocation.Json([.. line, "--device", "emulated:4"]).GetProperty("meanCrossEntropy").GetDouble();
        Assert.InRange(device / processor, 0.999, 1.001);
        Invocation.Of([.. line, "--device", "emulated:4", "--kv", "f32"]).AssertRefused("caches in f32 do not run on a GPU");
    }
}
