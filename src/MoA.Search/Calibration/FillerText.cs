namespace MoA.Search.Calibration;

/// <summary>
/// The prose in which secrets are hidden: about 110 KB of Shakespeare (The Taming of the Shrew and The Tempest), in the
/// public domain. It is the last tenth of the tinyshakespeare text, the part the demo model was not trained on.
/// </summary>
internal static class FillerText
{
    private static readonly Lazy<string[]> AllLines = new(ReadLines);

    /// <summary>The text's lines in order; speeches are parted by empty lines.</summary>
    public static IReadOnlyList<string> Lines => AllLines.Value;

    private static string[] ReadLines()
    {
        using Stream stream = typeof(FillerText).Assembly.GetManifestResourceStream("Shakespeare.txt")
            ?? throw new InvalidOperationException("the assembly was built without its Shakespeare.txt");
        using StreamReader reader = new(stream);
        return reader.ReadToEnd().TrimEnd('\n').Split('\n');
    }
}
