using System.Globalization;
using MoA.Engine.Tokenization;

namespace MoA.Search.Calibration;

/// <summary>
/// LongEval's line retrieval (Li et al., How Long Can Open-Source LLMs Truly Promise on Context Length?, 2023) in the words
/// the demo model was trained with: a record of named lines with a number each, then a question about one line.
/// <code>
/// Below is a record of lines. Remember the REGISTER_CONTENT of each line.
/// line blunt-otter: REGISTER_CONTENT is &lt;40893&gt;
/// …
/// What is the &lt;REGISTER_CONTENT&gt; in line blunt-otter?
/// </code>
/// Names within a record are distinct; a record holds at most 25,600 lines.
/// </summary>
internal sealed class RecordDocument : DocumentGenerator
{
    private const string Header = "Below is a record of lines. Remember the REGISTER_CONTENT of each line.";

    /// <summary>Creates the generator.</summary>
    public RecordDocument(TokenCounter counter) : base(counter)
    {
    }

    /// <inheritdoc/>
    public override DocumentKind Kind => DocumentKind.Record;

    /// <summary>Questions about the record, each a user turn with its answer; the depth asked for is that of the last. Default 1.</summary>
    public int Questions { get; init; } = 1;

    /// <summary>The smallest number of a line. Default 10,000, as the demo model knows numbers of five digits only;
    /// LongEval draws from 1.</summary>
    public int LowestValue { get; init; } = 10_000;

    /// <summary>The largest number of a line. Default 50,000, as in LongEval.</summary>
    public int HighestValue { get; init; } = 50_000;

    /// <inheritdoc/>
    public override GeneratedItem Create(int targetTokens, double depth, CalibrationSplit split, ulong seed)
    {
        CheckDepth(depth);
        int questions = Math.Max(Questions, 1);
        LineSource lines = new(new SeededRandom(seed), LowestValue, HighestValue);
        Question[] asked = new Question[questions];
        for (int q = 0; q < questions - 1; q++)
            asked[q] = new Question(lines.Next(), lines.NextDepth());

        Line last = lines.Next(line => split.Owns(line.Answer));
        asked[^1] = new Question(last, depth);
        List<Line> others = [];
        return Fill(targetTokens, 0, KeyWords.Adjectives.Count * KeyWords.Nouns.Count - questions, count =>
        {
            while (others.Count < count)
                others.Add(lines.Next());

            return Item(Conversation(others.Take(count), count, asked), depth, last.Value);
        }).Item;
    }

    private static List<ChatMessage> Conversation(IEnumerable<Line> others, int otherCount, Question[] asked)
    {
        IEnumerable<string> record = Insertion.AtDepths(
            others.Select(line => line.Text), otherCount, [.. asked.Select(question => (question.Line.Text, question.Depth))]);
        List<ChatMessage> messages = [];
        string before = string.Join('\n', [Header, .. record, ""]);
        foreach (Question question in asked)
        {
            messages.Add(new ChatMessage(ChatRole.User, before + question.Line.Question));
            messages.Add(new ChatMessage(ChatRole.Assistant, question.Line.Answer));
            before = "";
        }

        return messages;
    }

    private readonly record struct Question(Line Line, double Depth);

    private readonly record struct Line(string Key, int Value)
    {
        public string Text => string.Create(CultureInfo.InvariantCulture, $"line {Key}: REGISTER_CONTENT is <{Value}>");

        public string Question => $"What is the <REGISTER_CONTENT> in line {Key}?";

        public string Answer => string.Create(CultureInfo.InvariantCulture, $"The <REGISTER_CONTENT> in line {Key} is <{Value}>.");
    }

    /// <summary>Draws lines whose keys have not been drawn before.</summary>
    private sealed class LineSource(SeededRandom random, int lowest, int highest)
    {
        private readonly HashSet<string> _keys = [];

        public double NextDepth() => random.NextDouble();

        public Line Next(Func<Line, bool>? accepts = null)
        {
            while (true)
            {
                Line line = new($"{random.Pick(KeyWords.Adjectives)}-{random.Pick(KeyWords.Nouns)}", lowest + random.Next(highest - lowest + 1));
                if (!_keys.Contains(line.Key) && (accepts is null || accepts(line)))
                {
                    _keys.Add(line.Key);
                    return line;
                }
            }
        }
    }
}
