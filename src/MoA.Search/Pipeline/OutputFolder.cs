using MoA.Engine;

namespace MoA.Search.Pipeline;

/// <summary>The folder that a command writes to.</summary>
internal static class OutputFolder
{
    /// <summary>Creates the folder if it is missing and makes sure that files can be written there.</summary>
    /// <exception cref="InvalidInputException">It cannot be created or written.</exception>
    public static void Create(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        try
        {
            _ = Directory.CreateDirectory(folder);
            string probe = Path.Combine(folder, $".write-{Environment.ProcessId}");
            File.WriteAllBytes(probe, []);
            File.Delete(probe);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException(
                $"--out {folder}: cannot be written ({failure.Message.TrimEnd('.')}); choose another folder", failure);
        }
    }
}
