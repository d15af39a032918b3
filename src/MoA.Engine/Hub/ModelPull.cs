using System.Globalization;
using MoA.Engine.Files;

namespace MoA.Engine.Hub;

/// <summary>
/// Brings a model from the hub into the cache: the files that it needs, several at once, each resumed where an earlier run ended and
/// checked by length and hash. The revision points to the new commit once all of it is there.
/// </summary>
/// <param name="settings">Where from and where to.</param>
public sealed class ModelPull(HubSettings settings)
{
    private const int FilesAtOnce = 4;
    private const int LongestIndex = 32 << 20;

    private readonly HubSettings _settings = settings;
    private readonly HubCache _cache = new(settings.CacheFolder);

    /// <summary>Fetches what is missing.</summary>
    /// <param name="name">The model.</param>
    /// <param name="patterns">Which files, as <c>*.json</c>; none for those that the model needs.</param>
    /// <param name="report">Takes the progress, one call at a time.</param>
    /// <param name="cancellation">Ends it; what was fetched is kept and counts the next time.</param>
    /// <exception cref="InvalidInputException">The hub has no such model, revision or file, or not for this person; nothing may be fetched; or the
    /// hub's answer is not one.</exception>
    /// <exception cref="IOException">The hub cannot be reached, a file is not what it should be, or the disk is full or fails.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Task<PulledModel> RunAsync(
        HubName name, IReadOnlyList<string> patterns, Action<PullProgress> report, CancellationToken cancellation = default) =>
        RunAsync(name, patterns, isDry: false, report, cancellation);

    /// <summary>What <see cref="RunAsync(HubName, IReadOnlyList{string}, Action{PullProgress}, CancellationToken)"/> would fetch; nothing is written.</summary>
    /// <param name="name">The model.</param>
    /// <param name="patterns">Which files; none for those that the model needs.</param>
    /// <param name="report">Takes the progress, one call at a time.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="InvalidInputException">As there.</exception>
    /// <exception cref="IOException">As there.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Task<PulledModel> PlanAsync(
        HubName name, IReadOnlyList<string> patterns, Action<PullProgress> report, CancellationToken cancellation = default) =>
        RunAsync(name, patterns, isDry: true, report, cancellation);

    private async Task<PulledModel> RunAsync(
        HubName name, IReadOnlyList<string> patterns, bool isDry, Action<PullProgress> report, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(patterns);
        ArgumentNullException.ThrowIfNull(report);
        if (patterns.Count > 0 && name.File is not null)
            throw new InvalidInputException($"{name}: names a file, and patterns are given too; expected one of them");
        if (_settings.IsOffline)
            throw new InvalidInputException($"{name}: HF_HUB_OFFLINE is set, so nothing is fetched; unset it to fetch");
        using HubClient client = new(_settings);
        HubListing listing = await Retries.RunAsync(
            _settings, () => client.ListAsync(name, cancellation), state => report(new PullProgress(state, 0, 0)), cancellation).ConfigureAwait(false);
        (string[] first, string? index) = FileSelection.Choose(name, listing.Files, patterns);
        Transfer transfer = new(this, client, name, listing.Commit, isDry, report);
        await transfer.TakeAsync(first, cancellation).ConfigureAwait(false);
        if (index is not null)
        {
            byte[] content = await transfer.ReadAsync(index, cancellation).ConfigureAwait(false);
            await transfer.TakeAsync(FileSelection.ReadIndex(name, listing.Files, index, content), cancellation).ConfigureAwait(false);
        }

        string repository = _cache.RepositoryFolder(name.Repository);
        if (!isDry && !listing.Commit.StartsWith(name.RevisionOrDefault, StringComparison.OrdinalIgnoreCase))
            WholeFile.WriteText(HubCache.RefFile(repository, name.RevisionOrDefault), listing.Commit);
        return new PulledModel(name, listing.Commit, HubCache.SnapshotFolder(repository, listing.Commit), transfer.Files);
    }

    /// <summary>The files of one run; of a dry one nothing comes but what says which files there are.</summary>
    private sealed class Transfer(ModelPull pull, HubClient client, HubName name, string commit, bool isDry, Action<PullProgress> report)
    {
        private readonly HubSettings _settings = pull._settings;
        private readonly BlobStore _store = new(pull._cache, name.Repository);
        private readonly Dictionary<string, (HubFile File, long There, long Fetched)> _files = new(StringComparer.Ordinal);

        public IReadOnlyList<PulledFile> Files =>
            [.. _files.Values.Select(file => new PulledFile(file.File.Name, file.File.Bytes, file.Fetched, file.File.Hash)).OrderBy(file => file.Name, StringComparer.Ordinal)];

        /// <summary>The content of a file, not a long one, that was taken before.</summary>
        public async Task<byte[]> ReadAsync(string index, CancellationToken cancellation)
        {
            HubFile file = _files[index].File;
            return isDry && !_store.Has(file)
                ? await Retries.RunAsync(_settings, () => client.ReadAsync(name, commit, file.Name, cancellation), state => Report(file.Name, null, state), cancellation)
                    .ConfigureAwait(false)
                : InputFile.ReadBytes(_store.PathOf(file), longest: LongestIndex);
        }

        public async Task TakeAsync(string[] names, CancellationToken cancellation)
        {
            ParallelOptions options = new() { MaxDegreeOfParallelism = FilesAtOnce, CancellationToken = cancellation };
            if (!isDry)
                _store.MakeFolders();
            await Parallel.ForEachAsync(names, options, async (file, stop) => Add(await Retries.RunAsync(
                _settings, () => client.DescribeAsync(name, commit, file, stop), state => Report(file, null, state), stop).ConfigureAwait(false)))
                .ConfigureAwait(false);
            HubFile[] files = [.. names.Select(file => _files[file].File)];
            CheckRoom(files);
            if (isDry)
            {
                foreach (HubFile file in files.DistinctBy(file => file.Hash))
                    _files[file.Name] = (file, file.Bytes, _store.Missing(file));
                return;
            }

            await Parallel.ForEachAsync(files, options, async (file, stop) =>
            {
                BlobDownload download = new(client, _settings, _store, name, commit, file, (there, state) => Report(file.Name, there, state));
                long fetched = await download.RunAsync(stop).ConfigureAwait(false);
                lock (_files)
                    _files[file.Name] = (file, file.Bytes, fetched);
            }).ConfigureAwait(false);
        }

        private void Add(HubFile file)
        {
            lock (_files)
                _files[file.Name] = (file, 0, 0);
        }

        private void CheckRoom(HubFile[] files)
        {
            long missing = files.DistinctBy(file => file.Hash).Sum(_store.Missing);
            if (_store.FreeBytes() is long free && missing > free)
            {
                throw new IOException(string.Create(CultureInfo.InvariantCulture,
                    $"{name}: {missing / 1048576.0:N1} MiB are missing and {free / 1048576.0:N1} MiB are free in {pull._cache.Folder}; make room, or choose another folder by HF_HUB_CACHE"));
            }
        }

        private void Report(string file, long? there, string? state)
        {
            lock (_files)
            {
                if (there is long bytes)
                    _files[file] = _files[file] with { There = bytes };
                report(new PullProgress(
                    state is null ? file : $"{file}, {state}", _files.Values.Sum(entry => entry.There), _files.Values.Sum(entry => entry.File.Bytes)));
            }
        }
    }
}
