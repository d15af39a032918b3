namespace MoA.Tests;

/// <summary>The browser that the page is tried in: the machine's own, since tests download none.</summary>
internal static class Chromium
{
    private static readonly string[] Places =
    [
        "/usr/bin/chromium", "/usr/bin/google-chrome", "/snap/bin/chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        @"C:\Program Files\Google\Chrome\Application\chrome.exe", @"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    ];

    public static string? Path { get; } = Places.FirstOrDefault(File.Exists);

    /// <summary>Why tests of the page are passed over, or null; in CI they never are.</summary>
    public static string? WhyNot =>
        Path is null && Environment.GetEnvironmentVariable("CI") != "true" ? $"needs a browser; install Debian's chromium ({Places[0]})" : null;
}
