using System.Text;
using MoA.Engine;

namespace MoA.Evaluation.Reports;

/// <summary>Files that are never seen half written: the text goes to a neighbour, which then takes the name.</summary>
internal static class ReplacedFile
{
    /// <summary>Writes UTF-8 text without a byte-order mark; makes the folder if there is none.</summary>
    /// <exception cref="InvalidInputException">The folder or the file cannot be written.</exception>
    public static void WriteText(string path, string text)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string full = Path.GetFullPath(path);
        string temporary = $"{full}.{Guid.NewGuid():N}.tmp";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(full) ?? full);
            File.WriteAllText(temporary, text, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
            File.Move(temporary, full, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            DeleteQuietly(temporary);
            throw new InvalidInputException(
                $"{path}: cannot be written ({e.Message.ReplaceLineEndings(" ")}); choose another folder.",
                e);
        }
    }

    private static void DeleteQuietly(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The failure that matters is the one already on its way to the caller.
        }
    }
}
