using System.Diagnostics;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Search;
using MoA.Search.Units;

namespace MoA.Evaluation.Tasks;

/// <summary>
/// Runs sets of items under policies and keeps everything in result folders. Items are answered in groups whose make-up
/// depends on the items alone; a group that a crash cut short is answered again, so that a run of any number of pieces ends
/// with the same predictions.
/// </summary>
internal sealed class EvaluationRun
{
    internal const int GroupSize = 10;

    private readonly LanguageModel _model;
    private readonly EvaluationSettings _settings;
    private readonly Action<StepProgress>? _progress;
    private readonly AnswerGenerator _writer;
    private readonly string _fingerprint;
    private long _scoredTokens;
    private int _done;

    /// <summary>A run of a model.</summary>
    /// <param name="model">The model; stays the caller's.</param>
    /// <param name="settings">How to run.</param>
    /// <param name="progress">Told after every group.</param>
    public EvaluationRun(LanguageModel model, EvaluationSettings settings, Action<StepProgress>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(settings);
        _model = model;
        _settings = settings;
        _progress = settings.Workers is null ? progress : StepProgress.Rising(progress);
        _fingerprint = ModelFingerprint.Of(model);
        _writer = new AnswerGenerator(model, settings.CacheType);
    }

    /// <summary>The folder of a set's results under a policy.</summary>
    public string FolderOf(EvaluationSet set, PolicyChoice choice) =>
        Path.Combine(_settings.Folder, EvaluationFolder.NameOf(Configure(set, choice)));

    /// <summary>Lets the workers of the settings, if there are any, compute what the folders lack; <see cref="Run"/> then finds it there.</summary>
    /// <param name="runs">Sets and policies.</param>
    /// <param name="cancellation">Ends the work; what was finished is in the folders.</param>
    /// <exception cref="MoA.Engine.InvalidInputException">A folder holds results of other settings, or an item is longer than the model's context.</exception>
    public void Share(IReadOnlyList<(EvaluationSet Set, PolicyChoice Choice)> runs, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(runs);
        if (_settings.Workers is not IUnitWorkers workers)
            return;
        Dictionary<string, PredictionFile> files = [];
        try
        {
            List<SharedPiece> missing = [];
            int done = 0;
            foreach ((EvaluationSet set, PolicyChoice choice) in runs)
            {
                EvaluationConfiguration configuration = Configure(set, choice);
                string folder = Open(set, configuration);
                if (!files.TryGetValue(folder, out PredictionFile? file))
                    files[folder] = file = PredictionFile.Open(folder);
                SharedPiece[] pieces = [.. GroupsOf(set, choice.Policy).SelectMany(group => PiecesOf(configuration, choice.Policy, group, folder))];
                SharedPiece[] lacking = [.. pieces.Where(piece => piece.Keys.Any(key => !file.TryGet(key, out _)))];
                done += set.Items.Count - lacking.Sum(piece => piece.Items.Length);
                missing.AddRange(lacking);
            }

            long start = Stopwatch.GetTimestamp();
            workers.Run([.. missing.Select(UnitOf)], inOrder: false, (i, result) =>
            {
                SharedPiece piece = missing[i];
                long before = _writer.Tokens + _scoredTokens;
                files[piece.Folder].Add(Read(piece, result));
                EvaluationFolder.AddTiming(
                    piece.Folder, new EvaluationTiming(_writer.Tokens + _scoredTokens - before, Stopwatch.GetElapsedTime(start).TotalSeconds));
                start = Stopwatch.GetTimestamp();
                done += piece.Items.Length;
                Tell(piece.Configuration, piece.Policy, done);
                return null;
            }, cancellation);
        }
        finally
        {
            foreach (PredictionFile file in files.Values)
                file.Dispose();
        }
    }

    /// <summary>Runs a set under a policy, or what is left of it.</summary>
    /// <exception cref="MoA.Engine.InvalidInputException">The folder holds results of other settings, or an item is longer than
    /// the model's context.</exception>
    public EvaluationMetrics Run(EvaluationSet set, PolicyChoice choice, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(set);
        ArgumentNullException.ThrowIfNull(choice);
        EvaluationConfiguration configuration = Configure(set, choice);
        string folder = Open(set, configuration);
        List<Prediction> predictions = [];
        using (PredictionFile file = PredictionFile.Open(folder))
        {
            foreach (EvaluationItem[] group in GroupsOf(set, choice.Policy))
            {
                predictions.AddRange(RunGroup(configuration, choice.Policy, group, file, folder, cancellation));
                _done += group.Length;
                Tell(configuration, choice.Policy, _done);
            }

            file.Complete(predictions);
        }

        return EvaluationFolder.WriteMetrics(folder, configuration, predictions, _settings.Scorer);
    }

    private string Open(EvaluationSet set, EvaluationConfiguration configuration)
    {
        foreach (EvaluationItem item in set.Items)
            _model.CheckLength(item.Length, item.Id);
        return EvaluationFolder.Open(_settings.Folder, configuration);
    }

    private IEnumerable<EvaluationItem[]> GroupsOf(EvaluationSet set, AttentionPolicy policy) =>
        SequenceGroups.Of(set.Items, item => BytesOf(policy, item), GroupSize);

    private void Tell(EvaluationConfiguration configuration, AttentionPolicy policy, int done)
    {
        string set = configuration.Dataset is null ? configuration.Task : $"{configuration.Task}-{configuration.Dataset}";
        _progress?.Invoke(new StepProgress(
            "evaluate", $"{set} at {configuration.Length}, {policy.Name} {configuration.Density:P0}", done, Math.Max(_settings.Total, done),
            _writer.Tokens + _scoredTokens));
    }

    private Prediction[] RunGroup(
        EvaluationConfiguration configuration, AttentionPolicy policy, EvaluationItem[] group, PredictionFile file, string folder,
        CancellationToken cancellation)
    {
        string[] keys = KeysOf(configuration, group);
        Prediction?[] known = [.. keys.Select(key => file.TryGet(key, out Prediction? prediction) ? prediction : null)];
        if (known.All(prediction => prediction is not null))
            return [.. known.Select((prediction, i) => prediction! with { Reference = group[i].Reference })];

        long start = Stopwatch.GetTimestamp(), before = _writer.Tokens + _scoredTokens;
        Prediction[] fresh = group[0].IsScored is null
            ? Answered(group, keys, _writer.Write(policy, group, cancellation))
            : [.. group.Select((item, i) => Scored(item, keys[i], ScoresUnit.Compute(
                _model, policy, _settings.CacheType, item.Prompt, item.IsScored!, DecodeFrom(item), cancellation)))];
        EvaluationTiming parts = group[0].IsScored is null ? _writer.Timing : new EvaluationTiming(0, 0);
        EvaluationTiming timing = parts with { Tokens = _writer.Tokens + _scoredTokens - before, Seconds = Stopwatch.GetElapsedTime(start).TotalSeconds };
        file.Add(fresh); // waits for the disk, which is no time of the model's
        EvaluationFolder.AddTiming(folder, timing);
        return fresh;
    }

    // What else is in the group is part of each key: it can change the last bits of a result.
    private static string[] KeysOf(EvaluationConfiguration configuration, EvaluationItem[] group)
    {
        string together = ResultJournal.Hash(
            [configuration.ModelFingerprint, configuration.Kv, configuration.PolicyIdentity, configuration.Through ?? "", .. group.Select(Describe)]);
        return [.. group.Select((_, i) => $"{together}-{i}")];
    }

    // A group of questions is one piece; texts are scored one by one.
    private static IEnumerable<SharedPiece> PiecesOf(EvaluationConfiguration configuration, AttentionPolicy policy, EvaluationItem[] group, string folder)
    {
        string[] keys = KeysOf(configuration, group);
        return group[0].IsScored is null
            ? [new SharedPiece(configuration, folder, policy, group, keys)]
            : group.Select((item, i) => new SharedPiece(configuration, folder, policy, [item], [keys[i]]));
    }

    private WorkUnit UnitOf(SharedPiece piece) => piece.Items is [{ IsScored: bool[] marks } item]
        ? ScoresUnit.Of(piece.Policy, _settings.CacheType, item.Prompt, marks, item.Id, DecodeFrom(item))
        : _writer.UnitOf(piece.Policy, piece.Items);

    private Prediction[] Read(SharedPiece piece, ReadOnlyMemory<byte> result) => piece.Items is [{ IsScored: bool[] marks } item]
        ? [Scored(item, piece.Keys[0], ScoresUnit.ReadResult(result, marks.Count(scored => scored)))]
        : Answered(piece.Items, piece.Keys, _writer.Read(result, piece.Items.Length));

    private static Prediction[] Answered(EvaluationItem[] group, string[] keys, WrittenAnswer[] answers) =>
    [
        .. answers.Select((answer, i) => new Prediction
        {
            Id = group[i].Id,
            Key = keys[i],
            Text = answer.Text,
            PromptTokens = group[i].Prompt.Length,
            NewTokens = answer.NewTokens,
            KvBytes = answer.KvBytes,
            PeakKvBytes = answer.PeakKvBytes,
            Reference = group[i].Reference,
        }),
    ];

    private int DecodeFrom(EvaluationItem item) =>
        _settings.ScoreThroughDecode ? Math.Max(1, Array.IndexOf(item.IsScored!, true)) : int.MaxValue;

    private Prediction Scored(EvaluationItem item, string key, ScoredText scored)
    {
        _scoredTokens += item.Prompt.Length;
        return new Prediction
        {
            Id = item.Id,
            Key = key,
            PromptTokens = item.Prompt.Length,
            KvBytes = scored.KvBytes,
            Scored = scored.Scores.Length,
            LogProbability = scored.Scores.Sum(),
            Reference = item.Reference,
        };
    }

    private EvaluationConfiguration Configure(EvaluationSet set, PolicyChoice choice) => new()
    {
        Task = set.Task,
        Dataset = set.Dataset,
        Length = set.Length,
        Metric = set.Metric,
        DepthBins = set.DepthBins,
        Source = set.Source,
        Items = set.Items.Count,
        Model = _model.Name,
        ModelFingerprint = _fingerprint,
        Policy = choice.Policy.FullName,
        PolicySetting = choice.Setting,
        PolicyLabel = choice.Label,
        PolicyIdentity = choice.Identity,
        Density = choice.Policy.Density(_model.Config, set.Length),
        Kv = _settings.CacheType.Name(),
        Through = set.Items.Any(item => item.IsScored is not null) ? (_settings.ScoreThroughDecode ? "decode" : "prefill") : null,
    };

    private long BytesOf(AttentionPolicy policy, EvaluationItem item) =>
        SequenceCache.EstimateBytes(_model.Config, policy, item.Length, _settings.CacheType);

    private static string Describe(EvaluationItem item)
    {
        string marks = item.IsScored is null ? "" : string.Concat(item.IsScored.Select(scored => scored ? '1' : '0'));
        string least = item.MinNewTokens == 0 ? "" : $"|{item.MinNewTokens}";
        string hidden = item.HidesQuestion ? $"|question after {item.QuestionStart}" : "";
        return $"{string.Join(',', item.Prompt)}|{item.MaxNewTokens}|{string.Join(',', item.StopTokens)}|{marks}{least}{hidden}";
    }

    private sealed record SharedPiece(
        EvaluationConfiguration Configuration, string Folder, AttentionPolicy Policy, EvaluationItem[] Items, string[] Keys);
}
