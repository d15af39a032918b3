using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Kernels;
using MoA.Engine.Models.Loading;
using MoA.Engine.Tests.Kernels.Gradients;
using MoA.Engine.Tokenization;
using MoA.Search.Profiling;

namespace MoA.Search.Tests.Profiling;

/// <summary>Whole runs: which items count, means, and going on after an interruption.</summary>
public sealed class ProfileRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly LoadedModel _model = ProfilingFixture.Model("llama-gqa-llama3");
    private readonly ComputeBackend _backend = ComputeBackend.CreateCpu(2);

    public void Dispose()
    {
        _backend.Dispose();
        _model.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("llama-mha-n512")]
    [InlineData("llama-gqa-llama3-n512")]
    public void Influence_is_the_mean_over_the_items(string name)
    {
        ProfilingFixture fixture = ProfilingFixture.Load(name);
        using LoadedModel model = ProfilingFixture.Model(fixture.ModelName);
        ProfileReport report = new ProfileRun(model, _backend, _folder.Path).Run(fixture.Items, [512]);
        ProfileResult result = Assert.Single(report.Results);
        Assert.Empty(report.Skipped);
        Assert.Equal(fixture.Items.Length, result.Items);
        Assert.Equal(512, result.Length);
        InfluenceProfile profile = InfluenceFile.Read(result.Path);
        Assert.Equal(fixture.ModelName, profile.Model);
        Assert.Equal(512, profile.Length);
        Assert.Equal(fixture.Items.Length, profile.Items);
        Assert.Equal(result.MeanLoss, profile.MeanLoss);
        Assert.InRange(Math.Abs(profile.MeanLoss / fixture.Losses.Average() - 1), 0, 1e-5);
        Assert.Equal((model.Config.Layers, model.Config.QueryHeads), (profile.Layers, profile.QueryHeads));
        InfluenceBlocks.AssertClose(fixture.MeanBlockSums, profile.Values, 8);
    }

    [Fact]
    public void Items_of_more_than_half_the_length_are_used_and_the_others_reported()
    {
        ProfileItem[] items =
        [
            Item("a", 64), Item("b", 65), Item("c", 128), Item("d", 129), Item("e", 256), Item("f", 257),
            new([.. Enumerable.Range(0, 101)], [], "g"),
        ];
        List<ProfileProgress> progress = [];
        ProfileReport report = new ProfileRun(_model, _backend, _folder.Path, progress.Add).Run(items, [128, 256]);
        Assert.Equal(
            [
                new(128, "a", 64, SkipReason.TooShort), new(128, "d", 129, SkipReason.TooLong),
                new(128, "e", 256, SkipReason.TooLong), new(128, "f", 257, SkipReason.TooLong),
                new(128, "g", 100, SkipReason.NoAnswer),
                new(256, "a", 64, SkipReason.TooShort), new(256, "b", 65, SkipReason.TooShort),
                new(256, "c", 128, SkipReason.TooShort), new(256, "f", 257, SkipReason.TooLong),
                new(256, "g", 100, SkipReason.TooShort),
            ],
            report.Skipped);
        Assert.Equal([2, 2], report.Results.Select(result => result.Items));
        Assert.Equal(
            [(128, 1, 2, 65), (128, 2, 2, 128), (256, 1, 2, 129), (256, 2, 2, 256)],
            progress.Select(p => (p.Length, p.Item, p.Count, p.Tokens)));
        Assert.Equal([1, 2, 3, 4], progress.Select(p => p.Done));
        Assert.All(progress, p => Assert.True(p.Loss > 0));
    }

    /// <summary>
    /// Items shorter than the length leave the blocks beyond their end at zero, and the mean divides by all.
    /// </summary>
    [Fact]
    public void A_shorter_item_fills_the_upper_left_part()
    {
        ProfileItem[] items = [Item("short", 130), Item("long", 256)];
        using InfluenceProfiler profiler = new(_model, _backend, 256);
        ItemInfluence[] each = [.. items.Select(item => profiler.Profile(item))];
        Assert.Equal([3, 4], each.Select(item => item.Blocks));
        ProfileReport report = new ProfileRun(_model, _backend, _folder.Path).Run(items, [256]);
        InfluenceProfile profile = InfluenceFile.Read(report.Results[0].Path);
        for (int layer = 0; layer < profile.Layers; layer++)
        {
            for (int head = 0; head < profile.QueryHeads; head++)
            {
                for (int i = 0; i < 16; i++)
                {
                    double sum = each[1].Layers[layer][head * 16 + i];
                    if (i / 4 < 3 && i % 4 < 3)
                        sum += each[0].Layers[layer][(head * 3 + i / 4) * 3 + i % 4];
                    Assert.Equal((float)(sum / 2), profile.Head(layer, head)[i]);
                }
            }
        }
    }

    [Fact]
    public void A_run_interrupted_after_any_item_ends_with_the_same_bytes()
    {
        ProfileItem[] items = [.. Enumerable.Range(0, 4).Select(i => Item($"item {i}", 100 + 9 * i))];
        byte[] expected = File.ReadAllBytes(
            new ProfileRun(_model, _backend, _folder.File("whole")).Run(items, [128]).Results[0].Path);
        for (int stop = 1; stop <= items.Length; stop++)
        {
            string folder = _folder.File($"stopped-{stop}");
            using CancellationTokenSource source = new();
            ProfileRun interrupted = new(_model, _backend, folder, progress =>
            {
                if (progress.Item == stop)
                    source.Cancel();
            });
            if (stop < items.Length)
                _ = Assert.Throws<OperationCanceledException>(() => interrupted.Run(items, [128], source.Token));
            else
                _ = interrupted.Run(items, [128], source.Token);

            List<int> done = [];
            ProfileReport report = new ProfileRun(_model, _backend, folder, p => done.Add(p.Item)).Run(items, [128]);
            Assert.Equal(Enumerable.Range(stop + 1, items.Length - stop), done);
            Assert.Equal(items.Length, report.Results[0].Items);
            Assert.Equal(expected, File.ReadAllBytes(report.Results[0].Path));
            Assert.Equal([report.Results[0].Path], Directory.GetFiles(folder));
        }
    }

    [Fact]
    public void A_memory_limit_changes_where_things_are_kept_and_nothing_else()
    {
        ProfileItem[] items = [Item("a", 900), Item("b", 1000)];
        byte[] expected = File.ReadAllBytes(
            new ProfileRun(_model, _backend, _folder.File("memory")).Run(items, [1024]).Results[0].Path);
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        ProfilerMemory memory = ProfilerMemory.Of(_model, backend, 1000, 1024);
        long limit = memory.Working + memory.BlockSums;
        ProfileRun limited = new(_model, backend, _folder.File("disk"), memoryLimit: limit);
        Assert.Equal(expected, File.ReadAllBytes(limited.Run(items, [1024]).Results[0].Path));
        Assert.InRange(backend.Allocator.PeakBytes, 1, limit);
        Assert.Single(Directory.GetFiles(_folder.File("disk")));

        InvalidInputException refusal = Assert.Throws<InvalidInputException>(
            () => new ProfileRun(_model, backend, _folder.File("none"), memoryLimit: limit - 1).Run(items, [1024]));
        Assert.StartsWith("profile length 1024: a memory limit of ", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Finished_lengths_are_kept_when_a_later_one_is_interrupted()
    {
        ProfileItem[] items = [Item("a", 60), Item("b", 120)];
        using CancellationTokenSource source = new();
        ProfileRun interrupted = new(_model, _backend, _folder.Path, _ => source.Cancel());
        _ = Assert.Throws<OperationCanceledException>(() => interrupted.Run(items, [64, 128], source.Token));
        List<int> lengths = [];
        ProfileRun resumed = new(_model, _backend, _folder.Path, progress => lengths.Add(progress.Length));
        ProfileReport report = resumed.Run(items, [64, 128]);
        Assert.Equal([128], lengths);
        Assert.Equal([64, 128], report.Results.Select(result => result.Length));
        Assert.All(report.Results, result => Assert.Equal(1, result.Items));
    }

    [Fact]
    public void Work_of_another_model_or_on_other_items_starts_over()
    {
        ProfileItem[] items = [Item("a", 100), Item("b", 110), Item("c", 120)];
        Interrupt(items);
        ProfileItem[] others = [items[0], items[2], items[1]];
        Assert.Equal([1, 2, 3], ItemsDone(_model, others));
        // The finished file of other items counts as little.
        Assert.Equal([1, 2, 3], ItemsDone(_model, items));
        Assert.Empty(ItemsDone(_model, items));

        File.Delete(InfluenceFile.PathFor(_folder.Path, 128));
        Interrupt(items);
        using LoadedModel other = ProfilingFixture.Model("mistral");
        Assert.Equal([1, 2, 3], ItemsDone(other, items));
        Assert.Equal("mistral", InfluenceFile.Read(InfluenceFile.PathFor(_folder.Path, 128)).Model);
    }

    [Fact]
    public void Under_a_plan_it_is_other_work_and_the_file_says_so()
    {
        ProfileItem[] items = [Item("a", 200)];
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        string path = InfluenceFile.PathFor(_folder.Path, 256);
        PlanPolicy Plan(int rows) => new(AttentionPlan.Uniform(
            _model.Config.Layers, _model.Config.KeyValueHeads, HeadKind.KeyValue, new ElasticRule(rows, 0)));
        ProfileRun Run(PlanPolicy? plan) => new(_model, backend, _folder.Path) { Plan = plan };

        _ = Run(null).Run(items, [256]);
        InfluenceProfile dense = InfluenceFile.Read(path);
        Assert.Null(dense.PlanDensity);
        _ = Run(Plan(128)).Run(items, [256]);
        InfluenceProfile half = InfluenceFile.Read(path);
        Assert.Equal(0.5, half.PlanDensity);
        Assert.NotEqual(dense.MeanLoss, half.MeanLoss);
        _ = Run(Plan(192)).Run(items, [256]);
        Assert.Equal(0.75, InfluenceFile.Read(path).PlanDensity);
        _ = (new ProfileRun(_model, backend, _folder.Path) { Scorer = "keydiff" }).Run(items, [256]);
        Assert.Equal("keydiff", InfluenceFile.Read(path).Scorer);
        // A plan that keeps everything is the model as it is.
        _ = Run(Plan(256)).Run(items, [256]);
        InfluenceBlocks.AssertClose(dense.Values, InfluenceFile.Read(path).Values, dense.Blocks);
    }

    [Fact]
    public void The_same_items_with_other_answers_are_other_work()
    {
        ProfileItem item = Item("a", 100);
        Assert.Equal([1], ItemsDone(_model, [item]));
        Assert.Equal([1], ItemsDone(_model, [new ProfileItem(item.Tokens, [new AnswerSpan(3, 9)], "a")]));
    }

    [Fact]
    public void What_a_killed_run_left_half_written_goes()
    {
        ProfileItem[] items = [Item("a", 100), Item("b", 110)];
        Interrupt(items);
        File.WriteAllText(_folder.File($"influence-128.partial.safetensors.{Guid.NewGuid():N}.tmp"), "half");
        File.WriteAllText(_folder.File($"influence-128.safetensors.{Guid.NewGuid():N}.tmp"), "half");
        string users = _folder.File("influence-128.safetensors.before.tmp");
        File.WriteAllText(users, "the user's");
        Assert.Equal([2], ItemsDone(_model, items));
        Assert.Equal([InfluenceFile.PathFor(_folder.Path, 128), users], Directory.GetFiles(_folder.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_damaged_partial_file_starts_over()
    {
        ProfileItem[] items = [Item("a", 100), Item("b", 110)];
        Interrupt(items);
        string partial = Path.ChangeExtension(InfluenceFile.PathFor(_folder.Path, 128), "partial.safetensors");
        byte[] bytes = File.ReadAllBytes(partial);
        File.WriteAllBytes(partial, bytes[..(bytes.Length / 2)]);
        Assert.Equal([1, 2], ItemsDone(_model, items));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-64)]
    [InlineData(100)]
    [InlineData(65536)]
    [InlineData(64 * 20000)]
    public void Lengths_that_cannot_be_profiled_are_refused_before_any_work(int length)
    {
        InvalidInputException refusal = Assert.Throws<InvalidInputException>(
            () => new ProfileRun(_model, _backend, _folder.File("new")).Run([Item("a", 100)], [128, length]));
        Assert.StartsWith($"profile length {length}: ", refusal.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.File("new")));
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_refused()
    {
        File.WriteAllText(_folder.File("file"), "");
        _ = Assert.Throws<InvalidInputException>(
            () => new ProfileRun(_model, _backend, _folder.File("file")).Run([Item("a", 100)], [128]));
    }

    private static ProfileItem Item(string origin, int length)
    {
        Random random = new(length);
        int[] tokens = [.. Enumerable.Range(0, length + 1).Select(_ => random.Next(128))];
        return new ProfileItem(tokens, [new AnswerSpan(length - 9, length + 1)], origin);
    }

    private void Interrupt(ProfileItem[] items)
    {
        using CancellationTokenSource source = new();
        ProfileRun run = new(_model, _backend, _folder.Path, _ => source.Cancel());
        _ = Assert.Throws<OperationCanceledException>(() => run.Run(items, [128], source.Token));
    }

    private List<int> ItemsDone(LoadedModel model, ProfileItem[] items)
    {
        List<int> done = [];
        _ = new ProfileRun(model, _backend, _folder.Path, progress => done.Add(progress.Item)).Run(items, [128]);
        return done;
    }
}
