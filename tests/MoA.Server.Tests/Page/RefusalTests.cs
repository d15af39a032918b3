using Microsoft.Playwright;
using MoA.Tests;

namespace MoA.Server.Tests.Page;

[Collection(PageTests.Name)]
public class RefusalTests(PageFixture fixture)
{
    [BrowserFact]
    public async Task A_missing_and_a_wrong_key_are_said_and_the_right_one_lasts_for_the_tab()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { ApiKey = "right" });
        await using ChatPage page = await fixture.OpenAsync(server);
        ILocator key = page.Page.GetByLabel("API key"), error = page.Page.Locator("#key-error");
        await Assertions.Expect(key).ToBeFocusedAsync();
        await Assertions.Expect(error).ToContainTextAsync("asks for a key");
        await key.FillAsync("schlüssel");
        await key.PressAsync("Enter");
        await Assertions.Expect(error).ToContainTextAsync("ASCII");
        await key.FillAsync("wrong");
        await key.PressAsync("Enter");
        await Assertions.Expect(error).ToHaveTextAsync("Wrong key: the API key is not the right one.");
        await key.FillAsync("right");
        await key.PressAsync("Enter");
        await Assertions.Expect(key).ToBeHiddenAsync();
        await page.SetAsync("Most new tokens", "4");
        await page.AskAsync("Hello");
        Assert.NotEmpty(await page.AnswerAsync());
        _ = await page.Page.ReloadAsync();
        await Assertions.Expect(page.Page.Locator("#model")).ToContainTextAsync(server.Model.Name);
        await Assertions.Expect(key).ToBeHiddenAsync();
        Assert.DoesNotContain("right", await page.Page.EvaluateAsync<string>("JSON.stringify(localStorage)"), StringComparison.Ordinal);
    }

    [BrowserFact]
    public async Task A_text_that_is_too_long_is_refused_with_the_numbers_and_left_out_of_what_follows()
    {
        await using ChatPage page = await fixture.OpenAsync();
        await page.AskAsync(string.Concat(Enumerable.Repeat("0 1 2 3 4 5 6 7 8 9\n", 500)));
        _ = await page.AnswerAsync();
        ILocator error = page.Answers.Last.Locator(".error");
        await Assertions.Expect(error).ToContainTextAsync("Too long for the model: the prompt has ");
        await Assertions.Expect(error).ToContainTextAsync("is 4096 tokens");
        await Assertions.Expect(error).ToContainTextAsync("What follows leaves this question out.");
        await page.SetAsync("Most new tokens", "4");
        await page.AskAsync("Short");
        Assert.NotEmpty(await page.AnswerAsync(2));
        await Assertions.Expect(page.Answers.Last.Locator(".error")).ToHaveCountAsync(0);
    }

    [BrowserFact]
    public async Task A_busy_server_is_said_in_words()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { MaxConcurrentRequests = 1 });
        await using ChatPage page = await fixture.OpenAsync(server);
        using HttpRequestMessage other = new(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = TestServer.Json("""{"messages":[{"role":"user","content":"Count to a thousand."}],"max_tokens":4000,"n":4,"stream":true}"""),
        };
        using HttpResponseMessage held = await server.Client.SendAsync(other, HttpCompletionOption.ResponseHeadersRead);
        await page.AskAsync("Hello");
        _ = await page.AnswerAsync();
        await Assertions.Expect(page.Answers.Locator(".error")).ToContainTextAsync("The server is busy: 1 requests are being answered already. Try again in 1 s.");
    }

    [BrowserFact]
    public async Task A_broken_answer_and_a_server_that_is_gone_are_said()
    {
        await using ChatPage page = await fixture.OpenAsync();
        await page.Page.RouteAsync("**/v1/chat/completions", route => route.FulfillAsync(new()
        {
            ContentType = "text/event-stream",
            Body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Half\"},\"finish_reason\":null}]}\n\ndata: {\"error\":{\"message\":\"the server is being stopped\",\"code\":\"stopping\"}}\n\n",
        }));
        await page.AskAsync("Hello");
        Assert.Equal("Half", await page.AnswerAsync());
        await Assertions.Expect(page.Answers.Locator(".error")).ToHaveTextAsync("The server is being stopped.");
        await page.Page.UnrouteAllAsync();
        await page.Page.RouteAsync("**/v1/chat/completions", route => route.AbortAsync());
        await page.AskAsync("Again");
        _ = await page.AnswerAsync(2);
        await Assertions.Expect(page.Answers.Last.Locator(".error")).ToContainTextAsync("The server cannot be reached.");
    }

    [BrowserFact]
    public async Task Settings_out_of_range_are_named()
    {
        await using ChatPage page = await fixture.OpenAsync();
        await page.SetAsync("Temperature", "-1");
        await page.AskAsync("Hello");
        await Assertions.Expect(page.Page.Locator("#problem")).ToContainTextAsync("Temperature: ");
        await Assertions.Expect(page.Answers).ToHaveCountAsync(0);
        await Assertions.Expect(page.Question).ToHaveValueAsync("Hello");
    }
}
