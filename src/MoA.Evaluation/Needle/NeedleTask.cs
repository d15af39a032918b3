using System.Globalization;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Evaluation.Tasks;
using MoA.Search.Calibration;

namespace MoA.Evaluation.Needle;

/// <summary>
/// Needle in a haystack (Kamradt 2023): one fact in long prose, asked for at its end, over a grid of depths and lengths.
/// By default a secret number as in passkey retrieval, in the words that the demo model was trained with.
/// </summary>
/// <param name="model">The model whose tokens are counted.</param>
/// <param name="options">What is hidden where.</param>
internal sealed class NeedleTask(LanguageModel model, NeedleOptions options)
{
    private const string Header = "There is a secret in this text. Remember it.";

    private const string SecretStart = "The secret passkey is";

    private const int MostLines = 1 << 22;

    /// <summary>The items of one length: every depth in turn, then again.</summary>
    /// <param name="length">Most tokens of prompt and answer together.</param>
    /// <param name="seed">The same seed gives the same items.</param>
    /// <exception cref="InvalidInputException">The needle lacks its question or answer, or the length is too short.</exception>
    public EvaluationSet Create(int length, ulong seed)
    {
        // An empty answer would be found in every text.
        string?[] own = [options.Needle, options.Question, options.Answer];
        if (own.Any(text => text is not null) && own.Any(string.IsNullOrWhiteSpace))
            throw new InvalidInputException("a needle of your own needs all of --needle, --question and --answer");
        if (options.Haystack is { Count: 0 })
            throw new InvalidInputException("the haystack is empty; expected text");
        QuestionEncoder questions = new(model);
        TokenCounter counter = questions.CreateCounter(options.MaxNewTokens);
        EvaluationItem[] items = new EvaluationItem[options.Depths * options.ItemsPerCell];
        for (int i = 0; i < items.Length; i++)
        {
            int step = i % options.Depths;
            double depth = options.Depths == 1 ? 0.5 : (double)step / (options.Depths - 1);
            items[i] = Item(questions, counter, length, depth, SeededRandom.Derive(seed, (ulong)length, (ulong)i), $"{length}/{i}");
        }

        return new EvaluationSet("needle", length, AnswerScorer.For(questions, options.Needle is null ? "last-number" : "contains"), items)
        {
            DepthBins = options.Depths,
            Source = $"seed {seed}, {(options.Haystack is null ? "Shakespeare" : "own haystack")}, {(options.Needle is null ? "secret numbers" : options.Needle)}",
        };
    }

    private EvaluationItem Item(QuestionEncoder questions, TokenCounter counter, int length, double depth, ulong seed, string id)
    {
        SeededRandom random = new(seed);
        IReadOnlyList<string> haystack = options.Haystack ?? FillerText.Lines;
        int start = random.Next(haystack.Count);
        Fact fact = options.Needle is null ? Secret(random) : new Fact(options.Needle, options.Question!, options.Answer!);
        string answer = options.Needle is null ? $"{SecretStart} {fact.Answer}." : fact.Answer;
        if (Tokens(0) > length)
            throw new InvalidInputException($"the length {length} is too short for a needle; its question alone takes {Tokens(0)} tokens");
        string text = Text(LargestFit.Find(0, MostLines, length, Tokens));
        int[] prompt = questions.EncodePrompt([new ChatMessage(ChatRole.User, text)], options.Needle is null ? SecretStart : "");
        return new EvaluationItem(id, prompt, new ItemReference { Answers = [fact.Answer], Depth = depth }) { MaxNewTokens = options.MaxNewTokens };

        string Text(int lines)
        {
            IEnumerable<string> filler = Enumerable.Range(0, lines).Select(i => haystack[(start + i) % haystack.Count]);
            IEnumerable<string> body = Insertion.AtDepths(filler, lines, [(fact.Text, depth)]);
            return string.Join('\n', options.Needle is null ? [Header, .. body, fact.Question] : [.. body, fact.Question]);
        }

        int Tokens(int lines) => counter.Of([new ChatMessage(ChatRole.User, Text(lines)), new ChatMessage(ChatRole.Assistant, answer)]);
    }

    private static Fact Secret(SeededRandom random)
    {
        while (true)
        {
            string value = (10_000 + random.Next(90_000)).ToString(CultureInfo.InvariantCulture);
            if (CalibrationSplit.Evaluation.Owns($"{SecretStart} {value}."))
                return new Fact($"{SecretStart} {value}. Remember it.", "What is the secret passkey?", value);
        }
    }

    private readonly record struct Fact(string Text, string Question, string Answer);
}
