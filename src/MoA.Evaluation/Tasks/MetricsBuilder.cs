namespace MoA.Evaluation.Tasks;

/// <summary>Turns predictions into metrics.</summary>
internal static class MetricsBuilder
{
    public static EvaluationMetrics Build(
        EvaluationConfiguration configuration, IReadOnlyList<Prediction> predictions, IReadOnlyList<EvaluationTiming> timings, AnswerScorer scorer)
    {
        long tokens = timings.Sum(timing => timing.Tokens);
        double seconds = timings.Sum(timing => timing.Seconds);
        EvaluationTiming[] parted = [.. timings.Where(timing => timing.PromptSeconds > 0)];
        EvaluationMetrics metrics = new()
        {
            Task = configuration.Task,
            Dataset = configuration.Dataset,
            Source = configuration.Source,
            Model = configuration.Model,
            Policy = configuration.Policy,
            PolicySetting = configuration.PolicySetting,
            Length = configuration.Length,
            Items = predictions.Count,
            Density = configuration.Density,
            KvBytes = (long)predictions.Average(prediction => (double)prediction.KvBytes),
            PeakKvBytes = predictions.All(prediction => prediction.PeakKvBytes > 0)
                ? (long)predictions.Average(prediction => (double)prediction.PeakKvBytes) : null,
            Tokens = tokens,
            Seconds = seconds,
            TokensPerSecond = seconds > 0 ? tokens / seconds : 0,
            PromptTokensPerSecond = Rate(parted.Sum(timing => timing.PromptTokens), parted.Sum(timing => timing.PromptSeconds)),
            AnswerTokensPerSecond = Rate(parted.Sum(timing => timing.Tokens - timing.PromptTokens), parted.Sum(timing => timing.AnswerSeconds)),
        };
        return configuration.Metric switch
        {
            AnswerScorer.None => metrics,
            AnswerScorer.CrossEntropy => WithCrossEntropy(metrics, predictions),
            _ => WithAccuracy(metrics, configuration, predictions, scorer),
        };
    }

    private static EvaluationMetrics WithCrossEntropy(EvaluationMetrics metrics, IReadOnlyList<Prediction> predictions)
    {
        long scored = predictions.Sum(prediction => (long)prediction.Scored);
        double mean = -predictions.Sum(prediction => prediction.LogProbability) / scored;
        return metrics with
        {
            MeanCrossEntropy = mean,
            Perplexity = Math.Min(Math.Exp(mean), double.MaxValue), // JSON has no infinity
            ScoredTokens = scored,
        };
    }

    private static EvaluationMetrics WithAccuracy(
        EvaluationMetrics metrics, EvaluationConfiguration configuration, IReadOnlyList<Prediction> predictions, AnswerScorer scorer)
    {
        double[] scores =
            [.. predictions.Select(prediction => scorer.Score(configuration.Metric, prediction.Text ?? "", prediction.Reference))];
        ScoreInterval interval = ScoreInterval.Of(scores);
        (ItemReference Reference, double Score)[] pairs = [.. predictions.Select(prediction => prediction.Reference).Zip(scores)];
        SortedDictionary<string, GroupScore> groups = new(StringComparer.Ordinal);
        var grouped = pairs.SelectMany(pair => pair.Reference.Group?.Split(',') ?? [], (pair, group) => (Group: group, pair.Score));
        foreach (var group in grouped.GroupBy(pair => pair.Group, pair => pair.Score))
            groups[group.Key] = new GroupScore(group.Count(), group.Average());
        return metrics with
        {
            Accuracy = interval.Mean,
            Low = interval.Low,
            High = interval.High,
            ByDepth = configuration.DepthBins > 0 ? Depths(configuration.DepthBins, pairs) : null,
            ByGroup = groups.Count > 0 ? groups : null,
            Scores = scores,
        };
    }

    private static double? Rate(long tokens, double seconds) => tokens > 0 && seconds > 0 ? tokens / seconds : null;

    private static double?[] Depths(int bins, (ItemReference Reference, double Score)[] pairs)
    {
        ILookup<int, double> byBin = pairs.Where(pair => pair.Reference.Depth is not null)
            .ToLookup(pair => Math.Min((int)(pair.Reference.Depth!.Value * bins), bins - 1), pair => pair.Score);
        return [.. Enumerable.Range(0, bins).Select(bin => byBin.Contains(bin) ? (double?)byBin[bin].Average() : null)];
    }
}
