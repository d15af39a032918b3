using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using MoA.Serving;
using MoA.Tests;

namespace MoA.Server.Tests.Page;

[Collection(PageTests.Name)]
public partial class ConversationTests(PageFixture fixture)
{
    // Tokens drawn almost evenly: texts that no two conversations have in common.
    private const string Evenly = "100";

    [BrowserFact]
    public async Task A_question_gets_the_answer_of_the_route_as_it_is_written()
    {
        const string Question = "What is the special magic number?";
        JsonElement expected = await fixture.Server.AskAsync("/v1/chat/completions", $$"""{"messages":[{"role":"user","content":"{{Question}}"}],"max_tokens":40}""");
        await using ChatPage page = await fixture.OpenAsync();
        await page.SetAsync("Most new tokens", "40");
        await page.AskAsync(Question);
        Assert.Equal(expected.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!.Trim('\n'), await page.AnswerAsync());
        int tokens = expected.GetProperty("usage").GetProperty("completion_tokens").GetInt32();
        await Assertions.Expect(page.Answers.Locator(".note")).ToContainTextAsync($"{tokens} tokens");
        await Assertions.Expect(page.Page.Locator("li.user .body")).ToHaveTextAsync(Question);
        await Assertions.Expect(page.Question).ToBeFocusedAsync();
    }

    [BrowserFact]
    public async Task Stop_and_Escape_end_an_answer_and_keep_what_was_written()
    {
        await using ChatPage page = await fixture.OpenAsync();
        await page.SetAsync("Most new tokens", "4000");
        foreach (bool byMouse in (bool[])[true, false])
        {
            long cancelled = fixture.Server.Service.State.Cancelled;
            await page.Button("New conversation").ClickAsync();
            await page.AskAsync("Count to a thousand.");
            await Assertions.Expect(page.Answers.Last.Locator(".body")).ToHaveTextAsync(Anything());
            if (byMouse)
                await page.Button("Stop").ClickAsync();
            else
                await page.Page.Keyboard.PressAsync("Escape");
            string text = await page.AnswerAsync();
            Assert.NotEmpty(text);
            await Assertions.Expect(page.Answers.Last.Locator(".note")).ToHaveTextAsync("Stopped.");
            await Assertions.Expect(page.Question).ToBeFocusedAsync();
            for (int wait = 0; fixture.Server.Service.State is not { Running: 0 } && wait < 500; wait++)
                await Task.Delay(10);
            Assert.Equal(cancelled + 1, fixture.Server.Service.State.Cancelled);
            Assert.Equal(text, await ChatPage.TextAsync(page.Answers.Last));
        }
    }

    [BrowserFact]
    public async Task Two_conversations_are_answered_at_once_and_do_not_mix()
    {
        await using ChatPage page = await fixture.OpenAsync();
        await page.SetAsync("Temperature", Evenly);
        await page.SetAsync("Seed", "2");
        await page.SetAsync("Most new tokens", "100");
        await page.AskAsync("The first");
        await page.Button("New conversation").ClickAsync();
        await page.AskAsync("The second");
        string second = await page.AnswerAsync();
        await page.Button("The first").Or(page.Button("The first …")).ClickAsync();
        string first = await page.AnswerAsync();
        await Assertions.Expect(page.Page.Locator("li.user .body")).ToHaveTextAsync(["The first"]);
        foreach ((string question, string answer) in (ReadOnlySpan<(string, string)>)[("The first", first), ("The second", second)])
        {
            JsonElement alone = fixture.Server.AskAsync(
                "/v1/chat/completions", $$"""{"messages":[{"role":"user","content":"{{question}}"}],"max_tokens":100,"temperature":{{Evenly}},"seed":2}""").GetAwaiter().GetResult();
            Assert.Equal(Plain(alone.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!), Plain(answer));
        }
    }

    [BrowserFact]
    public async Task A_reload_keeps_conversations_with_their_settings_until_they_are_deleted()
    {
        await using ChatPage page = await fixture.OpenAsync();
        await page.SetAsync("Most new tokens", "12");
        await page.AskAsync("Hello");
        string answer = await page.AnswerAsync();
        await page.Button("New conversation").ClickAsync();
        await page.SetAsync("Most new tokens", "7");
        await page.AskAsync("Another");
        _ = await page.AnswerAsync();
        _ = await page.Page.ReloadAsync();
        await Assertions.Expect(page.Page.Locator("li.user .body")).ToHaveTextAsync("Another");
        await Assertions.Expect(page.Page.GetByLabel("Most new tokens")).ToHaveValueAsync("7");
        await page.Button("Hello").ClickAsync();
        Assert.Equal(answer, await page.AnswerAsync());
        await Assertions.Expect(page.Page.GetByLabel("Most new tokens")).ToHaveValueAsync("12");
        await page.Button("Delete: Hello").ClickAsync();
        await Assertions.Expect(page.Conversations).ToHaveCountAsync(1);
        await page.Button("Delete all").ClickAsync();
        Assert.Equal(0, await page.Page.EvaluateAsync<int>("localStorage.length"));
        _ = await page.Page.ReloadAsync();
        await Assertions.Expect(page.Answers).ToHaveCountAsync(0);
    }

    [BrowserFact]
    public async Task An_answer_can_be_drawn_again_and_its_question_changed()
    {
        await using ChatPage page = await fixture.OpenAsync();
        await page.SetAsync("Most new tokens", "12");
        await page.SetAsync("System prompt", "Be brief.");
        await page.AskAsync("Hello");
        _ = await page.AnswerAsync();
        Task<IRequest> asked = page.Page.WaitForRequestAsync("**/v1/chat/completions");
        await page.Button("Regenerate").ClickAsync();
        const string Expected = """{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hello"}],"stream":true,"stream_options":{"include_usage":true},"max_completion_tokens":12}""";
        Assert.Equal(Expected, (await asked).PostData);
        _ = await page.AnswerAsync();
        await page.Button("Edit the question").ClickAsync();
        await Assertions.Expect(page.Question).ToHaveValueAsync("Hello");
        await page.Question.PressAsync("Shift+Enter");
        await page.Question.PressSequentiallyAsync("there");
        await page.Question.PressAsync("Enter");
        _ = await page.AnswerAsync();
        Assert.Equal("Hello\nthere", await ChatPage.TextAsync(page.Page.Locator("li.user")));
        await page.Button("Edit the question").ClickAsync();
        await Assertions.Expect(page.Answers).ToHaveCountAsync(0);
        Assert.Equal(0, await page.Page.EvaluateAsync<int>("localStorage.length"));
    }

    [BrowserFact]
    public async Task Hostile_text_is_shown_as_text_and_code_as_code()
    {
        const string Hostile = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>&amp;";
        string arguments = $$"""{"text":"{{Hostile}}"}""";
        await using ChatPage page = await fixture.OpenAsync();
        await page.AnswerInPlaceAsync(
            """{"role":"assistant","content":""}""",
            $$$"""{"reasoning_content":{{{ChatPage.Quote(Hostile)}}}}""",
            $$$"""{"content":{{{ChatPage.Quote(Hostile + "\n```html\n")}}}}""",
            $$$"""{"content":{{{ChatPage.Quote("  " + Hostile + "\n```\nafter")}}}}""",
            """{"tool_calls":[{"index":0,"id":"call_1","function":{"name":"find","arguments":""}}]}""",
            """{"tool_calls":[{"index":0,"function":{"arguments":""" + ChatPage.Quote(arguments) + "}}]}");
        await page.AskAsync(Hostile);
        _ = await page.AnswerAsync();
        await Assertions.Expect(page.Page.Locator("li.user .body")).ToHaveTextAsync(Hostile);
        await Assertions.Expect(page.Answers.Locator(".body > .plain")).ToHaveTextAsync([Hostile, "after"]);
        Assert.Equal("  " + Hostile, await page.Answers.Locator(".body > pre > code").TextContentAsync());
        await page.Page.GetByText("Thoughts").ClickAsync();
        await Assertions.Expect(page.Answers.Locator(".thoughts .plain")).ToHaveTextAsync(Hostile);
        await Assertions.Expect(page.Answers.Locator(".calls pre")).ToHaveTextAsync($"calls find({arguments})");
        await Assertions.Expect(page.Page.Locator("img, li script")).ToHaveCountAsync(0);
        Assert.DoesNotContain("broken", await page.Page.TitleAsync(), StringComparison.Ordinal);
        _ = await page.Page.ReloadAsync();
        await Assertions.Expect(page.Page.Locator("img, li script")).ToHaveCountAsync(0);
        await Assertions.Expect(page.Answers.Locator(".body > .plain").First).ToHaveTextAsync(Hostile);
    }

    [BrowserFact]
    public async Task What_the_browser_kept_of_others_does_no_harm()
    {
        await using ChatPage page = await fixture.OpenAsync();
        _ = await page.Page.EvaluateAsync("""
            for (const [name, value] of [["other", "x"], ["moa.conversation.a", "{"], ["moa.conversation.b", "null"], ["moa.conversation.c", '{"messages":[{"role":"assistant","content":"x"}]}'],
              ["moa.conversation.d", '{"messages":[{"role":"user","content":"kept"},{"role":"assistant","content":"half","reasoning":"","calls":[],"state":"running"}],"changed":"x"}']])
              localStorage.setItem(name, value);
            """);
        _ = await page.Page.ReloadAsync();
        await Assertions.Expect(page.Conversations).ToHaveCountAsync(1);
        await Assertions.Expect(page.Answers.Locator(".body")).ToHaveTextAsync("half");
        await Assertions.Expect(page.Answers.Locator(".note")).ToHaveTextAsync("Stopped.");
    }

    // Answers are shown without the line ends around them and without fences.
    private static string Plain(string text) => Blank().Replace(text, "").Replace("`", "", StringComparison.Ordinal).Replace("~", "", StringComparison.Ordinal);

    [GeneratedRegex(@"\s")]
    private static partial Regex Blank();

    [GeneratedRegex(@"\S")]
    private static partial Regex Anything();
}
