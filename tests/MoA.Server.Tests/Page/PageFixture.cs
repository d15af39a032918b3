using Microsoft.Playwright;
using MoA.Tests;

namespace MoA.Server.Tests.Page;

/// <summary>One browser and one server of the demo model for all tests of the page.</summary>
public sealed class PageFixture : IAsyncLifetime
{
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public TestServer Server { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        if (Chromium.WhyNot is not null)
            return;
        string browser = Chromium.Path ?? throw new InvalidOperationException("In CI the page is tried in a browser: .ci/run installs Debian's chromium as root.");
        Environment.SetEnvironmentVariable("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
        Server = await TestServer.StartAsync();
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = browser });
    }

    public async Task DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
        if (Server is not null)
            await Server.DisposeAsync();
    }

    /// <summary>Opens the page as somebody who was never there.</summary>
    public Task<ChatPage> OpenAsync(TestServer? server = null, BrowserNewContextOptions? options = null) =>
        ChatPage.OpenAsync(_browser!, new Uri((server ?? Server).Server.Address), options ?? new());
}

[CollectionDefinition(Name)]
public sealed class PageTests : ICollectionFixture<PageFixture>
{
    public const string Name = "Page";
}
