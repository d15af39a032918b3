using System.Diagnostics;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Kernels;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Search.Calibration;
using MoA.Search.Units;

namespace MoA.Search.Profiling;

/// <summary>
/// The profile step: the influence of every head's blocks at each length, averaged over the items that fit it, written
/// as <c>influence-N.safetensors</c>. It can be interrupted at any time and run again: what is finished is kept, in the
/// file itself or, while a length is under way, in <c>influence-N.partial.safetensors</c> beside it, and the result has
/// the same bytes. Work of another model or on other items is recognised (<see cref="WorkFingerprint"/>) and started
/// over.
/// </summary>
internal sealed class ProfileRun
{
    private readonly LoadedModel _model;
    private readonly ComputeBackend _backend;
    private readonly string _folder;
    private readonly long? _memoryLimit;
    private readonly Action<ProfileProgress>? _progress;
    private readonly Dictionary<int, int> _done = [];
    private readonly Dictionary<int, TimeSpan> _shared = [];

    /// <summary>Prepares to profile a model; nothing is done yet.</summary>
    /// <param name="model">The model; stays the caller's.</param>
    /// <param name="backend">The device; stays the caller's.</param>
    /// <param name="folder">Where the files go; made if it is not there.</param>
    /// <param name="progress">Told of every finished item, after it is stored.</param>
    /// <param name="memoryLimit">Bytes that profiling may take beside the weights: where what an item keeps for its backward
    /// pass does not fit, it goes to a temporary file in the folder. Null: half of the machine's memory, or what a device has free. Results are the
    /// same.</param>
    public ProfileRun(
        LoadedModel model, ComputeBackend backend, string folder, Action<ProfileProgress>? progress = null,
        long? memoryLimit = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        _model = model;
        _backend = backend;
        _folder = folder;
        _progress = progress;
        _memoryLimit = memoryLimit;
    }

    /// <summary>Tokens in a block by which influence is summed: one of <see cref="ElasticRule.Blocks"/>.</summary>
    public int Block { get; init; } = ElasticRule.BlockSize;

    /// <summary>The plan under which influence is taken, of what it hides as well; null: of the model as it is.</summary>
    public PlanPolicy? Plan { get; init; }

    /// <summary>The scorer, as plan files name it, in whose order influence is summed in place of the keys' positions; null: by positions.</summary>
    public string? Scorer { get; init; }

    /// <summary>Others who profile what the partial sums lack; null for none.</summary>
    public IUnitWorkers? Workers { get; init; }

    // Null: the model as it is.
    private AttentionPolicy? Policy => Scorer is null ? Plan : ContentOf(Scorer, _model.Config);

    /// <summary>A plan by content, of whatever spans, that goes by a scorer.</summary>
    /// <exception cref="InvalidInputException">There is no such scorer.</exception>
    internal static ContentPlanPolicy ContentOf(string scorer, ModelConfig config) => (ContentPlanPolicy)ContentPlanReader.Of(
        AttentionPlan.Uniform(config.Layers, config.KeyValueHeads, HeadKind.KeyValue, ElasticRule.Dense), scorer);

    /// <summary>Profiles, or goes on where an earlier run stopped.</summary>
    /// <param name="items">Tokenised items; at a length N those with more than N/2 and at most N tokens are
    /// used.</param>
    /// <param name="lengths">Lengths N in tokens, multiples of 64.</param>
    /// <param name="cancellation">Looked at between layers.</param>
    /// <exception cref="InvalidInputException">A length is not a multiple of 64 or no item fits it, an item does not
    /// fit the model, a value is not finite (the message names item and layer), the memory limit is too low, or a file
    /// cannot be written.</exception>
    /// <exception cref="OperationCanceledException">Cancellation was asked for; run again to go on.</exception>
    public ProfileReport Run(
        IReadOnlyList<ProfileItem> items, IReadOnlyList<int> lengths, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(lengths);
        foreach (int length in lengths)
            CheckLength(length);
        List<SkippedItem> skipped = [];
        ProfileItem[][] used = [.. lengths.Select(length => ItemsAt(length, items, skipped))];
        MakeFolder();
        if (Workers is not null)
            Share(Workers, used, lengths, cancellation);
        List<ProfileResult> results = [];
        for (int i = 0; i < lengths.Count; i++)
            results.Add(RunLength(used[i], lengths[i], cancellation));
        return new ProfileReport(results, skipped);
    }

    private void CheckLength(int length)
    {
        if (length < ElasticRule.BlockSize || length % ElasticRule.BlockSize != 0)
        {
            throw new InvalidInputException(
                $"profile length {length}: expected a multiple of {ElasticRule.BlockSize} tokens");
        }

        // The whole profile is one array, a layer's running sum another.
        ModelConfig config = _model.Config;
        long blocks = length / Block;
        long most = Array.MaxLength / ((long)config.QueryHeads * Math.Max(config.Layers, sizeof(double)));
        if (blocks * blocks > most)
        {
            throw new InvalidInputException(
                $"profile length {length}: expected at most {(long)Math.Sqrt(most) * Block / ElasticRule.BlockSize * ElasticRule.BlockSize} tokens for the "
                + $"{config.Layers} layers of {config.QueryHeads} heads of {_model.Name}");
        }
    }

    private static ProfileItem[] ItemsAt(int length, IReadOnlyList<ProfileItem> items, List<SkippedItem> skipped)
    {
        List<ProfileItem> used = [];
        foreach (ProfileItem item in items)
        {
            SkipReason? reason =
                item.Length > length ? SkipReason.TooLong
                : !CalibrationSummary.IsUsedAt(item.Length, length) ? SkipReason.TooShort
                : item.LossPositions.IsEmpty ? SkipReason.NoAnswer
                : null;
            if (reason is null)
                used.Add(item);
            else
                skipped.Add(new SkippedItem(length, item.Origin, item.Length, reason.Value));
        }

        return used.Count > 0
            ? [.. used]
            : throw new InvalidInputException(
                $"profile length {length}: none of {items.Count} items has more than {length / 2} and at most {length} "
                + "tokens and an answer; give such items or another length");
    }

    // Lets the workers profile what is missing at all lengths. Their results come in order and are added and stored one by one, as if this
    // run had made them. The longest items come first, so that at the end nobody waits long for the last.
    private void Share(IUnitWorkers workers, ProfileItem[][] used, IReadOnlyList<int> lengths, CancellationToken cancellation)
    {
        (UnfinishedLength Work, ProfileItem Item)[] missing =
        [
            .. from i in Enumerable.Range(0, lengths.Count)
               orderby lengths[i] descending
               let work = Open(used[i], lengths[i], out _)
               where work is not null
               from item in used[i].Skip(work.Sum.Items)
               select (work, item),
        ];
        Dictionary<int, int> longest = missing.GroupBy(entry => entry.Work.Sum.Length).ToDictionary(
            group => group.Key, group => group.First().Work.Items.Max(item => item.Length));
        long start = Stopwatch.GetTimestamp();
        workers.Run(
            [.. missing.Select(entry => InfluenceUnit.Of(entry.Item, longest[entry.Work.Sum.Length], Block, Policy, entry.Work.Sum.Length))],
            inOrder: true,
            (i, result) =>
            {
                (UnfinishedLength work, ProfileItem item) = missing[i];
                missing[i] = default; // lets go of a sum that is complete
                AddItem(work, item, InfluenceUnit.ReadResult(result, item, _model.Config, Block));
                if (work.Sum.Items == work.Items.Length)
                    _ = Complete(work);
                _shared[work.Sum.Length] = _shared.GetValueOrDefault(work.Sum.Length) + Stopwatch.GetElapsedTime(start);
                start = Stopwatch.GetTimestamp();
                return null;
            },
            cancellation);
    }

    private ProfileResult RunLength(ProfileItem[] items, int length, CancellationToken cancellation)
    {
        Stopwatch clock = Stopwatch.StartNew();
        UnfinishedLength? work = Open(items, length, out InfluenceProfile? profile);
        if (work is not null)
        {
            if (work.Sum.Items < items.Length)
                AddItems(work, cancellation);
            profile = Complete(work);
        }

        // Before the whole file was there the partial one was needed; now it is only clutter, as is what a run left that
        // was killed while it wrote.
        string path = InfluenceFile.PathFor(_folder, length), partialPath = PartialPathOf(path);
        File.Delete(partialPath);
        WholeFile.RemoveUnfinished(path);
        WholeFile.RemoveUnfinished(partialPath);
        TimeSpan time = clock.Elapsed + _shared.GetValueOrDefault(length);
        return new ProfileResult(length, profile!.Items, profile.MeanLoss, path, time.TotalSeconds);
    }

    private static string PartialPathOf(string path) => Path.ChangeExtension(path, "partial.safetensors");

    // A length with the sum of it so far, or null and the profile if all of it is there.
    private UnfinishedLength? Open(ProfileItem[] items, int length, out InfluenceProfile? finished)
    {
        string path = InfluenceFile.PathFor(_folder, length), fingerprint = WorkFingerprint.Of(_model, length, items, Block, Policy);
        finished = Finished(path, fingerprint);
        _done[length] = items.Length;
        if (finished is not null)
            return null;
        ProfileAccumulator sum = new(_model.Config.Layers, _model.Config.QueryHeads, length, Block);
        _ = sum.TryLoad(PartialPathOf(path), fingerprint);
        _done[length] = sum.Items;
        return new UnfinishedLength(items, sum, path, fingerprint);
    }

    private InfluenceProfile Complete(UnfinishedLength work)
    {
        InfluenceProfile profile = work.Sum.Mean(_model.Name) with
        {
            PlanDensity = Plan?.Density(_model.Config, work.Sum.Length),
            Scorer = Scorer,
        };
        InfluenceFile.Write(work.Path, profile, work.Fingerprint);
        return profile;
    }

    private void AddItems(UnfinishedLength work, CancellationToken cancellation)
    {
        int longest = work.Items.Max(item => item.Length);
        // On the device before anybody asks what is free there.
        using PlacedWeights weights = _model.Weights.Place(_backend, _model.Config, cancellation: cancellation);
        string? temporaryFolder = TemporaryFolder(longest, work.Sum.Length);
        using InfluenceProfiler profiler = new(_model, _backend, longest, temporaryFolder)
        {
            Block = Block,
            Spans = Plan?.Resolve(_model.Config, work.Sum.Length),
            Content = Policy as ContentPlanPolicy,
        };
        while (work.Sum.Items < work.Items.Length)
        {
            ProfileItem item = work.Items[work.Sum.Items];
            AddItem(work, item, profiler.Profile(item, cancellation));
        }
    }

    private void AddItem(UnfinishedLength work, ProfileItem item, ItemInfluence influence)
    {
        work.Sum.Add(influence);
        work.Sum.Save(PartialPathOf(work.Path), work.Fingerprint);
        _done[work.Sum.Length] = work.Sum.Items;
        _progress?.Invoke(new ProfileProgress(
            work.Sum.Length, work.Sum.Items, work.Items.Length, item.Length, influence.Loss, _done.Values.Sum()));
    }

    // Where what the forward pass keeps goes: null for memory.
    private string? TemporaryFolder(int longest, int length)
    {
        ProfilerMemory memory = ProfilerMemory.Of(_model, _backend, longest, length, Block, Policy as ContentPlanPolicy);
        return memory.Spills(_memoryLimit, _backend, longest, length) ? _folder : null;
    }

    private static InfluenceProfile? Finished(string path, string fingerprint)
    {
        if (!File.Exists(path))
            return null;
        try
        {
            InfluenceProfile profile = InfluenceFile.Read(path, out string? found);
            return found == fingerprint ? profile : null;
        }
        catch (InvalidInputException)
        {
            return null;
        }
    }

    private void MakeFolder()
    {
        try
        {
            _ = Directory.CreateDirectory(_folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw InputFile.Error(_folder, $"cannot be made: {e.Message}", e);
        }
    }

    private sealed record UnfinishedLength(ProfileItem[] Items, ProfileAccumulator Sum, string Path, string Fingerprint);
}
