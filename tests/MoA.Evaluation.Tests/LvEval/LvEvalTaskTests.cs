using MoA.Engine;
using MoA.Evaluation.Data;
using MoA.Evaluation.LvEval;
using MoA.Evaluation.Tasks;
using MoA.Evaluation.Tests.Data;

namespace MoA.Evaluation.Tests.LvEval;

public sealed class LvEvalTaskTests(DemoModel demo) : IClassFixture<DemoModel>
{
    /// <summary>Numbers and metrics as LV-Eval's config.py gives them.</summary>
    [Fact]
    public void Settings_are_the_published_ones()
    {
        IReadOnlyList<LvEvalDataset> all = LvEvalTask.Select([]);
        Assert.Equal(11, all.Count);
        Assert.All(all, set => Assert.Equal(set.Name.StartsWith("factrecall", StringComparison.Ordinal) ? 16 : 64, set.MaxNewTokens));
        Assert.Equal("rouge-l-zh-keywords", all.Single(set => set.Name == "dureader_mixup").Metric);
        Assert.Equal("qa-f1", all.Single(set => set.Name == "factrecall_en").Metric);
        Assert.Equal(5, all.Count(set => set.Metric == "keyword-f1"));
        Assert.Equal(["16k", "32k", "64k", "128k", "256k"], LvEvalData.Shared.Levels);
        Assert.Equal(["16k"], LvEvalTask.SelectLevels([]));
        Assert.Throws<InvalidInputException>(() => LvEvalTask.SelectLevels(["8k"]));
        Assert.Throws<InvalidInputException>(() => LvEvalTask.Select(["qasper"]));
    }

    [Fact]
    public void Files_are_read_with_their_key_words()
    {
        string data = demo.NewPath();
        _ = SampleFiles.Zip(data, "loogle_SD_mixup.zip", "loogle_SD_mixup/loogle_SD_mixup_32k.jsonl",
            SampleFiles.LvEval("Who?", "It was Ann.", "It was Ann.", "Ann"), SampleFiles.LvEval("Who?", "It was Bo.", "Bo", null));
        LvEvalTask task = new(demo.Model, new DataSetFiles(data, "Infinigence/LVEval"), 1000);
        LvEvalDataset dataset = LvEvalTask.Select(["loogle_SD_mixup"])[0];
        Assert.Equal("loogle_SD_mixup_16k.jsonl", LvEvalTask.FileName(dataset, "16k"));
        EvaluationSet set = task.Read(dataset, "32k");
        Assert.Equal(["Ann", null], set.Items.Select(item => item.Reference.Keywords));
        Assert.Equal("lveval-loogle_SD_mixup_32k", set.Name);
        Assert.Single(task.Read(dataset, "32k", mostItems: 1).Items);
    }
}
