using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace MoA.Serving.Benchmarks;

/// <summary>One stream through the server beside <c>moa generate</c>, with log-probabilities of every token and without; and what the server allocates.</summary>
internal static class OverheadCase
{
    private const string Prompt = "Once upon a time";

    public static async Task RunAsync(Settings settings, Report report)
    {
        (int written, int rounds) = (settings.Number("new", 128), settings.Number("rounds", 3));
        string[] model = settings.Model();
        string moa = settings.Moa;
        settings.RefuseOthers();
        List<Seen>[] seen = [[], []];
        // In turns, so that a slower hour of the machine takes both.
        for (int round = 0; round < rounds; round++)
        {
            foreach (bool logProbabilities in (bool[])[true, false])
            {
                double generated = await GenerateAsync(moa, model, written, logProbabilities);
                seen[logProbabilities ? 0 : 1].Add(await ServeAsync(moa, model, written, logProbabilities, generated, report));
            }
        }

        for (int i = 0; i < seen.Length; i++)
        {
            string kind = i == 0 ? "with log-probabilities" : "without log-probabilities";
            (double generated, double first, double later) = (Median(seen[i], it => it.Generated), Median(seen[i], it => it.First), Median(seen[i], it => it.Later));
            Report.Say($"tokens a second {kind}: moa generate; the server's first text; a later one", $"{generated:F1}; {first:F1}; {later:F1}");
            Report.Say("the server's share; of a later text", $"{Median(seen[i], it => it.First / it.Generated):P1}; {Median(seen[i], it => it.Later / it.Generated):P1}");
            Report.Say("bytes that a token allocates on the server's managed heap", $"{Median(seen[i], it => it.Bytes):F0}");
        }
    }

    private static double Median(List<Seen> rounds, Func<Seen, double> value) => Report.Quantile(rounds.Select(value), 0.5);

    // A process just started, as moa generate is. The difference of a short and a long text tells what a token allocates.
    private static async Task<Seen> ServeAsync(string moa, string[] model, int written, bool logProbabilities, double generated, Report report)
    {
        await using ServerProcess server = await ServerProcess.StartAsync(moa, model);
        double first = await WriteAsync(written), start = await server.AllocatedBytesAsync();
        _ = await WriteAsync(Math.Max(2, written / 4));
        double middle = await server.AllocatedBytesAsync(), later = await WriteAsync(written);
        double end = await server.AllocatedBytesAsync();
        return new Seen(generated, first, later, (end - middle - (middle - start)) / (written - written / 4));

        async Task<double> WriteAsync(int tokens)
        {
            Completion completion = await Completion.ReadTextAsync(server.Http, Prompt, tokens, logProbabilities);
            if (completion.Error is not null)
                report.Require("errors", false, $"{completion.Error}");
            return completion.DecodeTokensPerSecond;
        }
    }

    private static async Task<double> GenerateAsync(string moa, string[] model, int written, bool logProbabilities)
    {
        string[] arguments =
        [
            "generate", Prompt, "--template", "off", "--temperature", "0", "--json", "--quiet", "-n", written.ToString(CultureInfo.InvariantCulture),
            .. logProbabilities ? (string[])["--logprobs", "0"] : [], .. model,
        ];
        using Process process = ServerProcess.Start(moa, arguments, info => info.RedirectStandardOutput = true);
        using JsonDocument result = JsonDocument.Parse(await process.StandardOutput.ReadToEndAsync());
        await process.WaitForExitAsync();
        return result.RootElement.GetProperty("decodeTokensPerSecond").GetDouble();
    }

    private sealed record Seen(double Generated, double First, double Later, double Bytes);
}
