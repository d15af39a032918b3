namespace MoA.Tests;

/// <summary>Finds files of the repository from wherever the test assembly runs.</summary>
internal static class RepositoryFiles
{
    public static string Root { get; } = FindRoot();

    /// <summary>A path below <c>tests/fixtures</c>.</summary>
    public static string Fixture(params string[] parts) => Path.Combine([Root, "tests", "fixtures", .. parts]);

    public static string DemoModel => Path.Combine(Root, "models", "demo");

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "MoA.slnx")))
                return folder.FullName;
        }

        throw new InvalidOperationException($"MoA.slnx is not above {AppContext.BaseDirectory}");
    }
}
