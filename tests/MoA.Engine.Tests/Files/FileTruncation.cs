using System.Runtime.InteropServices;

namespace MoA.Engine.Tests.Files;

/// <summary>Cuts a file short that is open elsewhere, as another program may; .NET's own streams respect each other's locks.</summary>
internal static partial class FileTruncation
{
    public static void To(string path, long bytes) => Assert.Equal(0, Truncate(path, bytes));

    [LibraryImport("libc", EntryPoint = "truncate", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Truncate(string path, long bytes);
}
