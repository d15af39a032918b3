namespace MoA.Engine.Hub;

/// <summary>
/// Contents of a repository in the cache, and the links that name them, as huggingface_hub writes them: <c>blobs/HASH</c>,
/// <c>blobs/HASH.incomplete</c> while it is on its way, and a lock that only one program holds.
/// </summary>
internal sealed class BlobStore
{
    private const string BlobsFolder = "blobs";
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(200);

    private readonly HubCache _cache;
    private readonly string _repository;
    private readonly string _locks;

    public BlobStore(HubCache cache, string repository)
    {
        _cache = cache;
        _repository = cache.RepositoryFolder(repository);
        _locks = Path.Combine(cache.Folder, ".locks", Path.GetFileName(_repository));
    }

    /// <summary>Makes the folders if there are none.</summary>
    /// <exception cref="InvalidInputException">They cannot be made.</exception>
    public void MakeFolders()
    {
        try
        {
            _ = Directory.CreateDirectory(Path.Combine(_repository, BlobsFolder));
            _ = Directory.CreateDirectory(_locks);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException(
                $"{_cache.Folder}: cannot be written ({failure.Message.ReplaceLineEndings(" ").TrimEnd('.')}); choose another folder by HF_HUB_CACHE", failure);
        }
    }

    /// <summary>Where a content is, or will be.</summary>
    public string PathOf(HubFile file) => Path.Combine(_repository, BlobsFolder, file.Hash);

    /// <summary>Where the content is while it is on its way.</summary>
    public string UnfinishedPathOf(HubFile file) => PathOf(file) + ".incomplete";

    /// <summary>Whether the whole content is there.</summary>
    public bool Has(HubFile file) => LengthOf(PathOf(file)) == file.Bytes;

    /// <summary>Bytes that are still to come.</summary>
    public long Missing(HubFile file) => Has(file) ? 0 : file.Bytes - Math.Min(file.Bytes, LengthOf(UnfinishedPathOf(file)) ?? 0);

    /// <summary>Bytes that can still be written where the contents are; null where the system does not say.</summary>
    public long? FreeBytes()
    {
        string place = _repository;
        while (!Directory.Exists(place) && Path.GetDirectoryName(place) is string above)
            place = above;
        try
        {
            return new DriveInfo(place).AvailableFreeSpace;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Waits until no other program fetches the same content, and keeps others from it until disposed.</summary>
    /// <param name="file">The content.</param>
    /// <param name="waits">Called when somebody else is at it.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public async Task<IDisposable> LockAsync(HubFile file, Action waits, CancellationToken cancellation)
    {
        string path = Path.Combine(_locks, file.Hash + ".lock");
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
            }
            catch (IOException failure) when (IsHeldByAnother(failure))
            {
                waits();
                await Task.Delay(BetweenLooks, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Gives a content its name in a commit; what stood under the name goes.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Link(HubFile file, string commit)
    {
        string snapshot = HubCache.SnapshotFolder(_repository, commit), path = HubFileName.Below(snapshot, file.Name);
        MakeFoldersOf(snapshot, file.Name);
        string target = string.Concat(Enumerable.Repeat("../", file.Name.Count(letter => letter == '/') + 2)) + $"{BlobsFolder}/{file.Hash}";
        if (new FileInfo(path).LinkTarget == target)
            return;
        File.Delete(path);
        try
        {
            _ = File.CreateSymbolicLink(path, target);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            if (new FileInfo(path).LinkTarget == target)
                return; // another program was faster
            File.Copy(PathOf(file), path, overwrite: true); // a system without links, or whose user may make none
        }
    }

    // A folder on the way that is a link could lead anywhere.
    private static void MakeFoldersOf(string snapshot, string name)
    {
        string folder = snapshot;
        _ = Directory.CreateDirectory(folder);
        foreach (string part in name.Split('/').SkipLast(1))
        {
            folder = Path.Combine(folder, part);
            if (new FileInfo(folder).LinkTarget is not null)
                throw new IOException($"{folder}: is a link; expected a folder: remove it");
            _ = Directory.CreateDirectory(folder);
        }
    }

    // The contents may be links themselves, into a store that repositories share.
    private static long? LengthOf(string path)
    {
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1);
            return file.Length;
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    // EWOULDBLOCK of Linux and of macOS, and a violation of sharing on Windows.
    private static bool IsHeldByAnother(IOException failure) => failure.HResult is 11 or 35 or unchecked((int)0x80070020);
}
