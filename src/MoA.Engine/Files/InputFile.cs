using Microsoft.Win32.SafeHandles;

namespace MoA.Engine.Files;

/// <summary>Opens files that come from outside and words what is wrong with them, always in one line.</summary>
internal static class InputFile
{
    private const int LongestProblem = 400;

    /// <summary>
    /// An exception whose message is <c>path: problem</c>, cleared of line breaks and cut to a sane length.
    /// </summary>
    public static InvalidInputException Error(string path, string problem, Exception? cause = null)
    {
        if (problem.Length > LongestProblem)
            problem = string.Concat(problem.AsSpan(0, LongestProblem), "…");
        string message = OneLine($"{path}: {problem}");
        return cause is null ? new InvalidInputException(message) : new InvalidInputException(message, cause);
    }

    /// <summary>Opens a file for reading; symbolic links are followed.</summary>
    /// <exception cref="InvalidInputException">The file is not there or may not be read.</exception>
    public static SafeFileHandle Open(string path)
    {
        try
        {
            return File.OpenHandle(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Error(path, "there is no such file", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            string problem = Directory.Exists(path) ? "is a folder; expected a file" : $"cannot be read: {e.Message}";
            throw Error(path, problem, e);
        }
    }

    /// <summary>Length of an open file in bytes.</summary>
    /// <exception cref="InvalidInputException">It is a pipe or a device.</exception>
    public static long Length(string path, SafeFileHandle file)
    {
        try
        {
            return RandomAccess.GetLength(file);
        }
        catch (Exception e) when (e is IOException or NotSupportedException)
        {
            throw Error(path, $"has no length: {e.Message}; expected a file", e);
        }
    }

    /// <summary>All bytes of a file of at most <paramref name="longest"/> bytes.</summary>
    /// <exception cref="InvalidInputException">The file cannot be read or is longer.</exception>
    public static byte[] ReadAll(string path, int longest = 1 << 30)
    {
        using SafeFileHandle file = Open(path);
        long length = Length(path, file);
        if (length > longest)
            throw Error(path, $"has {length} bytes; expected at most {longest}");
        byte[] bytes = new byte[length];
        Fill(path, file, bytes, 0);
        return bytes;
    }

    /// <summary>Reads exactly as many bytes as <paramref name="bytes"/> holds.</summary>
    /// <exception cref="InvalidInputException">The file ends before, or reading fails.</exception>
    public static void Fill(string path, SafeFileHandle file, Span<byte> bytes, long offset)
    {
        try
        {
            while (!bytes.IsEmpty)
            {
                int read = RandomAccess.Read(file, bytes, offset);
                if (read == 0)
                    throw Error(path, $"truncated: ends at byte {offset}; download or copy it again");
                bytes = bytes[read..];
                offset += read;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Error(path, $"cannot be read: {e.Message}", e);
        }
    }

    /// <summary>The start of a name or value that may be of any length, for messages.</summary>
    public static string Cut(string text) => text.Length <= 100 ? text : string.Concat(text.AsSpan(0, 100), "…");

    private static string OneLine(string text) => string.Create(text.Length, text, static (line, source) =>
    {
        for (int i = 0; i < line.Length; i++)
            line[i] = char.IsControl(source[i]) || source[i] is '\u2028' or '\u2029' ? ' ' : source[i];
    });
}
