using MoA.Evaluation.Comparison;
using MoA.Evaluation.Retrieval;
using MoA.Evaluation.Ruler;
using MoA.Evaluation.Tasks;

namespace MoA.Evaluation.Tests.Comparison;

public sealed class LeaderboardTests(DemoModel demo) : IClassFixture<DemoModel>
{
    [Fact]
    public void Means_are_over_tasks_and_lengths_and_only_of_what_ran_everywhere()
    {
        EvaluationMetrics[] rows =
        [
            Row("dense", "a", 512, 1), Row("dense", "b", 512, 0.8), Row("dense", "a", 1024, 0.6), Row("dense", "b", 1024, 0.4),
            Row("x", "a", 512, 0.9), Row("x", "b", 512, 0.5), Row("x", "a", 1024, 0.3), Row("x", "b", 1024, 0.1),
            Row("y", "a", 512, 1), Row("y", "b", 512, 1), Row("y", "a", 1024, 1),
        ];
        IReadOnlyList<Leaderboard> boards = Leaderboard.Of(rows);
        Assert.Equal([null, 512, 1024], boards.Select(board => board.Length));
        Leaderboard all = boards[0];
        Assert.Equal(["ruler a", "ruler b"], all.Tasks);
        Assert.Equal(["dense", "x", "y"], all.Entries.Select(entry => entry.PolicySetting)); // y has no mean
        Assert.Equal([0.7, 0.45, null], all.Entries.Select(entry => entry.Mean is double mean ? Math.Round(mean, 12) : (double?)null));
        Assert.Equal([0.6, 0.3], all.Entries[1].Tasks.Select(value => Math.Round(value!.Value, 12)));
        // Each interval is ±0.1: that of the mean of four is ±0.05.
        Assert.Equal((0.4, 0.5), (Math.Round(all.Entries[1].Low!.Value, 12), Math.Round(all.Entries[1].High!.Value, 12)));
        Assert.Equal(["dense", "y", "x"], boards[1].Entries.Select(entry => entry.PolicySetting));
    }

    /// <summary>Of two tasks at 0 [0, 0.3] and 1 [0.6, 1], the mean of 0.5 lies up to 0.4/2 too high and up to 0.3/2 too low; alone each keeps its own interval.</summary>
    [Fact]
    public void Intervals_of_means_are_as_lopsided_as_those_of_the_tasks()
    {
        EvaluationMetrics none = Row("x", "a", 512, 0) with { Low = 0, High = 0.3 }, all = Row("x", "b", 512, 1) with { Low = 0.6, High = 1 };
        Assert.Equal((0.3, 0.65), Interval(none, all));
        Assert.Equal((0, 0.3), Interval(none));
        Assert.Equal((0.6, 1), Interval(all));

        static (double Low, double High) Interval(params EvaluationMetrics[] rows)
        {
            LeaderboardEntry entry = Assert.Single(Assert.Single(Leaderboard.Of(rows)).Entries);
            return (Math.Round(entry.Low!.Value, 12), Math.Round(entry.High!.Value, 12));
        }
    }

    [Fact]
    public void Shares_and_speeds_are_of_dense_in_the_same_cell_and_questions_have_boards_of_their_own()
    {
        EvaluationMetrics[] rows =
        [
            Row("dense", "a", 512, 1), Row("dense", "a_hidden", 512, 1) with { KvBytes = 400 },
            Row("x", "a", 512, 1) with { KvBytes = 25, PeakKvBytes = 150, PromptTokensPerSecond = 50, AnswerTokensPerSecond = 200 },
            Row("x", "a_hidden", 512, 0.5) with { KvBytes = 100, PeakKvBytes = null },
        ];
        IReadOnlyList<Leaderboard> boards = Leaderboard.Of(rows);
        Assert.Equal([("shown", "ruler a"), ("hidden", "ruler a")], boards.Select(board => (board.Question, Assert.Single(board.Tasks))));
        LeaderboardEntry shown = boards[0].Entries[1], hidden = boards[1].Entries[1];
        Assert.Equal((0.25, 1.5, 0.5, 2.0), (shown.StoredShare, shown.PeakShare, shown.PromptSpeed, shown.AnswerSpeed));
        Assert.Equal((0.25, null), (hidden.StoredShare, hidden.PeakShare));
        LeaderboardEntry alone = Assert.Single(Assert.Single(Leaderboard.Of([rows[2]])).Entries);
        Assert.Equal((null, null), (alone.StoredShare, alone.PromptSpeed));
    }

    /// <summary>NVIDIA/RULER, README.md: 95.5 for Llama 3.1 8B at 4096.</summary>
    [Fact]
    public void Published_means_stand_beside_the_same_model_tasks_length_and_setting_alone()
    {
        EvaluationMetrics[] all = [.. RulerData.Shared.Tasks.Select(task => Row("dense", task.Name, 4096, 0.9) with { Model = "meta-llama/Llama-3.1-8B-Instruct" })];
        LeaderboardEntry published = Assert.Single(Assert.Single(Leaderboard.Of(all)).Entries, entry => entry.Source is not null);
        Assert.Equal(0.955, published.Mean!.Value, 12);
        Assert.DoesNotContain(Boards(all[1..]), entry => entry.Source is not null);
        Assert.DoesNotContain(Boards([.. all.Select(row => row with { Length = 4095 })]), entry => entry.Source is not null);
        Assert.DoesNotContain(Boards([.. all.Select(row => row with { Dataset = row.Dataset + "_hidden" })]), entry => entry.Source is not null);
        Assert.DoesNotContain(Boards([.. all.Select(row => row with { Model = "Llama-3.1-8B" })]), entry => entry.Source is not null);
        Assert.Contains(Boards([.. all.Select(row => row with { Source = "seed 1, PaulGrahamEssays.json" })]), entry => entry.Source is not null);
        Assert.DoesNotContain(Boards([.. all.Select(row => row with { Source = "seed 1, Shakespeare" })]), entry => entry.Source is not null);

        static IEnumerable<LeaderboardEntry> Boards(EvaluationMetrics[] rows) => Leaderboard.Of(rows).SelectMany(board => board.Entries);
    }

    /// <summary>A policy that chooses after the prompt holds all of it until then, one that reads twice a copy besides; spans never do.</summary>
    [Fact]
    public void Peaks_are_measured_where_memory_is_allocated()
    {
        string folder = demo.NewPath();
        EvaluationRun run = new(demo.Model, new EvaluationSettings { Folder = folder });
        EvaluationSet set = RetrievalEvaluation.ItemsOf(demo.Model, RetrievalEvaluation.CreateSet(demo.Model, 512, 2, 0), "t");
        EvaluationMetrics dense = run.Run(set, PolicyChoice.Dense), window = Run("streaming-llm:density=0.5"), votes = Run("snapkv:density=0.5"),
            twice = Run("kvzip:density=0.5");
        Assert.Equal(dense.KvBytes, dense.PeakKvBytes);
        Assert.Equal(window.KvBytes, window.PeakKvBytes);
        Assert.True(window.KvBytes < 0.6 * dense.KvBytes && votes.KvBytes < 0.6 * dense.KvBytes);
        Assert.InRange(votes.PeakKvBytes!.Value, 0.9 * dense.KvBytes, 1.2 * dense.KvBytes); // and the queries that vote
        Assert.InRange(twice.PeakKvBytes!.Value, 1.9 * dense.KvBytes, 3.2 * dense.KvBytes); // and what it is told to repeat
        Assert.All([dense, window, votes, twice], metrics => Assert.True(metrics is { PromptTokensPerSecond: > 0, AnswerTokensPerSecond: > 0 }));

        EvaluationMetrics Run(string policy) => run.Run(set, PolicyChoice.Read(policy, null, demo.Model.Config));
    }

    private static EvaluationMetrics Row(string policy, string dataset, int length, double accuracy) => new()
    {
        Task = "ruler",
        Dataset = dataset,
        Model = "m",
        Policy = policy,
        PolicySetting = policy,
        Length = length,
        Items = 100,
        Accuracy = accuracy,
        Low = accuracy - 0.1,
        High = accuracy + 0.1,
        Density = policy == "dense" ? 1 : 0.25,
        KvBytes = 100,
        PeakKvBytes = 100,
        PromptTokensPerSecond = 100,
        AnswerTokensPerSecond = 100,
    };
}
