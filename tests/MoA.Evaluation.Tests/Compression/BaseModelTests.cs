using System.Globalization;
using MoA.Engine;
using MoA.Engine.Tokenization;
using MoA.Evaluation.Alpaca;
using MoA.Evaluation.Compression;
using MoA.Evaluation.Data;
using MoA.Evaluation.Needle;
using MoA.Evaluation.Perplexity;
using MoA.Evaluation.Reports;
using MoA.Evaluation.Retrieval;
using MoA.Evaluation.Tasks;
using MoA.Evaluation.Tests.Data;
using MoA.Search.Calibration;
using MoA.Search.Pipeline;

namespace MoA.Evaluation.Tests.Compression;

/// <summary>Everything that asks questions works on a model without chat template, in plain text.</summary>
public sealed class BaseModelTests(BaseModel model) : IClassFixture<BaseModel>
{
    private static readonly CompressionSettings Settings = CompressionRunTests.Settings;

    private Tokenizer Tokenizer => model.Model.RequireTokenizer();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Compression_ends_with_a_plan(bool withData)
    {
        string folder = model.NewPath();
        string text = string.Join(' ', Enumerable.Range(0, 3000));
        string? data = withData ? SampleFiles.Write(model.NewPath(), "texts.jsonl", $$"""{"text":"{{text}}"}""", """{"text":"short"}""") : null;
        CompressionRun run = new(model.Model, Settings with { DataFile = data }, folder, null);
        CompressionReport report = run.Run("1.0", "moa compress");
        Assert.True(File.Exists(Path.Combine(folder, CompressionRun.PlanFileName)));
        Assert.Equal(["dense", "moa", "uniform"], report.Retrieval.Select(row => row.Policy));
        Assert.Equal([3, 6], report.Calibration.Select(row => row.Items)); // items of 256 are more than half of 320
        Assert.DoesNotContain(report.Calibration, row => row.OwnAnswers);
        Assert.Equal(withData ? 1 : 0, run.Skipped.Sum(skipped => skipped.Tokens.Count));
        Assert.Equal(withData, report.Notes.Any(note => note.Contains("1 of 2 items", StringComparison.Ordinal)));
        Assert.All(
            CalibrationStep.Read(model.Model, Path.Combine(folder, CalibrationStep.CalibrationFile)),
            item => Assert.DoesNotContain(item.Tokens, Tokenizer.IsSpecial));
    }

    [Fact]
    public void Conversations_are_refused_before_anything_runs()
    {
        string folder = model.NewPath();
        string texts = SampleFiles.Write(model.NewPath(), "texts.jsonl", $$"""{"text":"{{string.Join(' ', Enumerable.Range(0, 3000))}}"}""");
        string chats = SampleFiles.Write(model.NewPath(), "chats.jsonl", """{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}""");
        foreach (CompressionSettings settings in new[] { Settings with { DataFile = chats }, Settings with { DataFile = texts, ValidationDataFile = chats } })
        {
            List<string> steps = [];
            InvalidInputException failure = Assert.Throws<InvalidInputException>(
                () => new CompressionRun(model.Model, settings, folder, step => steps.Add(step.Step)).Run("1", "moa compress"));
            Assert.StartsWith($"{chats}:1: the model has no chat template", failure.Message, StringComparison.Ordinal);
            Assert.Empty(steps);
        }
    }

    /// <summary>A generated document is its question's lines and its reference answer, of which the answer is marked.</summary>
    [Fact]
    public void Generated_documents_are_plain_text()
    {
        QuestionEncoder questions = new(model.Model);
        foreach (GeneratedItem document in CalibrationMix.Create(CalibrationSplit.Calibration, [300], 6, 1, questions.CreateCounter(0)))
        {
            EncodedItem item = new ItemEncoder(model.Model).Encode(questions.Document(document.Conversation));
            Assert.Equal(
                string.Join('\n', document.Conversation.Messages.Select(message => message.Content)), Tokenizer.Decode(item.Tokens, skipSpecialTokens: true));
            AnswerSpan span = Assert.Single(item.AnswerSpans());
            Assert.Equal(item.Tokens.Length, span.End);
            Assert.Equal(document.ExpectedAnswer, Tokenizer.Decode(item.Tokens.AsSpan(span.Start), skipSpecialTokens: true).TrimStart());
            Assert.InRange(item.Tokens.Length, 150, 300);
            Assert.Equal(document.Conversation.Dataset, item.Item.Dataset);
        }
    }

    /// <summary>The prompt ends within the answer, just before its number; the first line is judged, whatever follows.</summary>
    [Fact]
    public void Retrieval_goes_on_with_the_answer()
    {
        RetrievalSet set = RetrievalEvaluation.CreateSet(model.Model, 400, 4, 0);
        EvaluationSet items = RetrievalEvaluation.ItemsOf(model.Model, set, "test");
        Assert.Equal("first-line:last-number", items.Metric);
        foreach ((EvaluationItem item, RetrievalItem question) in items.Items.Zip(set.Items))
        {
            string number = question.Document.ExpectedValue!.Value.ToString(CultureInfo.InvariantCulture);
            string text = Tokenizer.Decode(item.Prompt, skipSpecialTokens: true);
            Assert.Equal($"{question.Prompt[0].Content}\n{question.Document.ExpectedAnswer[..^(number.Length + 2)]}", text);
            Assert.InRange(item.Length, 200, 400);
            Assert.Equal(new RetrievalVerdict(true, true), question.Judge(question.AnswerIn($"{number}>.\nline odd-one: REGISTER_CONTENT is <12345>")));
            Assert.Equal(new RetrievalVerdict(false, false), question.Judge(question.AnswerIn($"7>.\n{number}")));
        }
    }

    [Fact]
    public void Needles_published_files_and_perplexity_run_in_plain_text()
    {
        EvaluationSet needle = new NeedleTask(model.Model, new NeedleOptions { Depths = 2 }).Create(256, 0);
        Assert.All(needle.Items, item => Assert.EndsWith(
            "What is the secret passkey?\nThe secret passkey is", Tokenizer.Decode(item.Prompt, skipSpecialTokens: true), StringComparison.Ordinal));
        Assert.All(needle.Items, item => Assert.InRange(item.Length, 128, 256));
        NeedleOptions own = new() { Needle = "Tea is blue.", Question = "What is tea?", Answer = "blue", Depths = 1 };
        EvaluationSet ownNeedle = new NeedleTask(model.Model, own).Create(256, 0);
        Assert.Equal("first-line:contains", ownNeedle.Metric);
        Assert.EndsWith("What is tea?\n", Tokenizer.Decode(ownNeedle.Items[0].Prompt, skipSpecialTokens: true), StringComparison.Ordinal);

        string lines = SampleFiles.Write(model.NewPath(), "lines.jsonl", """{"question":"What?","value":12}""");
        EvaluationSet read = RetrievalFile.Read(model.Model, lines, [256], 1)[0];
        Assert.Equal("What?\n", Tokenizer.Decode(read.Items[0].Prompt, skipSpecialTokens: true));

        // LongBench's build_chat leaves the prompt of a model that it knows no template of as it is.
        int[] prompt = new BenchmarkPrompt(model.Model, 100).Encode("Text: {context}\nQ: {input}", "c", "q", usesChatTemplate: true);
        Assert.Equal("Text: c\nQ: q", Tokenizer.Decode(prompt, skipSpecialTokens: true));

        string alpaca = SampleFiles.Write(model.NewPath(), "alpaca_eval.json", """[{"instruction":"Say hi.","output":"Hi.","dataset":"d"}]""");
        EvaluationSet instructions = AlpacaTask.Read(model.Model, new DataSetFiles(Path.GetDirectoryName(alpaca), AlpacaTask.Repository), 4, null);
        EvaluationSet perplexity = new PerplexityTask(model.Model, false).Generate(256, 2, 0);
        EvaluationRun run = new(model.Model, new EvaluationSettings { Folder = model.NewPath() });
        foreach (EvaluationSet set in new[] { needle, read, instructions, perplexity })
            Assert.Equal(set.Items.Count, run.Run(set, PolicyChoice.Dense).Items);
    }
}
