using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Evaluation.Compression;
using MoA.Evaluation.Reports;
using MoA.Evaluation.Retrieval;
using MoA.Evaluation.Tasks;
using MoA.Search;
using MoA.Tests;

namespace MoA.Evaluation.Tests.Compression;

/// <summary>Runs whose units others compute, in any order, with failures and losses: the files are those of one machine.</summary>
public sealed class SharedRunTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private static readonly string[] Files =
    [
        CompressionRun.PlanFileName, "calibration.jsonl", "validation.jsonl", "influence-256.safetensors", "influence-320.safetensors", "plans/plan-000.json",
    ];

    [Fact]
    public void A_compression_has_the_same_files_whoever_computes_it()
    {
        string alone = demo.NewPath(), shared = demo.NewPath(), killed = demo.NewPath();
        CompressionReport expected = new CompressionRun(demo.Model, CompressionRunTests.Settings, alone, null).Run("1.0", "moa compress");

        ScatteredWorkers workers = new(demo.Model, 1);
        Dictionary<string, List<StepProgress>> told = [];
        CompressionReport report = new CompressionRun(demo.Model, CompressionRunTests.Settings, shared, step =>
        {
            Assert.InRange(step.Done, 1, step.Total);
            if (!told.TryGetValue(step.Step, out List<StepProgress>? steps))
                told[step.Step] = steps = [];
            steps.Add(step);
        })
        { Workers = workers }.Run("1.0", "moa compress");
        AssertSame(alone, shared, expected, report);
        Assert.InRange(workers.MostUnderWay, 2, 6);
        foreach ((string step, List<StepProgress> steps) in told)
        {
            int[] done = [.. steps.Select(progress => progress.Done)];
            Assert.True(done.SequenceEqual(done.Distinct().Order()), step); // never back
            Assert.Equal(steps[^1].Total, steps[^1].Done);
            Assert.Equal(step == "optimize", steps[^1].Tokens == 0);
        }

        // Who hands out the units is killed five times on the way; no result that was delivered is computed again.
        int computed = 0, deaths = 0;
        for (int attempt = 0; ; attempt++)
        {
            ScatteredWorkers others = new(demo.Model, 2 + attempt) { DiesAfter = attempt < 5 ? 3 : null, Falters = attempt % 2 == 1 };
            try
            {
                report = new CompressionRun(demo.Model, CompressionRunTests.Settings, killed, null) { Workers = others }.Run("1.0", "moa compress");
                computed += others.Computed;
                break;
            }
            catch (IOException)
            {
                deaths++;
                computed += others.Computed;
            }
        }

        Assert.Equal(5, deaths);
        Assert.InRange(computed, workers.Computed, workers.Computed + deaths * 6); // results that waited for one before them are lost
        AssertSame(alone, killed, expected, report);

        // With everything there nobody is asked for anything, and one machine goes on where a cluster stopped.
        ScatteredWorkers none = new(demo.Model, 9);
        _ = new CompressionRun(demo.Model, CompressionRunTests.Settings, alone, null) { Workers = none }.Run("1.0", "moa compress");
        Assert.Equal(0, none.Computed);
    }

    [Fact]
    public void Evaluations_have_the_same_files_whoever_computes_them()
    {
        (EvaluationSet, PolicyChoice)[] runs =
        [
            .. from set in new[] { Questions(13), Texts() }
               from setting in new[] { null, "h2o:density=0.5" }
               select (set, PolicyChoice.Read(setting, null, demo.Model.Config)),
        ];
        string alone = demo.NewPath(), shared = demo.NewPath();
        EvaluationRun one = new(demo.Model, new EvaluationSettings { Folder = alone, ScoreThroughDecode = true });
        EvaluationMetrics[] expected = [.. runs.Select(run => one.Run(run.Item1, run.Item2))];
        for (int attempt = 0; attempt < 2; attempt++)
        {
            ScatteredWorkers workers = new(demo.Model, 3) { DiesAfter = attempt == 0 ? 4 : null };
            int done = 0;
            EvaluationRun run = new(
                demo.Model, new EvaluationSettings { Folder = shared, ScoreThroughDecode = true, Workers = workers, Total = runs.Sum(run => run.Item1.Items.Count) },
                step => done = step.Done);
            if (attempt == 0)
            {
                _ = Assert.Throws<IOException>(() => run.Share(runs));
                continue;
            }

            run.Share(runs);
            Assert.Equal(runs.Sum(run => run.Item1.Items.Count), done);
            EvaluationMetrics[] actual = [.. runs.Select(entry => run.Run(entry.Item1, entry.Item2))];
            Assert.Equal(expected.Select(metrics => (metrics.Accuracy, metrics.Perplexity, metrics.Tokens)), actual.Select(metrics => (metrics.Accuracy, metrics.Perplexity, metrics.Tokens)));
        }

        string[] folders = [.. Directory.GetDirectories(alone).Select(folder => Path.GetFileName(folder)!).Order()];
        Assert.Equal(folders, Directory.GetDirectories(shared).Select(Path.GetFileName).Order());
        foreach (string folder in folders)
            Assert.Equal(File.ReadAllText(Path.Combine(alone, folder, "predictions.jsonl")), File.ReadAllText(Path.Combine(shared, folder, "predictions.jsonl")));
    }

    private EvaluationSet Questions(int items) =>
        RetrievalEvaluation.ItemsOf(demo.Model, RetrievalEvaluation.CreateSet(demo.Model, 256, items, 5), "test");

    private EvaluationSet Texts()
    {
        Random random = new(6);
        EvaluationItem[] items =
        [
            .. Enumerable.Range(0, 3).Select(i => new EvaluationItem(
                $"text/{i}", [.. Enumerable.Range(0, 200 + i).Select(_ => random.Next(demo.Model.Config.VocabularySize))], new ItemReference())
            {
                IsScored = [.. Enumerable.Range(0, 200 + i).Select(token => token > 190)],
            }),
        ];
        return new EvaluationSet("perplexity", 256, AnswerScorer.CrossEntropy, items) { Source = "test" };
    }

    private static void AssertSame(string expectedFolder, string folder, CompressionReport expected, CompressionReport actual)
    {
        foreach (string file in Files)
            Assert.True(File.ReadAllBytes(Path.Combine(expectedFolder, file)).SequenceEqual(File.ReadAllBytes(Path.Combine(folder, file))), file);
        Assert.Empty(Directory.GetFiles(folder, "*.partial.*"));
        Assert.Equal(Lines(expectedFolder), Lines(folder));
        Assert.Equal(expected.Validation, actual.Validation);
        Assert.Equal(expected.Retrieval.Select(row => (row.Policy, row.Correct, row.KvBytes)), actual.Retrieval.Select(row => (row.Policy, row.Correct, row.KvBytes)));

        static IEnumerable<string> Lines(string folder) =>
            File.ReadAllLines(Path.Combine(folder, ResultJournal.FileName)).Order(StringComparer.Ordinal);
    }
}
