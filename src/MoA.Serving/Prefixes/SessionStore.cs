using System.Globalization;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;

namespace MoA.Serving.Prefixes;

/// <summary>
/// Prefixes in files of a folder, which outlive the process. A thread of its own writes and reads them; the scheduler's thread never waits for a file. A text that goes on
/// takes the place of what it began with, and the oldest files give way when all together are too large.
/// </summary>
internal sealed class SessionStore : IDisposable
{
    private const string Extension = ".moa-session";
    private const string LockName = "lock";

    private readonly object _gate = new();
    private readonly List<SavedPrefix> _saved = [];
    private readonly Queue<Action> _work = [];
    private readonly SessionFiles _files;
    private readonly string _folder;
    private readonly long _limit;
    private readonly Action<string> _note;
    private readonly Thread _thread;
    private readonly FileStream _lock;
    private bool _ends;

    /// <summary>Takes stock of a folder, which is made where it is missing.</summary>
    /// <param name="files">Reads and writes files of the model's caches.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="limit">Most bytes of all files.</param>
    /// <param name="note">Is told what cannot be used.</param>
    /// <exception cref="InvalidInputException">The folder cannot be made or read, or another service uses it.</exception>
    public SessionStore(SessionFiles files, string folder, long limit, Action<string> note)
    {
        (_files, _folder, _limit, _note) = (files, folder, limit, note);
        try
        {
            _ = OperatingSystem.IsWindows()
                ? Directory.CreateDirectory(folder)
                : Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            _lock = Lock(folder);
            foreach (string left in Directory.GetFiles(folder, $"*{Extension}.*")) // by a service that was killed while it wrote
                WholeFile.RemoveUnfinished(left[..(left.LastIndexOf(Extension, StringComparison.Ordinal) + Extension.Length)]);
            foreach (FileInfo file in new DirectoryInfo(folder).EnumerateFiles("*" + Extension).OrderBy(file => file.LastWriteTimeUtc))
                TakeStock(file);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            _lock?.Dispose();
            throw new InvalidInputException($"{folder}: no folder for conversations can be made or read there ({failure.Message}); choose another", failure);
        }

        _thread = new Thread(Work) { IsBackground = true, Name = "MoA sessions" };
        _thread.Start();
    }

    /// <summary>Prefixes in files.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _saved.Count;
        }
    }

    /// <summary>The file from which most of a prompt's tokens can be gone on.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="least">Only with more tokens than these.</param>
    /// <param name="keepsAll">Whether caches of a capacity still hold all rows of so many tokens, so that they can be gone on from earlier, too.</param>
    public SavedPrefix? Find(ReadOnlySpan<int> prompt, int least, Func<int, int, bool> keepsAll)
    {
        SavedPrefix? best = null;
        lock (_gate)
        {
            foreach (SavedPrefix saved in _saved)
            {
                int shared = PrefixStore.Shared(saved.Tokens, prompt);
                if (shared > least && (shared == saved.Tokens.Length || keepsAll(saved.Capacity, saved.Tokens.Length)))
                    (best, least) = (saved, shared);
            }
        }

        return best;
    }

    /// <summary>Writes a prefix, which is not given up meanwhile.</summary>
    /// <param name="prefix">The prefix, packed.</param>
    /// <param name="onEnd">Is told of the end, on another thread.</param>
    public void Save(KeptPrefix prefix, Action? onEnd)
    {
        prefix.IsBusy = true;
        Do(() =>
        {
            try
            {
                Write(prefix);
            }
            finally
            {
                prefix.IsBusy = false;
                onEnd?.Invoke();
            }
        });
    }

    /// <summary>Reads a file.</summary>
    /// <param name="saved">The file; it is forgotten if it cannot be used.</param>
    /// <param name="onEnd">Is told of the end, on another thread: the caches, or null.</param>
    public void Load(SavedPrefix saved, Action<CacheSnapshot?> onEnd) => Do(() =>
    {
        CacheSnapshot? snapshot = null;
        try
        {
            (snapshot, _) = _files.Load(saved.Path);
        }
        catch (Exception failure) when (failure is InvalidInputException or IOException)
        {
            Forget(saved);
            _note(failure.Message);
        }
        finally
        {
            onEnd(snapshot);
        }
    });

    /// <summary>Writes what is still to be written.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _ends = true;
            Monitor.Pulse(_gate);
        }

        _thread.Join();
        _lock.Dispose();
    }

    // Held open as long as the service is; the system lets go of it when the process ends, in whatever way.
    private static FileStream Lock(string folder)
    {
        string path = Path.Combine(folder, LockName);
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException failure) when (File.Exists(path))
        {
            throw new InvalidInputException($"{folder}: another service keeps its conversations there; end it, or choose another folder for this one", failure);
        }
    }

    private void TakeStock(FileInfo file)
    {
        try
        {
            SavedSession session = _files.Inspect(file.FullName);
            _saved.Add(new SavedPrefix(file.FullName, [.. session.Tokens], session.Capacity, session.Bytes, file.Length));
        }
        catch (InvalidInputException failure)
        {
            _note(failure.Message); // another model's files stay for that one
        }
    }

    private void Do(Action action)
    {
        lock (_gate)
        {
            _work.Enqueue(action);
            Monitor.Pulse(_gate);
        }
    }

    private void Work()
    {
        while (true)
        {
            Action? next;
            lock (_gate)
            {
                while (!_work.TryDequeue(out next))
                {
                    if (_ends)
                        return;
                    _ = Monitor.Wait(_gate);
                }
            }

            next();
        }
    }

    private void Write(KeptPrefix prefix)
    {
        string path = Path.Combine(_folder, NameOf(prefix.Tokens) + Extension);
        try
        {
            prefix.Save(_files, path);
            Keep(new SavedPrefix(path, prefix.Tokens, prefix.Capacity, prefix.Bytes, new FileInfo(path).Length));
        }
        catch (Exception failure) when (failure is InvalidInputException or IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            _note($"{path}: a conversation was not saved: {failure.Message}");
        }
    }

    private void Keep(SavedPrefix written)
    {
        SavedPrefix[] gone;
        lock (_gate)
        {
            gone = [.. _saved.Where(old => old.Path != written.Path && written.Tokens.AsSpan().StartsWith(old.Tokens))];
            _ = _saved.RemoveAll(old => old.Path == written.Path || gone.Contains(old));
            _saved.Add(written);
            long bytes = _saved.Sum(saved => saved.FileBytes);
            while (bytes > _limit && _saved.Count > 1)
            {
                bytes -= _saved[0].FileBytes;
                gone = [.. gone, _saved[0]];
                _saved.RemoveAt(0);
            }
        }

        foreach (SavedPrefix old in gone)
            Delete(old.Path);
    }

    private void Forget(SavedPrefix saved)
    {
        lock (_gate)
            _ = _saved.Remove(saved);
    }

    private void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            _note($"{path}: cannot be deleted: {failure.Message}");
        }
    }

    private static string NameOf(int[] tokens) => XxHash128.HashToUInt128(MemoryMarshal.AsBytes<int>(tokens)).ToString("x32", CultureInfo.InvariantCulture);
}
