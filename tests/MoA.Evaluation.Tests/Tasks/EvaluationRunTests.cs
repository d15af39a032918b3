using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Evaluation.Needle;
using MoA.Evaluation.Retrieval;
using MoA.Evaluation.Tasks;
using MoA.Search;

namespace MoA.Evaluation.Tests.Tasks;

public sealed class EvaluationRunTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private static readonly PolicyChoice Quarter = new(new StreamingLlmPolicy(new ElasticRule(0, 0.5)), "streaming-llm:density=0.5", "half");

    [Fact]
    public void A_run_in_pieces_ends_with_the_same_files()
    {
        EvaluationSet set = Set(23, 0);
        string whole = demo.NewPath(), pieces = demo.NewPath();
        EvaluationMetrics metrics = new EvaluationRun(demo.Model, new EvaluationSettings { Folder = whole }).Run(set, Quarter);
        for (int group = 0; group < 3; group++)
        {
            using CancellationTokenSource stop = new();
            EvaluationRun piece = new(demo.Model, new EvaluationSettings { Folder = pieces }, _ => stop.Cancel());
            string folder = piece.FolderOf(set, Quarter);
            if (group < 2)
                Assert.Throws<OperationCanceledException>(() => piece.Run(set, Quarter, stop.Token));
            string predictions = Path.Combine(folder, "predictions.jsonl");
            if (group == 0) // as a crash leaves it: three of ten lines, and half of one
                File.WriteAllText(predictions, string.Concat(File.ReadAllLines(predictions).Take(3).Select(line => line + "\n")) + "{\"id\":\"5");
        }

        EvaluationMetrics again = new EvaluationRun(demo.Model, new EvaluationSettings { Folder = pieces }).Run(set, Quarter);
        Assert.Equal(metrics.Scores, again.Scores);
        Assert.Equal(metrics.ByDepth, again.ByDepth);
        Assert.Equal(metrics.KvBytes, again.KvBytes);
        string[] names = [Path.GetFileName(Assert.Single(Directory.GetDirectories(whole))), Path.GetFileName(Assert.Single(Directory.GetDirectories(pieces)))];
        Assert.Equal("retrieval__256__demo__streaming-llm-density-0.5__0.5", names[0]);
        Assert.Equal(names[0], names[1]);
        foreach (string file in new[] { "configuration.json", "predictions.jsonl" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(whole, names[0], file)), File.ReadAllBytes(Path.Combine(pieces, names[0], file)));

        long tokens = 0;
        _ = new EvaluationRun(demo.Model, new EvaluationSettings { Folder = whole }, step => tokens = step.Tokens).Run(set, Quarter);
        Assert.Equal(0, tokens);
    }

    [Fact]
    public void Answers_and_accuracy_are_those_of_the_other_harness()
    {
        MoA.Search.Calibration.RetrievalSet questions = RetrievalEvaluation.CreateSet(demo.Model, 256, 20, 4);
        string folder = demo.NewPath();
        EvaluationMetrics metrics = new EvaluationRun(demo.Model, new EvaluationSettings { Folder = folder })
            .Run(RetrievalEvaluation.ItemsOf(demo.Model, questions, "test"), Quarter);
        using ResultJournal journal = ResultJournal.Open(demo.NewPath());
        RetrievalScore score = new RetrievalEvaluation(demo.Model, journal, "m", ElementType.BF16, null).Run(Quarter.Policy, questions);
        Assert.Equal(score.Accuracy, metrics.Accuracy!.Value, 12);
        Assert.Equal(score.ByDepth, metrics.ByDepth!);
        Assert.Equal((score.KvBytes, score.Density), (metrics.KvBytes, metrics.Density));
        Assert.Equal((score.Interval.Low, score.Interval.High), (metrics.Low, metrics.High));

        string results = Assert.Single(EvaluationFolder.FindAll(folder, finishedOnly: true));
        File.Delete(Path.Combine(results, "metrics.json"));
        Assert.Empty(EvaluationFolder.FindAll(folder, finishedOnly: true));
        EvaluationMetrics rescored = EvaluationFolder.Rescore(results, new AnswerScorer());
        Assert.Equal(metrics.Scores, rescored.Scores);
        Assert.Equal(rescored.Accuracy, EvaluationFolder.ReadMetrics(results).Accuracy);
    }

    [Fact]
    public void A_folder_holds_the_results_of_one_run_only()
    {
        string folder = demo.NewPath();
        EvaluationRun run = new(demo.Model, new EvaluationSettings { Folder = folder });
        _ = run.Run(Set(3, 0), PolicyChoice.Dense);
        Assert.Equal(2, run.Run(Set(2, 0), PolicyChoice.Dense).Items);
        string message = Assert.Throws<InvalidInputException>(() => run.Run(Set(3, 1), PolicyChoice.Dense)).Message;
        Assert.Contains("source: seed 0; here: seed 1", message, StringComparison.Ordinal);

        string results = Assert.Single(Directory.GetDirectories(folder));
        foreach (string file in new[] { "configuration.json", "metrics.json", "predictions.jsonl" })
        {
            string path = Path.Combine(results, file);
            byte[] content = File.ReadAllBytes(path);
            foreach (string damage in new[] { "", "null\n", "{\"id\":\n", "{}\n", "[]\n", "{\"id\":\"\\ud800\"}\n" })
            {
                File.WriteAllText(path, damage);
                string said = Assert.Throws<InvalidInputException>(() =>
                {
                    _ = EvaluationFolder.ReadMetrics(results);
                    _ = EvaluationFolder.Rescore(results, new AnswerScorer());
                }).Message;
                Assert.Contains(path, said, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', said);
            }

            File.WriteAllBytes(path, content);
        }
    }

    [Fact]
    public void An_item_beyond_the_context_is_refused_before_anything_runs()
    {
        EvaluationSet set = new("retrieval", 256, "last-number", [new EvaluationItem("far", new int[5000], new ItemReference()) { MaxNewTokens = 1 }]);
        string folder = demo.NewPath();
        Assert.Contains("far: 5001 tokens", Assert.Throws<InvalidInputException>(
            () => new EvaluationRun(demo.Model, new EvaluationSettings { Folder = folder }).Run(set, PolicyChoice.Dense)).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public void Answers_written_by_decode_steps_are_as_probable_through_prefill()
    {
        EvaluationSet[] sets = [Set(3, 0), new NeedleTask(demo.Model, new NeedleOptions { Depths = 3 }).Create(256, 0)];
        foreach (EvaluationItem item in sets.SelectMany(set => set.Items))
        {
            using SequenceCache cache = demo.Model.Transformer.CreateSequence(new DensePolicy(), item.Length, ElementType.F32);
            int[] answer = new TextGenerator(demo.Model).Run(cache, item.Prompt, new GenerationOptions { MaxNewTokens = item.MaxNewTokens }).Tokens;
            int[] tokens = [.. item.Prompt, .. answer];
            bool[] scored = [.. tokens.Select((_, i) => i >= item.Prompt.Length)];
            SequenceScorer scorer = new(demo.Model.Transformer) { CacheType = ElementType.F32 };
            double[] prefill = scorer.Score(tokens, scored);
            scorer.DecodeFrom = item.Prompt.Length;
            double[] decode = scorer.Score(tokens, scored);
            Assert.Equal(answer.Length, prefill.Length);
            Assert.All(prefill.Zip(decode), pair => Assert.Equal(pair.First, pair.Second, 3));
            Assert.All(prefill, value => Assert.True(value > -Math.Log(demo.Model.Config.VocabularySize))); // greedy: above the mean
        }
    }

    private EvaluationSet Set(int items, ulong seed) => RetrievalEvaluation.ItemsOf(
        demo.Model, RetrievalEvaluation.CreateSet(demo.Model, 256, items, seed), $"seed {seed}");
}
