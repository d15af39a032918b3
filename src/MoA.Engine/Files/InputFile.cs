namespace MoA.Engine.Files;

/// <summary>
/// Opens and reads files that come from outside and words what is wrong with them, always in one line: the file, the problem,
/// what to do.
/// </summary>
internal static class InputFile
{
    private const int LongestProblem = 400;

    /// <summary>
    /// An exception whose message is <c>path: problem</c>, cleared of line breaks and cut to a sane length.
    /// </summary>
    public static InvalidInputException Error(string path, string problem, Exception? cause = null)
    {
        ArgumentNullException.ThrowIfNull(problem);
        if (problem.Length > LongestProblem)
            problem = string.Concat(problem.AsSpan(0, LongestProblem), "…");
        string message = OneLine($"{(string.IsNullOrEmpty(path) ? "\"\"" : path)}: {problem}");
        return cause is null ? new InvalidInputException(message) : new InvalidInputException(message, cause);
    }

    /// <summary>The exception for a failure to open or read a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="failure">What the system says.</param>
    /// <param name="advice">What to do, or null.</param>
    public static InvalidInputException Unreadable(string path, Exception failure, string? advice = null)
    {
        ArgumentNullException.ThrowIfNull(failure);
        string problem = failure is FileNotFoundException or DirectoryNotFoundException ? "there is no such file"
            : string.IsNullOrEmpty(path) ? "the path is empty; expected a file"
            : Directory.Exists(path) ? "is a folder; expected a file"
            : $"cannot be read ({failure.Message.TrimEnd('.')})";
        return Error(path, advice is null ? problem : $"{problem}; {advice}", failure);
    }

    /// <summary>Opens a file for reading; symbolic links are followed.</summary>
    /// <param name="path">The file.</param>
    /// <param name="advice">What to do if it is not there or may not be read, for the message.</param>
    /// <exception cref="InvalidInputException">The file is not there or may not be read.</exception>
    public static FileStream Open(string path, string? advice = null)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw Unreadable(path, e, advice);
        }
    }

    /// <summary>All bytes of a file, or of a pipe until it ends.</summary>
    /// <param name="path">The file.</param>
    /// <param name="advice">What to do if it cannot be read, for the message.</param>
    /// <param name="longest">The most bytes that are read.</param>
    /// <exception cref="InvalidInputException">The file cannot be read or is longer.</exception>
    public static byte[] ReadBytes(string path, string? advice = null, int longest = 1 << 30)
    {
        using FileStream file = Open(path, advice);
        try
        {
            // Not by the length alone: pipes have none, and files of /proc say 0.
            long length = file.CanSeek ? file.Length : 0;
            if (length > longest)
                throw Error(path, $"has {length} bytes; expected at most {longest}");
            byte[] bytes = new byte[length];
            int count = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            for (int next; (next = file.ReadByte()) >= 0; bytes[count++] = (byte)next)
            {
                if (count == longest)
                    throw Error(path, $"has more than {longest} bytes; expected fewer");
                if (count == bytes.Length)
                    Array.Resize(ref bytes, (int)Math.Min(longest, 2L * count + 256));
            }

            Array.Resize(ref bytes, count);
            return bytes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, e, advice);
        }
    }

    /// <summary>
    /// The text of a file, or of a pipe until it ends: UTF-8, or what a byte order mark at its start says, which is left out.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="advice">What to do if it cannot be read, for the message.</param>
    /// <exception cref="InvalidInputException">The file cannot be read.</exception>
    public static string ReadText(string path, string? advice = null)
    {
        using StreamReader reader = new(new MemoryStream(ReadBytes(path, advice)));
        return reader.ReadToEnd();
    }

    /// <summary>The lines of a text; otherwise as <see cref="ReadText"/>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="advice">What to do if it cannot be read, for the message.</param>
    /// <exception cref="InvalidInputException">The file cannot be read.</exception>
    public static IEnumerable<string> ReadLines(string path, string? advice = null)
    {
        using StringReader reader = new(ReadText(path, advice));
        while (reader.ReadLine() is string line)
            yield return line;
    }

    /// <summary>The start of a name or value that may be of any length, for messages.</summary>
    public static string Cut(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length <= 100 ? text : string.Concat(text.AsSpan(0, 100), "…");
    }

    /// <summary>A text from outside without anything that would break a line.</summary>
    internal static string OneLine(string text) => string.Create(text.Length, text, static (line, source) =>
    {
        for (int i = 0; i < line.Length; i++)
            line[i] = char.IsControl(source[i]) || source[i] is '\u2028' or '\u2029' ? ' ' : source[i];
    });
}
