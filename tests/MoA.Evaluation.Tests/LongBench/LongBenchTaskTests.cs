using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Tokenization;
using MoA.Evaluation.Data;
using MoA.Evaluation.LongBench;
using MoA.Evaluation.Tasks;
using MoA.Evaluation.Tests.Data;

namespace MoA.Evaluation.Tests.LongBench;

public sealed class LongBenchTaskTests(DemoModel demo) : IClassFixture<DemoModel>
{
    /// <summary>Numbers and metrics as LongBench's config and eval.py give them.</summary>
    [Fact]
    public void Settings_are_the_published_ones()
    {
        IReadOnlyList<LongBenchDataset> all = LongBenchTask.Select([], extended: false);
        Assert.Equal(21, all.Count);
        Assert.Equal(13, LongBenchTask.Select([], extended: true).Count);
        Assert.Equal(
            [("qasper", 128, "qa-f1"), ("hotpotqa", 32, "qa-f1"), ("gov_report", 512, "rouge-l"), ("trec", 64, "classification"), ("lcc", 64, "code-similarity")],
            LongBenchTask.Select(["qasper", "hotpotqa", "gov_report", "trec", "lcc"], true).Select(set => (set.Name, set.MaxNewTokens, set.Metric)));
        Assert.Equal(["lcc", "lsht", "repobench-p", "samsum", "trec", "triviaqa"], all.Where(set => !set.UsesChatTemplate).Select(set => set.Name).Order());
        Assert.Equal(["lsht", "samsum", "trec", "triviaqa"], all.Where(set => set.ScoresFirstLine).Select(set => set.Name).Order());
        Assert.All(all, set => Assert.Contains("{context}", set.Prompt, StringComparison.Ordinal));
        Assert.Equal("Please complete the code given below. \n{context}Next line of code:\n", all.Single(set => set.Name == "lcc").Prompt);
        Assert.Contains("expected narrativeqa, qasper", Assert.Throws<InvalidInputException>(() => LongBenchTask.Select(["squad"], false)).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidInputException>(() => LongBenchTask.Select(["narrativeqa"], extended: true));
    }

    [Fact]
    public void Prompts_are_filled_once_and_lose_their_middle()
    {
        Assert.Equal("a {input} b q", BenchmarkPrompt.Fill("a {context} b {input}", "{input}", "q"));
        int[] whole = Prompt(4000, "one two three four five six seven eight nine ten", chat: false);
        int[] cut = Prompt(16, "one two three four five six seven eight nine ten", chat: false);
        string text = demo.Model.RequireTokenizer().Decode(whole, skipSpecialTokens: true);
        Assert.Equal("Text: one two three four five six seven eight nine ten\nQ: why", text);
        string shorter = demo.Model.RequireTokenizer().Decode(cut, skipSpecialTokens: true);
        Assert.InRange(cut.Length, 14, 18); // cut ends may join to other tokens
        Assert.StartsWith("Text: one", shorter, StringComparison.Ordinal);
        Assert.EndsWith("Q: why", shorter, StringComparison.Ordinal);
        int[] chat = Prompt(4000, "one", chat: true);
        Assert.Equal(demo.Model.RequireConversations().EncodePrompt([new(ChatRole.User, "Text: one\nQ: why")]), chat);

        int[] Prompt(int most, string context, bool chat) =>
            new BenchmarkPrompt(demo.Model, most).Encode("Text: {context}\nQ: {input}", context, "why", chat);
    }

    [Fact]
    public void A_run_over_published_files_scores_by_ranges_of_length()
    {
        string data = demo.NewPath();
        _ = SampleFiles.Write(data, "trec_e.jsonl",
            SampleFiles.LongBench("Q: who?\nType:", "Q: where?\nType: Place", ["Person"], 3999, ["Person", "Place"]),
            SampleFiles.LongBench("Q: what?\nType:", "Q: where?\nType: Place", ["Place"], 4000, ["Person", "Place"]),
            SampleFiles.LongBench("Q: where?\nType:", "Q: where?\nType: Place", ["Place"], 8000, ["Person", "Place"]));
        LongBenchTask task = new(demo.Model, new DataSetFiles(data, "THUDM/LongBench"), extended: true, 1000);
        LongBenchDataset trec = LongBenchTask.Select(["trec"], true)[0];
        Assert.Equal("trec_e.jsonl", task.FileName(trec));
        EvaluationSet set = task.Read(trec);
        Assert.Equal(["0-4k", "4-8k", "8k+"], set.Items.Select(item => item.Reference.Group!));
        Assert.All(set.Items, item => Assert.Equal(64, item.MaxNewTokens));
        Assert.Equal(("longbench", "trec_e", 1000, "first-line:classification"), (set.Task, set.Dataset, set.Length, set.Metric));

        string folder = demo.NewPath();
        EvaluationMetrics metrics = new EvaluationRun(demo.Model, new EvaluationSettings { Folder = folder }).Run(set.Checked(new AnswerScorer()), PolicyChoice.Dense);
        Assert.Equal(["0-4k", "4-8k", "8k+"], metrics.ByGroup!.Keys);
        string results = Assert.Single(Directory.GetDirectories(folder));
        Assert.Equal("longbench-trec-e__1000__demo__dense__1", Path.GetFileName(results));

        // Stored predictions are scored again as they stand: a right, a wrong and a shared answer.
        string predictions = Path.Combine(results, "predictions.jsonl");
        string[] answers = ["Person\nPlace", "Person", "Place or Person"];
        File.WriteAllLines(predictions, File.ReadAllLines(predictions).Zip(answers, (line, answer) =>
        {
            using JsonDocument document = JsonDocument.Parse(line);
            string old = document.RootElement.GetProperty("pred").GetRawText();
            return line.Replace($"\"pred\":{old}", $"\"pred\":\"{JsonEncodedText.Encode(answer)}\"", StringComparison.Ordinal);
        }));
        EvaluationMetrics rescored = EvaluationFolder.Rescore(results, new AnswerScorer());
        Assert.Equal([1, 0, 0.5], rescored.Scores!);
        Assert.Equal([1, 0, 0.5], rescored.ByGroup!.Values.Select(group => group.Accuracy));
    }

    [Fact]
    public void References_that_cannot_be_scored_are_found_before_the_run()
    {
        string data = demo.NewPath();
        string file = SampleFiles.Write(data, "passage_retrieval_en.jsonl", SampleFiles.LongBench("a", "b", ["seven"]));
        LongBenchTask task = new(demo.Model, new DataSetFiles(data, "THUDM/LongBench"), extended: false, 1000);
        EvaluationSet set = task.Read(LongBenchTask.Select(["passage_retrieval_en"], false)[0]);
        Assert.StartsWith($"{file}:1: ", Assert.Throws<InvalidInputException>(() => set.Checked(new AnswerScorer())).Message, StringComparison.Ordinal);
    }
}
