using System.Reflection;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Models.Loading;

namespace MoA.Engine.Tests;

/// <summary>Files appear whole or not at all, and only failures to write are taken for such.</summary>
public sealed class WholeFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_is_written_in_a_folder_that_is_made_and_replaced_when_it_is_whole()
    {
        string path = Path.Combine(_folder.Path, "new", "file.txt");
        WholeFile.WriteText(path, "old");
        WholeFile.Write(path, file =>
        {
            file.Write("ne"u8);
            Assert.Equal(2, file.Position);
            file.WriteByte((byte)'w');
            file.Flush();
            Assert.Equal("old", File.ReadAllText(path));
        });
        Assert.Equal("new", File.ReadAllText(path));
        _ = Assert.Single(Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    /// <summary>A defect of whoever writes is not said to be a full disk.</summary>
    [Fact]
    public void Defects_pass_as_they_are_and_leave_nothing()
    {
        string path = _folder.File("file.txt");
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => WholeFile.Write(path, file => file.Write(new byte[3], 0, 4)));
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => WholeFile.Write(path, _ => ArgumentOutOfRangeException.ThrowIfNegative(-1)));
        _ = Assert.Throws<OperationCanceledException>(() => WholeFile.Write(path, _ => throw new OperationCanceledException()));
        _ = Assert.Throws<IndexOutOfRangeException>(() => WholeFile.Write(path, file => file.WriteByte(Array.Empty<byte>()[file.Position])));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_failure_to_write_is_one_line_that_names_the_file()
    {
        string path = _folder.File("file.txt");
        IOException failure = Assert.Throws<IOException>(() => WholeFile.Write(path, _ => throw new IOException("No space\nleft")));
        Assert.Equal($"{path}: cannot be written to its end (No space left)", failure.Message);
        Refusal.AssertThrows(_folder.Path, "cannot be written (it is a folder); choose another place", () =>
        {
            WholeFile.WriteText(_folder.Path, "");
            return "";
        });
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    /// <summary>A run that is killed leaves its neighbour; the next that writes the file clears it, but nobody else's files.</summary>
    [Fact]
    public void Writing_a_file_clears_what_killed_runs_left_beside_it()
    {
        string path = _folder.File("plan.json"), killed = $"{path}.{Guid.NewGuid():N}.tmp", theirs = path + ".mine.tmp";
        string other = _folder.File($"plan.json2.{Guid.NewGuid():N}.tmp");
        foreach (string file in new[] { killed, theirs, other })
            File.WriteAllText(file, "half");
        WholeFile.Write(path, _ =>
        {
            string beside = Assert.Single(Directory.GetFiles(_folder.Path, "plan.json.*.tmp"), file => file != killed && file != theirs);
            WholeFile.RemoveUnfinished(path);
            Assert.True(File.Exists(beside)); // this one is being written
        });
        Assert.Equal([path, theirs, other], Directory.GetFiles(_folder.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_file_s_name_is_flushed_whatever_its_path_looks_like()
    {
        string odd = Path.Combine(_folder.Path, "Ordner mit ü");
        _ = Directory.CreateDirectory(odd);
        WholeFile.FlushFolderOf(Path.Combine(odd, "file"));
        WholeFile.FlushFolderOf("file in the current folder");
        WholeFile.FlushFolderOf(Path.Combine(odd, "none", "file")); // not there: nothing to flush
    }

    /// <summary>
    /// What is imported by a library's name throws where it is called otherwise; functions are asked for instead.
    /// </summary>
    [Fact]
    public void Nothing_is_imported_from_a_library_by_name()
    {
        const BindingFlags Any = BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        Assert.Empty(typeof(WholeFile).Assembly.GetTypes().SelectMany(type => type.GetMethods(Any))
            .Where(method => method.Attributes.HasFlag(MethodAttributes.PinvokeImpl)).Select(method => method.Name));
        Assert.Equal(0, CLibrary.Find("a_function_that_no_c_library_has"));
        Assert.Equal(OperatingSystem.IsWindows(), CLibrary.Find("open") == 0);
        Assert.Equal(OperatingSystem.IsLinux(), CLibrary.Find("madvise") != 0 && OperatingSystem.IsLinux());
    }
}
