using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace MoA.Serving.Benchmarks;

/// <summary>One stream through the server beside <c>moa generate</c>.</summary>
internal static class OverheadCase
{
    private const string Prompt = "Once upon a time";

    public static async Task RunAsync(Settings settings, Report report)
    {
        (int written, int rounds) = (settings.Number("new", 64), settings.Number("rounds", 3));
        string[] model = settings.Model();
        string moa = settings.Moa;
        settings.RefuseOthers();
        List<double> served = [], generated = [];
        // In turns, so that a slower hour of the machine takes both.
        for (int round = 0; round < rounds; round++)
        {
            generated.Add(await GenerateAsync(moa, [.. model, "-n", written.ToString(CultureInfo.InvariantCulture)]));
            await using ServerProcess server = await ServerProcess.StartAsync(moa, model);
            Completion completion = await Completion.ReadTextAsync(server.Http, Prompt, written);
            report.Require("errors", completion.Error is null, $"{completion.Error ?? "none"}");
            served.Add(completion.DecodeTokensPerSecond);
        }

        (double through, double without) = (Report.Quantile(served, 0.5), Report.Quantile(generated, 0.5));
        Report.Say("tokens a second, through the server", $"{through:F2}");
        Report.Say("tokens a second, moa generate", $"{without:F2}");
        Report.Say("the server's share", $"{through / without:P1}");
    }

    private static async Task<double> GenerateAsync(string moa, string[] arguments)
    {
        using Process process = ServerProcess.Start(
            moa, ["generate", Prompt, "--template", "off", "--temperature", "0", "--json", "--logprobs", "0", "--quiet", .. arguments], info => info.RedirectStandardOutput = true);
        using JsonDocument result = JsonDocument.Parse(await process.StandardOutput.ReadToEndAsync());
        await process.WaitForExitAsync();
        return result.RootElement.GetProperty("decodeTokensPerSecond").GetDouble();
    }
}
