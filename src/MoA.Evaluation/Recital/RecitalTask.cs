using System.Text;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Evaluation.Tasks;
using MoA.Search.Calibration;

namespace MoA.Evaluation.Recital;

/// <summary>
/// Long answers: behind a record of numbered lines, a conversation that names line after line goes on for most of the length. Each number is found by looking far back,
/// first into the prompt, later over what was written since. The text is given, and all of it but the record and the first question goes through decode steps; what
/// counts is how probable the numbers are.
/// </summary>
/// <param name="model">The model.</param>
internal sealed class RecitalTask(LanguageModel model)
{
    /// <summary>Texts of a length.</summary>
    /// <param name="length">Most tokens of a text.</param>
    /// <param name="items">Number of texts.</param>
    /// <param name="seed">The same seed gives the same texts.</param>
    /// <exception cref="InvalidInputException">The length is too short, or the model has no chat template.</exception>
    public EvaluationSet Generate(int length, int items, ulong seed)
    {
        QuestionEncoder questions = new(model);
        if (questions.IsPlainText)
            throw new InvalidInputException($"recital: {model.Name} has no chat template, so that its answers cannot be told from questions; --chat-template gives one");
        TokenCounter counter = CounterOf(questions);
        RecordDocument records = new(counter) { Questions = MostQuestions(counter, length) };
        return new EvaluationSet("recital", length, AnswerScorer.CrossEntropy, [.. Enumerable.Range(0, items).Select(i =>
            Item(records.Create(length, 0.5, CalibrationSplit.Evaluation, SeededRandom.Derive(seed, (ulong)length, (ulong)i)), $"{length}/{i}"))])
        {
            Source = $"generated, seed {seed}, {records.Questions} numbers",
        };
    }

    // What a template puts around each of many messages counts too.
    private TokenCounter CounterOf(QuestionEncoder questions)
    {
        const string Word = "a";
        ChatMessage[] turn = [new(ChatRole.User, Word), new(ChatRole.Assistant, Word)];
        ItemEncoder encoder = new(model);
        TokenCounter counter = questions.CreateCounter(0);
        int more = encoder.CountTokens(new MessagesItem([.. turn, .. turn])) - encoder.CountTokens(new MessagesItem(turn)) - 2 * counter.Count(Word);
        return counter with { TokensPerMessage = Math.Max(0, more) / 2 + 1 };
    }

    // As many as fit, each with the line that it asks for, but for a tenth: other names may have more tokens.
    private static int MostQuestions(TokenCounter counter, int length) => Math.Max(1, 9 * LargestFit.Find(1, length, length, questions =>
    {
        try
        {
            return new RecordDocument(counter) { Questions = questions }.Create(length, 0.5, CalibrationSplit.Evaluation, 0).Tokens;
        }
        catch (InvalidInputException)
        {
            return questions == 1 ? throw new InvalidInputException($"the length {length} is too short for a recital; choose a longer one") : int.MaxValue;
        }
    }) / 10);

    private EvaluationItem Item(GeneratedItem item, string id)
    {
        EncodedItem encoded = new ItemEncoder(model).Encode(item.Conversation);
        bool[] marks = new bool[encoded.Tokens.Length];
        string[] answers = [.. item.Conversation.Messages.Where(message => message.Role == ChatRole.Assistant).Select(message => message.Content)];
        foreach ((AnswerSpan span, string answer) in encoded.AnswerSpans().Zip(answers))
            MarkNumber(encoded.Tokens, span, answer[(answer.LastIndexOf('<') + 1)..answer.LastIndexOf('>')], marks);
        return new EvaluationItem(id, encoded.Tokens, new ItemReference()) { IsScored = marks };
    }

    // The tokens of an answer that hold a part of the number.
    private void MarkNumber(int[] tokens, AnswerSpan span, string number, bool[] marks)
    {
        Tokenizer tokenizer = model.RequireTokenizer();
        List<byte> text = [];
        List<int> owners = [];
        for (int i = span.Start; i < span.End; i++)
        {
            foreach (byte part in tokenizer.BytesOf(tokens[i]))
            {
                text.Add(part);
                owners.Add(i);
            }
        }

        int at = Encoding.Latin1.GetString([.. text]).LastIndexOf(number, StringComparison.Ordinal);
        for (int i = Math.Max(0, at); i < at + number.Length && at >= 0; i++)
            marks[owners[i]] = true;
    }
}
