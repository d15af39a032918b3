using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using MoA.Tests;

namespace MoA.Server.Tests.Page;

[Collection(PageTests.Name)]
public class AccessTests(PageFixture fixture)
{
    [BrowserFact]
    public async Task Axe_finds_nothing_in_light_and_dark_wide_and_narrow()
    {
        await using ChatPage page = await fixture.OpenAsync();
        await page.AnswerInPlaceAsync("""{"reasoning_content":"why"}""", """{"content":"Text\n```\ncode\n```"}""", """{"tool_calls":[{"index":0,"function":{"name":"find","arguments":"{}"}}]}""");
        await page.AskAsync("Hello");
        _ = await page.AnswerAsync();
        await page.Page.RouteAsync("**/v1/chat/completions", route => route.AbortAsync());
        await page.AskAsync("Hello");
        _ = await page.AnswerAsync(2);
        await page.Page.GetByText("Thoughts").First.ClickAsync();
        await page.Page.GetByText("As a table").ClickAsync();
        await ExpectNoViolationsAsync(page);
        await page.Page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Dark });
        await page.Page.SetViewportSizeAsync(320, 640);
        foreach (string panel in (string[])["Conversations", "Caches and settings"])
            await page.Button(panel).ClickAsync();
        await ExpectNoViolationsAsync(page);
    }

    [BrowserFact]
    public async Task At_320_pixels_nothing_is_cut_off_and_panels_open_and_close()
    {
        await using ChatPage page = await fixture.OpenAsync(options: new() { ViewportSize = new() { Width = 320, Height = 640 } });
        await page.AnswerInPlaceAsync($$"""{"content":"{{new string('w', 400)}}\n```\n{{new string('c', 400)}}"}""");
        await page.AskAsync("x".PadRight(300, 'x'));
        _ = await page.AnswerAsync();
        Assert.InRange(await page.Page.EvaluateAsync<double>("document.documentElement.scrollHeight - innerHeight - scrollY"), -1, 1);
        ILocator system = page.Page.GetByLabel("System prompt");
        await Assertions.Expect(system).ToBeHiddenAsync();
        await page.Button("Caches and settings").ClickAsync();
        await page.Button("Conversations").ClickAsync();
        await Assertions.Expect(system).ToBeVisibleAsync();
        await Assertions.Expect(page.Conversations).ToHaveCountAsync(1);
        Assert.Equal(320, await page.Page.EvaluateAsync<int>("document.documentElement.scrollWidth"));
        await page.Button("Caches and settings").ClickAsync();
        await Assertions.Expect(system).ToBeHiddenAsync();
    }

    [BrowserFact]
    public async Task The_keyboard_alone_reaches_everything_in_order()
    {
        await using ChatPage page = await fixture.OpenAsync();
        await page.AnswerInPlaceAsync("""{"content":"An answer."}""");
        await Assertions.Expect(page.Question).ToBeFocusedAsync();
        await page.Page.Keyboard.TypeAsync("Hello");
        await page.Page.Keyboard.PressAsync("Enter");
        _ = await page.AnswerAsync();
        _ = await page.Page.EvaluateAsync("document.activeElement.blur(); window.getSelection().removeAllRanges(); document.body.tabIndex = -1; document.body.focus()");
        List<string> order = [];
        for (int i = 0; i < 18; i++)
        {
            await page.Page.Keyboard.PressAsync("Tab");
            order.Add(await page.Page.EvaluateAsync<string>("document.activeElement.getAttribute('aria-label') ?? document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent"));
        }

        Assert.Equal(
            [
                "Skip to the question", "New conversation", "Hello", "Delete: Hello", "Delete all", "Messages", "Regenerate", "Edit the question", "Question", "Send",
                "As a table", "System prompt", "Temperature", "Most new tokens", "Seed", "the routes",
            ],
            order.Take(16));
    }

    [BrowserFact]
    public async Task Answers_are_read_out_in_sentences_not_in_tokens()
    {
        await using ChatPage page = await fixture.OpenAsync();
        await page.AnswerInPlaceAsync([.. Enumerable.Range(0, 60).Select(i => $$"""{"content":"word{{i}}. "}""")]);
        ILocator spoken = page.Page.Locator("[aria-live=polite]");
        _ = await page.Page.EvaluateAsync("window.spoken = 0; new MutationObserver(changes => window.spoken += changes.length).observe(document.querySelector('[aria-live]'), { childList: true, subtree: true, characterData: true })");
        await page.AskAsync("Hello");
        _ = await page.AnswerAsync();
        await Assertions.Expect(spoken).ToContainTextAsync("word0. word1. ");
        await Assertions.Expect(spoken).ToContainTextAsync("word59.");
        Assert.InRange(await page.Page.EvaluateAsync<int>("window.spoken"), 1, 6);
    }

    private static async Task ExpectNoViolationsAsync(ChatPage page)
    {
        AxeResult result = await page.Page.RunAxe();
        Assert.Empty(result.Violations.Select(violation =>
            $"{violation.Id}: {violation.Help}: {string.Join(" | ", violation.Nodes.Select(node => node.Html))}"));
        Assert.NotEmpty(result.Passes);
    }
}
