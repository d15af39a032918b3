namespace MoA.Engine.Hub;

/// <summary>
/// What the headers of a file's answers say, redirects included: contents that lie on another server are described by the hub's own
/// answer (<c>X-Linked-Etag</c>, <c>X-Linked-Size</c>), others by the last one.
/// </summary>
internal sealed class FileHeaders
{
    private string? _linkedEtag, _etag;
    private long? _linkedBytes, _bytes;

    /// <summary>The commit that was answered for, if it was said.</summary>
    public string? Commit { get; private set; }

    /// <summary>How the server names the content.</summary>
    public string? Etag => _linkedEtag ?? _etag;

    /// <summary>The content's hash; null if its name is none.</summary>
    public string? Hash => Etag?.ToLowerInvariant() is string name && HubCache.IsCommit(name) ? name : null; // as long as commits' hashes

    /// <summary>The content's length; null if it was not said.</summary>
    public long? Bytes => _linkedBytes ?? _bytes;

    /// <summary>Whether the hub itself has said all that there is to know.</summary>
    public bool AreEnough => _linkedEtag is not null && _linkedBytes is not null;

    /// <summary>Takes an answer's headers; true if no further one is needed.</summary>
    public bool Take(HttpResponseMessage response)
    {
        Commit ??= One(response, "X-Repo-Commit");
        _linkedEtag ??= Unquoted(One(response, "X-Linked-Etag"));
        _linkedBytes ??= NumberText.TryWhole(One(response, "X-Linked-Size") ?? "", out long bytes) ? bytes : null;
        if (response.IsSuccessStatusCode)
        {
            _etag = Unquoted(One(response, "ETag"));
            _bytes = response.Content.Headers.ContentLength;
        }

        return AreEnough;
    }

    private static string? One(HttpResponseMessage response, string name) =>
        response.Headers.NonValidated.TryGetValues(name, out System.Net.Http.Headers.HeaderStringValues values) ? values.ToString() : null;

    private static string? Unquoted(string? etag)
    {
        if (etag is null)
            return null;
        if (etag.StartsWith("W/", StringComparison.Ordinal))
            etag = etag[2..];
        return etag.Trim('"');
    }
}
