using System.Net;
using MoA.Engine.Files;

namespace MoA.Engine.Hub;

/// <summary>Words what the hub refuses, in one line with what to do.</summary>
internal static class HubRefusal
{
    /// <summary>The exception for an answer that is no success.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="name">What was asked for.</param>
    /// <param name="file">The file of it; null for the list of files.</param>
    /// <param name="settings">Who asked, and where.</param>
    public static Exception Of(HttpResponseMessage response, HubName name, string? file, HubSettings settings)
    {
        string hub = settings.Endpoint.AbsoluteUri.TrimEnd('/');
        int status = (int)response.StatusCode;
        string? code = Header(response, "X-Error-Code"), message = Header(response, "X-Error-Message");
        bool isKnown = settings.Token is not null;
        string? problem = (code, response.StatusCode) switch
        {
            ("GatedRepo", HttpStatusCode.Forbidden) => $"is gated, and the token's owner may not read it: ask for access at {hub}/{name.Repository}",
            ("GatedRepo", _) => $"is gated: accept its terms at {hub}/{name.Repository}, and set HF_TOKEN to a token of yours",
            ("RevisionNotFound", _) => $"has no revision {name.RevisionOrDefault}; name a branch, a tag or a commit that {hub}/{name.Repository} has",
            ("EntryNotFound", _) when file is not null => $"has no file {file}",
            ("DisabledRepo", _) => "was disabled by the hub's operators",
            (not "RepoNotFound", HttpStatusCode.Unauthorized) when isKnown => "the token is not accepted; get a new one, or unset HF_TOKEN (and remove the token file) to ask without",
            ("RepoNotFound", _) or (_, HttpStatusCode.Unauthorized or HttpStatusCode.NotFound) when file is null =>
                $"{hub} has no model of this name, or not for {(isKnown ? "the owner of this token" : "everybody: set HF_TOKEN if it is private")}",
            (_, HttpStatusCode.NotFound) => $"has no file {file}",
            (_, HttpStatusCode.Unauthorized) => "the hub asks who you are: set HF_TOKEN",
            (_, HttpStatusCode.Forbidden) => $"the hub forbids it{(isKnown ? " to the owner of this token" : "; set HF_TOKEN")}",
            _ => null,
        };
        if (problem is not null)
            return new InvalidInputException($"{name.Repository}: {problem}");
        string said = message is null ? "" : $" ({Shown(message, settings)})";
        return new IOException($"{name.Repository}: {hub} answers {status}{said}; expected 200");
    }

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.NonValidated.TryGetValues(name, out System.Net.Http.Headers.HeaderStringValues values) ? values.ToString() : null;

    // A server may say anything, the token it was given too.
    private static string Shown(string text, HubSettings settings) => InputFile.Cut(InputFile.OneLine(
        settings.Token is string token ? text.Replace(token, "…", StringComparison.Ordinal) : text));
}
