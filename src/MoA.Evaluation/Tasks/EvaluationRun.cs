using System.Diagnostics;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Search;

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
    private readonly SequenceScorer _scorer;
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
        _progress = progress;
        _fingerprint = ModelFingerprint.Of(model);
        _writer = new AnswerGenerator(model, settings.CacheType);
        _scorer = new SequenceScorer(model.Transformer) { CacheType = settings.CacheType };
    }

    /// <summary>The folder of a set's results under a policy.</summary>
    public string FolderOf(EvaluationSet set, PolicyChoice choice) =>
        Path.Combine(_settings.Folder, EvaluationFolder.NameOf(Configure(set, choice)));

    /// <summary>Runs a set under a policy, or what is left of it.</summary>
    /// <exception cref="MoA.Engine.InvalidInputException">The folder holds results of other settings, or an item is longer than
    /// the model's context.</exception>
    public EvaluationMetrics Run(EvaluationSet set, PolicyChoice choice, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(set);
        ArgumentNullException.ThrowIfNull(choice);
        EvaluationConfiguration configuration = Configure(set, choice);
        foreach (EvaluationItem item in set.Items)
            _model.CheckLength(item.Length, item.Id);
        string folder = EvaluationFolder.Open(_settings.Folder, configuration);
        List<Prediction> predictions = [];
        using (PredictionFile file = PredictionFile.Open(folder))
        {
            foreach (EvaluationItem[] group in SequenceGroups.Of(set.Items, item => BytesOf(choice.Policy, item), GroupSize))
            {
                predictions.AddRange(RunGroup(configuration, choice.Policy, group, file, folder, cancellation));
                _done += group.Length;
                _progress?.Invoke(new StepProgress(
                    "evaluate", $"{set.Name} at {set.Length}, {choice.Policy.Name} {configuration.Density:P0}", _done,
                    Math.Max(_settings.Total, _done), _writer.Tokens + _scoredTokens));
            }

            file.Complete(predictions);
        }

        return EvaluationFolder.WriteMetrics(folder, configuration, predictions, _settings.Scorer);
    }

    private Prediction[] RunGroup(
        EvaluationConfiguration configuration, AttentionPolicy policy, EvaluationItem[] group, PredictionFile file, string folder,
        CancellationToken cancellation)
    {
        // What else is in the group is part of each key: it can change the last bits of a result.
        string together = ResultJournal.Hash(
            [configuration.ModelFingerprint, configuration.Kv, configuration.PolicyIdentity, configuration.Through ?? "", .. group.Select(Describe)]);
        string[] keys = [.. group.Select((item, i) => $"{together}-{i}")];
        Prediction?[] known = [.. keys.Select(key => file.TryGet(key, out Prediction? prediction) ? prediction : null)];
        if (known.All(prediction => prediction is not null))
            return [.. known.Select((prediction, i) => prediction! with { Reference = group[i].Reference })];

        long start = Stopwatch.GetTimestamp(), before = _writer.Tokens + _scoredTokens;
        Prediction[] fresh = group[0].IsScored is null
            ? Answer(policy, group, keys, cancellation)
            : [.. group.Select((item, i) => Score(policy, item, keys[i], cancellation))];
        EvaluationTiming timing = new(_writer.Tokens + _scoredTokens - before, Stopwatch.GetElapsedTime(start).TotalSeconds);
        file.Add(fresh); // waits for the disk, which is no time of the model's
        EvaluationFolder.AddTiming(folder, timing);
        return fresh;
    }

    private Prediction[] Answer(AttentionPolicy policy, EvaluationItem[] group, string[] keys, CancellationToken cancellation)
    {
        WrittenAnswer[] answers = _writer.Write(policy, group, cancellation);
        return [.. answers.Select((answer, i) => new Prediction
        {
            Id = group[i].Id,
            Key = keys[i],
            Text = answer.Text,
            PromptTokens = group[i].Prompt.Length,
            NewTokens = answer.NewTokens,
            KvBytes = answer.KvBytes,
            Reference = group[i].Reference,
        })];
    }

    private Prediction Score(AttentionPolicy policy, EvaluationItem item, string key, CancellationToken cancellation)
    {
        _scorer.Policy = policy;
        _scorer.DecodeFrom = _settings.ScoreThroughDecode ? Math.Max(1, Array.IndexOf(item.IsScored!, true)) : int.MaxValue;
        double[] scores = _scorer.Score(item.Prompt, item.IsScored, cancellation);
        _scoredTokens += item.Prompt.Length;
        return new Prediction
        {
            Id = item.Id,
            Key = key,
            PromptTokens = item.Prompt.Length,
            KvBytes = BytesOf(policy, item),
            Scored = scores.Length,
            LogProbability = scores.Sum(),
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
        Policy = choice.Policy.Name,
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
        return $"{string.Join(',', item.Prompt)}|{item.MaxNewTokens}|{string.Join(',', item.StopTokens)}|{marks}{least}";
    }
}
