using System.Text;
using System.Text.Json;
using Microsoft.Playwright;

namespace MoA.Server.Tests.Page;

/// <summary>The page in a browser of its own, by what users see and do. At its end nothing may have been asked of anyone but its server, and no script may have failed.</summary>
public sealed class ChatPage : IAsyncDisposable
{
    private readonly IBrowserContext _context;
    private readonly List<string> _wrong = [];

    private ChatPage(IBrowserContext context, IPage page)
    {
        _context = context;
        Page = page;
    }

    public IPage Page { get; }

    public ILocator Question => Page.GetByLabel("Question", new() { Exact = true });

    public ILocator Answers => Page.Locator("li.assistant");

    public ILocator Conversations => Page.GetByRole(AriaRole.Navigation).GetByRole(AriaRole.Listitem);

    public static async Task<ChatPage> OpenAsync(IBrowser browser, Uri address, BrowserNewContextOptions options)
    {
        IBrowserContext context = await browser.NewContextAsync(options);
        context.SetDefaultTimeout(10_000);
        ChatPage page = new(context, await context.NewPageAsync());
        page.Page.Request += (_, request) =>
        {
            if (new Uri(request.Url).GetLeftPart(UriPartial.Authority) != address.GetLeftPart(UriPartial.Authority))
                page._wrong.Add($"asked for {request.Url}");
        };
        page.Page.PageError += (_, error) => page._wrong.Add(error);
        page.Page.Dialog += async (_, dialog) => await dialog.AcceptAsync();
        await page.Page.GotoAsync(address.ToString());
        return page;
    }

    public ILocator Button(string name) => Page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true });

    /// <summary>Sets a field of the settings.</summary>
    public Task SetAsync(string label, string value) => Page.GetByLabel(label).FillAsync(value);

    /// <summary>Asks by the keyboard.</summary>
    public async Task AskAsync(string question)
    {
        await Question.FillAsync(question);
        await Question.PressAsync("Enter");
    }

    /// <summary>Waits for the end of the last of so many answers, and gives its text.</summary>
    public async Task<string> AnswerAsync(int count = 1)
    {
        await Assertions.Expect(Answers).ToHaveCountAsync(count);
        await Assertions.Expect(Button("Regenerate")).ToBeVisibleAsync();
        return await TextAsync(Answers.Last);
    }

    /// <summary>The text of a message, as it stands in the document.</summary>
    public static async Task<string> TextAsync(ILocator message) => await message.Locator(".body").TextContentAsync() ?? "";

    /// <summary>Answers in the server's place, with chunks whose <c>delta</c> is given as JSON.</summary>
    public Task AnswerInPlaceAsync(params string[] deltas)
    {
        StringBuilder events = new();
        foreach (string delta in deltas)
            events.Append(System.Globalization.CultureInfo.InvariantCulture, $$"""data: {"choices":[{"index":0,"delta":{{delta}},"finish_reason":null}]}""").Append("\n\n");
        events.Append("data: [DONE]\n\n");
        return Page.RouteAsync("**/v1/chat/completions", route => route.FulfillAsync(new() { ContentType = "text/event-stream", Body = events.ToString() }));
    }

    public static string Quote(string text) => JsonSerializer.Serialize(text);

    public async ValueTask DisposeAsync()
    {
        await _context.DisposeAsync();
        Assert.Empty(_wrong);
    }
}
