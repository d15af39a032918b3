using System.Buffers;

namespace MoA.Engine.Hub;

/// <summary>A model on the hub, as it is written: <c>org/name[@revision][:file]</c>.</summary>
public sealed record HubName
{
    /// <summary>The revision where none is named.</summary>
    public const string DefaultRevision = "main";

    private const int LongestPart = 96;
    private const int LongestRevision = 250;

    private static readonly SearchValues<char> NamePart = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    private HubName(string repository, string? revision, string? file) => (Repository, Revision, File) = (repository, revision, file);

    /// <summary>The repository: <c>org/name</c>, or <c>name</c> alone of the oldest ones.</summary>
    public string Repository { get; }

    /// <summary>A branch, a tag, or a commit's hash or its start; null for main.</summary>
    public string? Revision { get; private init; }

    /// <summary>A file of the repository, or what tells it from the others, such as <c>Q4_K_M</c>; null for the model as a whole.</summary>
    public string? File { get; internal init; }

    /// <summary>The revision, main where none is named.</summary>
    public string RevisionOrDefault => Revision ?? DefaultRevision;

    /// <summary>Reads a name; null if the text cannot be one.</summary>
    public static HubName? TryParse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        (string before, string? file) = Cut(text, ':');
        (string repository, string? revision) = Cut(before, '@');
        return IsRepository(repository) && (revision is null || IsRevision(revision)) && (file is null || HubFileName.IsSafe(file))
            ? new HubName(repository, revision, file)
            : null;
    }

    /// <summary>The same at another revision.</summary>
    /// <exception cref="InvalidInputException">It cannot be one, or the name has another.</exception>
    public HubName At(string revision)
    {
        ArgumentNullException.ThrowIfNull(revision);
        if (!IsRevision(revision))
            throw new InvalidInputException($"'{revision}' is no revision; expected a branch, a tag or a commit of {Repository}");
        return Revision is null || Revision == revision
            ? this with { Revision = revision }
            : throw new InvalidInputException($"{this}: has the revision {Revision}, and {revision} is asked for; name one");
    }

    /// <summary>The name as it is written.</summary>
    public override string ToString() => $"{Repository}{(Revision is null ? "" : $"@{Revision}")}{(File is null ? "" : $":{File}")}";

    private static (string, string?) Cut(string text, char mark) =>
        text.IndexOf(mark) is >= 0 and int at ? (text[..at], text[(at + 1)..]) : (text, null);

    private static bool IsRepository(string text)
    {
        string[] parts = text.Split('/');
        return parts.Length <= 2 && parts.All(IsNamePart) && !text.EndsWith(".git", StringComparison.Ordinal);
    }

    // As the hub takes them.
    private static bool IsNamePart(string part) =>
        part.Length is >= 1 and <= LongestPart && !part.AsSpan().ContainsAnyExcept(NamePart) &&
        part[0] is not ('-' or '.') && part[^1] is not ('-' or '.') &&
        !part.Contains("--", StringComparison.Ordinal) && !part.Contains("..", StringComparison.Ordinal);

    // A file's name below the cache's folder of revisions too.
    private static bool IsRevision(string text) =>
        text.Length <= LongestRevision && HubFileName.IsSafe(text) && !text.Contains('@', StringComparison.Ordinal) &&
        text.Split('/').All(part => part[0] is not ('.' or '-'));
}
