using System.Globalization;
using System.Text.Json;
using Microsoft.Playwright;
using MoA.Serving;
using MoA.Tests;

namespace MoA.Server.Tests.Page;

[Collection(PageTests.Name)]
public class RowsTests(PageFixture fixture)
{
    [BrowserFact]
    public async Task The_map_shows_what_a_plan_keeps_beside_dense_attention()
    {
        // Windows of 64 tokens behind a sink of 64 in the first layer, of all tokens in the others.
        using TemporaryPlan plan = new([64, 4096, 4096, 4096]);
        await using TestServer server = await TestServer.StartAsync(service: new ServiceOptions { CacheBytes = 64 << 20, PlanFile = plan.Path });
        await using ChatPage page = await fixture.OpenAsync(server);
        await page.SetAsync("Most new tokens", "8");
        await page.AskAsync(string.Concat(Enumerable.Repeat("0 1 2 3 4 5 6 7 8 9\n", 50)));
        _ = await page.AnswerAsync();
        await Assertions.Expect(page.Page.Locator("#rows-of")).ToContainTextAsync("this conversation");
        double[] kept = await OpacitiesAsync(page, "#rows"), dense = await OpacitiesAsync(page, "#dense");
        Assert.Equal(4 * 8, kept.Length);
        Assert.All(dense, share => Assert.Equal(1, share));
        Assert.All(kept[..8], share => Assert.InRange(share, 0.01, 0.9));
        Assert.All(kept[8..], share => Assert.Equal(1, share));

        await page.Page.GetByText("As a table").ClickAsync();
        ILocator rows = page.Page.Locator("#rows-table tr");
        await Assertions.Expect(rows).ToHaveCountAsync(5);
        string first = await rows.Nth(1).Locator("td").First.InnerTextAsync(), second = await rows.Nth(2).Locator("td").First.InnerTextAsync();
        Assert.Equal("128", first);
        string note = await page.Answers.Locator(".note").InnerTextAsync();
        int all = 0;
        using (JsonDocument read = JsonDocument.Parse(await page.Page.EvaluateAsync<string>("JSON.stringify(JSON.parse(Object.values(localStorage)[0]).messages[1])")))
            all = read.RootElement.GetProperty("promptTokens").GetInt32() + read.RootElement.GetProperty("newTokens").GetInt32();
        Assert.Equal(all, int.Parse(second, NumberStyles.AllowThousands, CultureInfo.InvariantCulture));
        double share = ((8 * 128) + (24.0 * all)) / (32 * all);
        await Assertions.Expect(page.Page.Locator("#rows-sum")).ToContainTextAsync($"{Math.Round(100 * share):0} % of dense attention's");
        Assert.Contains("of dense attention's", note, StringComparison.Ordinal);
    }

    [BrowserFact]
    public async Task Under_dense_attention_all_rows_are_kept_and_the_server_says_what_it_does()
    {
        await using ChatPage page = await fixture.OpenAsync();
        await Assertions.Expect(page.Page.Locator("#rows-sum")).ToHaveTextAsync("131,072 of 131,072 rows: 100 % of dense attention's.");
        Assert.All(await OpacitiesAsync(page, "#rows"), share => Assert.Equal(1, share));
        await page.SetAsync("Most new tokens", "20");
        await page.AskAsync("Hello");
        _ = await page.AnswerAsync();
        await Assertions.Expect(page.Page.Locator("#memory")).ToContainTextAsync("of 256 MiB");
        await Assertions.Expect(page.Page.Locator("#running")).ToHaveTextAsync("0 of at most 32");
        await Assertions.Expect(page.Page.Locator("#waiting")).ToHaveTextAsync("0 of at most 256");
        await Assertions.Expect(page.Page.Locator("#speed")).Not.ToHaveTextAsync("0");
    }

    private static Task<double[]> OpacitiesAsync(ChatPage page, string map) =>
        page.Page.EvaluateAsync<double[]>($"[...document.querySelectorAll('{map} rect')].map(cell => Number(cell.getAttribute('fill-opacity')))");

    /// <summary>A plan of the demo model with windows of fixed sizes, one a layer.</summary>
    private sealed class TemporaryPlan : IDisposable
    {
        public TemporaryPlan(int[] spans)
        {
            string alphas = string.Join(',', spans.Select(span => $"[{string.Join(',', Enumerable.Repeat(span, 8))}]"));
            string betas = string.Join(',', spans.Select(_ => $"[{string.Join(',', Enumerable.Repeat(0, 8))}]"));
            File.WriteAllText(Path, $$"""{"alphas":[{{alphas}}],"betas":[{{betas}}]}""");
        }

        public string Path { get; } = System.IO.Path.GetTempFileName();

        public void Dispose() => File.Delete(Path);
    }
}
