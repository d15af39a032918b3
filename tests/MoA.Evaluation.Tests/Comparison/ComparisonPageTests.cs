using System.Diagnostics;
using MoA.Evaluation.Comparison;
using MoA.Evaluation.Tasks;
using MoA.Tests;

namespace MoA.Evaluation.Tests.Comparison;

public sealed class ComparisonPageTests(DemoModel demo) : IClassFixture<DemoModel>
{
    /// <summary>The page as a browser has it once its scripts have run: boards, charts, tables and legends of all sections.</summary>
    [BrowserFact]
    public async Task The_page_draws_every_section()
    {
        EvaluationMetrics[] rows =
        [
            .. from policy in new[] { "dense", "kvzip", "moa", "of-another-version", "adakv:density=0.25", "adakv:scorer=kvzip,span=256" }
               from length in new[] { 512, 1024 }
               from dataset in new[] { null, "hidden" }
               select Row(policy, length, dataset),
        ];
        string page = Path.Combine(demo.NewPath(), "compare.html");
        _ = Directory.CreateDirectory(Path.GetDirectoryName(page)!);
        ComparisonPage.Write(new ComparisonReport("1.0", rows, Leaderboard.Of(rows), EffectiveLength.Of(rows)), page);
        string drawn = await DrawAsync(page);
        Assert.Contains("Accuracy in %, question shown, all lengths, in the order of the means", drawn, StringComparison.Ordinal);
        Assert.Contains("prompt read twice", drawn, StringComparison.Ordinal);
        Assert.Contains("aria-label=\"Mean accuracy against stored share, question shown, all lengths\"", drawn, StringComparison.Ordinal);
        Assert.Contains("Longest input with at least 90 %, retrieval", drawn, StringComparison.Ordinal);
        Assert.Contains("Every result", drawn, StringComparison.Ordinal);
        // One policy in two ways is two, whatever their sizes.
        Assert.Contains("> adakv</li>", drawn, StringComparison.Ordinal);
        Assert.Contains("> adakv:scorer=kvzip</li>", drawn, StringComparison.Ordinal);
        Assert.Contains("> kvzip</li>", drawn, StringComparison.Ordinal);
        foreach (string section in (string[])["Leaderboard", "Accuracy and density", "Lengths", "Effective context", "Depth", "Numbers"])
            Assert.Contains($">{section}</a>", drawn, StringComparison.Ordinal); // the last thing that the script does
    }

    private static async Task<string> DrawAsync(string page)
    {
        ProcessStartInfo start = new(Chromium.Path ?? throw new InvalidOperationException("In CI the page is tried in a browser: .ci/run installs Debian's chromium as root."))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in (string[])["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom", new Uri(page).AbsoluteUri])
            start.ArgumentList.Add(argument);
        using Process browser = Process.Start(start)!;
        Task<string> said = browser.StandardError.ReadToEndAsync(), drawn = browser.StandardOutput.ReadToEndAsync();
        await browser.WaitForExitAsync();
        _ = await said;
        return await drawn;
    }

    private static EvaluationMetrics Row(string policy, int length, string? dataset) => new()
    {
        Task = "retrieval",
        Dataset = dataset,
        Model = "m",
        Policy = policy.Split(':')[0],
        PolicySetting = policy,
        Length = length,
        Items = 100,
        Accuracy = 0.92,
        Low = 0.9,
        High = 0.95,
        ByDepth = [1, 0.5],
        Density = policy == "dense" ? 1 : 0.25,
        KvBytes = 1000,
        PeakKvBytes = 2000,
        TokensPerSecond = 10,
    };
}
