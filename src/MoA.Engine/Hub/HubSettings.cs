using MoA.Engine.Files;

namespace MoA.Engine.Hub;

/// <summary>Where models come from and where they are kept, by the variables that all of Hugging Face's tools read.</summary>
public sealed record HubSettings
{
    private const string DefaultEndpoint = "https://huggingface.co";
    private const int LongestToken = 4096;

    /// <summary>The hub's address.</summary>
    public Uri Endpoint { get; init; } = new(DefaultEndpoint);

    /// <summary>The folder of models: <c>HF_HUB_CACHE</c>, or <c>hub</c> in <c>HF_HOME</c>, by default in ~/.cache/huggingface.</summary>
    public required string CacheFolder { get; init; }

    /// <summary>Whether nothing may be fetched (<c>HF_HUB_OFFLINE</c>).</summary>
    public bool IsOffline { get; init; }

    /// <summary>Says who asks; null for nobody. It goes to the hub's own address only.</summary>
    internal string? Token { get; init; }

    /// <summary>The wait before the first repetition of what failed on the way; it doubles each time.</summary>
    internal TimeSpan FirstRetryDelay { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>How long a server may be silent.</summary>
    internal TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Reads the environment.</summary>
    /// <exception cref="InvalidInputException">The address or the token cannot be one.</exception>
    public static HubSettings FromEnvironment() => From(Environment.GetEnvironmentVariable);

    /// <summary>The folder of models alone.</summary>
    public static string CacheFolderOfEnvironment() => FindCache(Environment.GetEnvironmentVariable);

    /// <summary>Reads variables.</summary>
    internal static HubSettings From(Func<string, string?> variable) => new()
    {
        Endpoint = FindEndpoint(variable("HF_ENDPOINT")),
        CacheFolder = FindCache(variable),
        IsOffline = IsOn(variable("HF_HUB_OFFLINE")) || IsOn(variable("TRANSFORMERS_OFFLINE")),
        Token = IsOn(variable("HF_HUB_DISABLE_IMPLICIT_TOKEN")) ? null : FindToken(variable),
    };

    /// <summary>Prints no token.</summary>
    public override string ToString() => $"{Endpoint}, {CacheFolder}";

    private static string FindCache(Func<string, string?> variable) =>
        FirstOf(variable, "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? Path.Combine(Home(variable), "hub");

    private static string Home(Func<string, string?> variable) =>
        FirstOf(variable, "HF_HOME") ?? Path.Combine(FirstOf(variable, "XDG_CACHE_HOME") ?? Expand("~/.cache"), "huggingface");

    private static string? FirstOf(Func<string, string?> variable, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (variable(name) is { Length: > 0 } value)
                return Expand(value);
        }

        return null;
    }

    private static string Expand(string path) => path == "~" || path.StartsWith("~/", StringComparison.Ordinal)
        ? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + path[1..]
        : path;

    private static bool IsOn(string? value) => value?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE";

    private static Uri FindEndpoint(string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
            return new Uri(DefaultEndpoint);
        return Uri.TryCreate(text.Trim().TrimEnd('/'), UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https" &&
            address is { UserInfo: "", Query: "", Fragment: "" }
            ? address
            : throw new InvalidInputException($"HF_ENDPOINT {InputFile.Cut(text)}: expected an address such as {DefaultEndpoint}");
    }

    private static string? FindToken(Func<string, string?> variable)
    {
        foreach (string name in new[] { "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN" })
        {
            if (variable(name)?.Trim() is { Length: > 0 } token)
                return Check(name, token);
        }

        string file = FirstOf(variable, "HF_TOKEN_PATH") ?? Path.Combine(Home(variable), "token");
        return File.Exists(file) && InputFile.ReadText(file).Trim() is { Length: > 0 } kept ? Check(file, kept) : null;
    }

    // It is never shown, not even where it is wrong.
    private static string Check(string place, string token) =>
        token.Length <= LongestToken && token.All(letter => letter is > ' ' and <= '~')
            ? token
            : throw new InvalidInputException($"{place}: holds no token; expected letters and digits without blanks, as the hub gives them");
}
