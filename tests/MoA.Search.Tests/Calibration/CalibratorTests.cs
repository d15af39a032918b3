using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tokenization;
using MoA.Search.Calibration;
using MoA.Search.Tests.Profiling;
using MoA.Tests;

namespace MoA.Search.Tests.Calibration;

public sealed class CalibratorTests(DemoModel demo) : IClassFixture<DemoModel>, IDisposable
{
    private const int MaxAnswerTokens = 24;

    private readonly LanguageModel _model = demo.Model;
    private readonly TemporaryFolder _folder = new();
    private long _generated;

    [Fact]
    public void Generated_items_fit_their_lengths_and_hold_the_models_own_answers()
    {
        IReadOnlyList<EncodedItem> items = Create(Settings([128, 256], 3));
        Assert.Equal(6, items.Count);
        Assert.Equal(3, items.Count(item => CalibrationSummary.IsUsedAt(item.Length, 128)));
        Assert.Equal(3, items.Count(item => CalibrationSummary.IsUsedAt(item.Length, 256)));
        Assert.All(items, AssertOwnAnswer);
        Assert.Equal(items.Select(item => item.Tokens), Create(Settings([128, 256], 3)).Select(item => item.Tokens));
    }

    /// <summary>What a group of questions is answered is what each is answered alone.</summary>
    [Fact]
    public void Answers_do_not_depend_on_who_else_is_asked()
    {
        CalibrationSettings settings = Settings([200], 11); // a group of 8 and one of 3
        Assert.All(Create(settings), AssertOwnAnswer);
    }

    [Fact]
    public void Finished_answers_come_from_the_journal()
    {
        CalibrationSettings settings = Settings([200, 300], 5);
        string path = _folder.File("kept.jsonl");
        int[][] first = Tokens(Create(settings, path));
        Assert.True(_generated > 0);
        _generated = 0;
        Assert.Equal(first, Tokens(Create(settings, path)));
        Assert.Equal(0, _generated);
        _ = Create(settings with { Seed = 9 }, path); // other questions
        Assert.True(_generated > 0);
    }

    [Fact]
    public void An_interrupted_run_goes_on_with_the_same_answers()
    {
        CalibrationSettings settings = Settings([200, 300], 7);
        int[][] whole = Tokens(Create(settings));
        string path = _folder.File("cut.jsonl");
        using CancellationTokenSource source = new();
        using (ResultJournal journal = ResultJournal.Open(path))
        {
            AnswerWriter writer = new(_model, journal, "model", ElementType.BF16, _ => source.Cancel());
            _ = Assert.ThrowsAny<OperationCanceledException>(() => new Calibrator(_model, writer).Create(settings, source.Token));
        }

        _generated = 0;
        Assert.Equal(whole, Tokens(Create(settings, path)));
        Assert.InRange(_generated, 1, whole.Sum(tokens => tokens.Length) - 100); // the first group was kept
    }

    [Fact]
    public void Data_without_answers_is_answered_in_every_turn()
    {
        const string record = """line blunt-otter: REGISTER_CONTENT is <40893>\nline tidy-lake: REGISTER_CONTENT is <23743>\nline calm-river: REGISTER_CONTENT is <17265>""";
        string file = Write(
            $$$"""{"messages":[{"role":"user","content":"{{{record}}}\nWhat is the <REGISTER_CONTENT> in line blunt-otter?"}],"dataset":"one"}""",
            $$$"""{"messages":[{"role":"user","content":"{{{record}}}\nWhat is the <REGISTER_CONTENT> in line tidy-lake?"},{"role":"assistant","content":"x"},{"role":"user","content":"What is the <REGISTER_CONTENT> in line calm-river?"}]}""");
        IReadOnlyList<EncodedItem> items = Create(Settings([150], 2) with { DataFile = file });
        EncodedItem two = Assert.Single(items, item => item.AnswerSpans().Count == 2);
        string text = _model.RequireTokenizer().Decode(two.Tokens);
        Assert.Contains("line tidy-lake is <23743>.<|eos|>", text, StringComparison.Ordinal);
        Assert.EndsWith("line calm-river is <17265>.<|eos|>", text.TrimEnd(), StringComparison.Ordinal);
        Assert.DoesNotContain("x<|eos|>", text, StringComparison.Ordinal);
        EncodedItem one = Assert.Single(items, item => item != two);
        Assert.Equal("one", one.Item.Dataset);
        AssertOwnAnswer(one);

        // The second turn is asked once the first is answered, by whomever.
        using ResultJournal journal = ResultJournal.Open(_folder.File("shared.jsonl"));
        AnswerWriter writer = new(_model, journal, "model", ElementType.BF16, null) { Workers = new ScatteredWorkers(_model, 1) };
        Assert.Equal(Tokens(items), Tokens(new Calibrator(_model, writer).Create(Settings([150], 2) with { DataFile = file })));
    }

    [Fact]
    public void Kept_answers_are_those_of_the_data()
    {
        string words = string.Join(' ', Enumerable.Repeat("word", 40));
        string file = Write($$$"""{"messages":[{"role":"user","content":"{{{words}}}"},{"role":"assistant","content":"The end."}]}""");
        int tokens = _model.RequireConversations().Encode([new(ChatRole.User, words), new(ChatRole.Assistant, "The end.")]).Tokens.Length;
        // One token less than there are: exactly the length.
        EncodedItem item = Assert.Single(Create(Settings([tokens - 1], 4) with { DataFile = file, KeepAnswers = true }));
        Assert.Equal(tokens - 1, item.Length);
        AnswerSpan span = Assert.Single(item.AnswerSpans());
        Assert.Equal("The end.<|eos|>", _model.RequireTokenizer().Decode(item.Tokens.AsSpan(span.Start, span.End - span.Start)).Trim());
        Assert.Equal(0, _generated);

        string unanswered = Write("""{"messages":[{"role":"user","content":"a question"}]}""");
        InvalidInputException failure = Assert.Throws<InvalidInputException>(
            () => Create(Settings([128], 1) with { DataFile = unanswered, KeepAnswers = true }));
        Assert.StartsWith($"{unanswered}:1:", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tokens_and_texts_are_taken_as_they_are()
    {
        string numbers = string.Join(',', Enumerable.Range(0, 101));
        string text = string.Join(' ', Enumerable.Repeat("word", 45));
        int length = Math.Max(100, _model.RequireTokenizer().Encode(text, true, false).Length - 1);
        string file = Write($$"""{"tokens":[{{numbers}}],"answers":[[50,60],[99,101]]}""", $$"""{"text":"{{text}}"}""");
        IReadOnlyList<EncodedItem> items = Create(Settings([length], 2) with { DataFile = file });
        EncodedItem tokens = Assert.Single(items, item => item.Item is TokensItem);
        Assert.Equal(100, tokens.Length);
        Assert.Equal([new AnswerSpan(50, 60), new AnswerSpan(99, 101)], tokens.AnswerSpans());
        EncodedItem plain = Assert.Single(items, item => item.Item is TextItem);
        Assert.Equal(_model.RequireTokenizer().Encode(text, true, false), plain.Tokens);
        Assert.Equal([new AnswerSpan(1, plain.Tokens.Length)], plain.AnswerSpans());
        Assert.Equal(0, _generated);
    }

    [Fact]
    public void Repeated_and_overlong_items_are_left_out()
    {
        string Item(int seed, int count) => $$"""{"tokens":[{{string.Join(',', Enumerable.Range(0, count).Select(i => (i * seed) % 1000))}}],"answers":[[1,2]]}""";
        string labelled = Item(3, 90).Replace("]]}", "]],\"source\":\"another\"}", StringComparison.Ordinal);
        string file = Write(Item(3, 90), Item(3, 90), labelled, Item(7, 5000), Item(5, 90));
        IReadOnlyList<EncodedItem> items = Create(Settings([100], 5) with { DataFile = file });
        Assert.Equal(2, items.Count);
    }

    /// <summary>
    /// A text of n tokens gives pieces of 101 (a length of 100), as many as it is long, in order and complete; each begins as a text does. The
    /// model's own tokens, given as such, are cut alike.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Texts_longer_than_a_length_are_cut_into_pieces_of_it(bool asText)
    {
        string text = string.Join(' ', Enumerable.Range(0, 400));
        int[] whole = _model.RequireTokenizer().Encode(text, true, false);
        int start = whole.TakeWhile(_model.RequireTokenizer().IsSpecial).Count();
        string file = Write(asText ? $$"""{"text":"{{text}}","dataset":"numbers"}""" : $$"""{"tokens":[{{string.Join(',', whole)}}],"dataset":"numbers"}""");
        IReadOnlyList<EncodedItem> items = Create(Settings([100], 1000) with { DataFile = file });
        int pieces = (whole.Length - start) / (101 - start);
        Assert.InRange(items.Count, pieces, pieces + 1);
        Assert.All(items.Take(pieces), item => Assert.Equal(100, item.Length));
        Assert.All(items, item => Assert.Equal(whole[..start], item.Tokens[..start]));
        Assert.All(items, item => Assert.Equal("numbers", item.Item.Dataset));
        Assert.All(items, item => Assert.Equal([new AnswerSpan(1, item.Tokens.Length)], item.AnswerSpans()));
        int[] again = [.. items.SelectMany(item => item.Tokens[start..])];
        Assert.Equal(whole[start..(start + again.Length)], again);
        Assert.InRange(whole.Length - start - again.Length, 0, 51); // what is left is at most half a length
    }

    /// <summary>Twelve short conversations make up two lengths; two sets of one calibrator share none of them.</summary>
    [Fact]
    public void Short_conversations_are_packed_and_sets_share_none()
    {
        string file = Write([.. Enumerable.Range(0, 24).Select(i =>
            $$$"""{"messages":[{"role":"user","content":"line odd-{{{(char)('a' + i)}}}: REGISTER_CONTENT is <{{{10000 + 7 * i}}}>\nWhat is the <REGISTER_CONTENT> in line odd-{{{(char)('a' + i)}}}?"}]}""")]);
        using ResultJournal journal = ResultJournal.Open(_folder.File("packed.jsonl"));
        Calibrator calibrator = new(_model, new AnswerWriter(_model, journal, "model", ElementType.BF16, null));
        CalibrationSettings settings = Settings([256], 2) with { DataFile = file };
        IReadOnlyList<EncodedItem> calibration = calibrator.Create(settings);
        IReadOnlyList<EncodedItem> validation = calibrator.Create(settings with { Split = CalibrationSplit.Validation });
        Assert.Equal(2, calibration.Count);
        Assert.NotEmpty(validation);
        string[] lines = [.. calibration.Concat(validation).SelectMany(item => Lines(_model.RequireTokenizer().Decode(item.Tokens)))];
        Assert.Equal(lines.Length, lines.Distinct().Count());
        Assert.All(calibration, item => Assert.InRange(item.AnswerSpans().Count, 2, 24));
        Assert.All(calibration.Concat(validation), item => Assert.InRange(item.Length, 129, 256));
        InvalidInputException failure = Assert.Throws<InvalidInputException>(() =>
        {
            for (int i = 0; i < 10; i++)
                _ = calibrator.Create(settings);
        });
        Assert.StartsWith($"{file}: no item of 129 to 256 tokens is left", failure.Message, StringComparison.Ordinal);

        static IEnumerable<string> Lines(string text) =>
            text.Split('\n').Where(line => line.StartsWith("line ", StringComparison.Ordinal));
    }

    [Fact]
    public void Tokens_outside_the_vocabulary_are_refused_by_line()
    {
        string file = Write($$"""{"tokens":[{{string.Join(',', Enumerable.Range(1200, 100))}}]}""");
        InvalidInputException failure = Assert.Throws<InvalidInputException>(() => Create(Settings([100], 1) with { DataFile = file }));
        Assert.Contains($"{file}:1: token 1280 at position 80", failure.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static CalibrationSettings Settings(int[] lengths, int items) => new()
    {
        Lengths = lengths,
        ItemsPerLength = items,
        Split = CalibrationSplit.Calibration,
        MaxAnswerTokens = MaxAnswerTokens,
        Seed = 5,
    };

    private static int[][] Tokens(IEnumerable<EncodedItem> items) => [.. items.Select(item => item.Tokens)];

    private IReadOnlyList<EncodedItem> Create(CalibrationSettings settings, string? journalFile = null)
    {
        using ResultJournal journal = ResultJournal.Open(journalFile ?? _folder.File($"{Guid.NewGuid()}.jsonl"));
        AnswerWriter writer = new(_model, journal, "model", ElementType.BF16, step => _generated = step.Tokens);
        return new Calibrator(_model, writer).Create(settings);
    }

    private string Write(params string[] lines)
    {
        string file = _folder.File($"{Guid.NewGuid()}.jsonl");
        File.WriteAllLines(file, lines);
        return file;
    }

    // The marked tokens are what greedy decoding writes after those before them, up to the end of the turn.
    private void AssertOwnAnswer(EncodedItem item)
    {
        AnswerSpan span = Assert.Single(item.AnswerSpans());
        Assert.Equal(item.Tokens.Length, span.End);
        using SequenceCache sequence = _model.Transformer.CreateSequence(new DensePolicy(), span.Start + MaxAnswerTokens);
        GenerationResult result = new TextGenerator(_model).Run(
            sequence, item.Tokens.AsSpan(0, span.Start), new GenerationOptions { MaxNewTokens = MaxAnswerTokens });
        Assert.Equal(result.Tokens, item.Tokens[span.Start..]);
    }
}
