using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Evaluation.Data;
using MoA.Evaluation.Tasks;
using MoA.Search.Calibration;

namespace MoA.Evaluation.Ruler;

/// <summary>
/// RULER: retrieval, tracing, counting and questions at any length, made for a model's own tokenizer. Every item is as long as its length allows: one more line, word or
/// document would be too long.
/// </summary>
/// <param name="model">The model that is asked.</param>
/// <param name="options">What the tasks are made of.</param>
internal sealed class RulerSets(LanguageModel model, RulerOptions options)
{
    private const int MostUnits = 1 << 22;

    private readonly Dictionary<string, QuestionDocuments> _documents = [];

    /// <summary>The tasks that names stand for; none for none.</summary>
    /// <exception cref="InvalidInputException">There is no such task.</exception>
    public static IReadOnlyList<RulerTask> Select(IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        IReadOnlyList<RulerTask> known = RulerData.Shared.Tasks;
        return [.. names.Distinct().Select(name => known.FirstOrDefault(task => task.Name == name) ?? throw new InvalidInputException(
            $"--tasks {name}: RULER has no such task; expected {string.Join(", ", known.Select(task => task.Name))}"))];
    }

    /// <summary>All tasks whose files are there, and those that need none.</summary>
    public IReadOnlyList<RulerTask> Available() => [.. RulerData.Shared.Tasks.Where(task => task.File is null || PlaceOf(task) is not null || FilesOf(task).TryFind(task.File) is not null)];

    /// <summary>The items of a task at a length.</summary>
    /// <param name="task">The task.</param>
    /// <param name="length">Most tokens of prompt and answer together.</param>
    /// <param name="seed">The same seed gives the same items.</param>
    /// <exception cref="InvalidInputException">The length is too short, or a file is missing or damaged.</exception>
    public EvaluationSet Create(RulerTask task, int length, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(task);
        seed = SeededRandom.Derive(seed, (ulong)length, (ulong)RulerData.Shared.Tasks.TakeWhile(other => other != task).Count());
        RulerSource source = SourceOf(task, length, seed);
        EvaluationItem[] items =
            [.. Enumerable.Range(0, Math.Min(options.Items, source.MostItems)).Select(i => Item(task, source, length, SeededRandom.Derive(seed, (ulong)i), i))];
        bool hasDepths = task.Kind == "needle" && task.KeyCount * task.ValueCount == 1;
        return new EvaluationSet("ruler", length, PromptOf(task).Metric, items) { Dataset = task.Name, DepthBins = hasDepths ? 10 : 0, Source = $"seed {seed}{Material(task)}" };
    }

    private EvaluationItem Item(RulerTask task, RulerSource source, int length, ulong seed, int index)
    {
        int least = source.LeastUnits(index), shortest = TokensOf(source.Text(seed, index, least));
        if (shortest > length)
            throw new InvalidInputException($"the length {length} is too short for {task.Name}, which takes {shortest} tokens at least; leave the task out or use a longer length");
        int units = LargestFit.Find(least, MostUnits, length, units => TokensOf(source.Text(seed, index, units)));
        RulerText text = source.Text(seed, index, units);
        QuestionPrompt prompt = QuestionPrompt.Encode(model, text.BeforeQuestion, text.Question, text.AnswerStart);
        return new EvaluationItem($"{task.Name}/{length}/{index}", prompt.Tokens, new ItemReference { Answers = text.Answers, Depth = text.Depth })
        {
            MaxNewTokens = text.Prompt.MaxNewTokens,
            QuestionStart = prompt.QuestionStart,
        };
    }

    private int TokensOf(RulerText text) =>
        QuestionPrompt.EncodeWhole(model, text.BeforeQuestion + text.Question, text.AnswerStart).Length + text.Prompt.MaxNewTokens;

    private RulerSource SourceOf(RulerTask task, int length, ulong seed) => task.Kind switch
    {
        "needle" => new NeedleSource(task, options.Essays),
        "chain" => FirstThatFits(length, seed, new ChainSource(LinesOfExample(length, seed)), new ChainSource(null)),
        "common" => FirstThatFits(length, seed, [.. CommonWordsLevel.For(length).Select(level => new CommonWordsSource(level))]),
        "coded" => new CodedWordsSource(Vocabulary(length)),
        _ => new DocumentsSource(DocumentsOf(task)),
    };

    // A quarter of short texts, so that there is room for the item itself.
    private int LinesOfExample(int length, ulong seed)
    {
        int most = Math.Min(ChainSource.MostExampleTokens, length / 4);
        return Tokens(0) > most ? 0 : LargestFit.Find(0, MostUnits, most, Tokens);

        int Tokens(int lines) => model.RequireTokenizer().Encode(ChainSource.Example(lines, seed), false, false).Length;
    }

    // Words take more or fewer tokens: what fits by a tenth fits in every item.
    private RulerSource FirstThatFits(int length, ulong seed, params RulerSource[] sources) =>
        sources.FirstOrDefault(source => TokensOf(source.Text(seed, 0, source.LeastUnits(0))) <= length * 0.9) ?? sources[^1];

    private int Vocabulary(int length)
    {
        int room = length - RulerData.Shared.Prompts["coded"].MaxNewTokens - QuestionPrompt.EncodeWhole(model, "", "").Length;
        return Math.Max(CodedWordsSource.LeastVocabulary, room / CodedWordsSource.TokensPerWord);
    }

    /// <summary>Whether items of a source (<see cref="EvaluationSet.Source"/>) stand in other prose than RULER's essays.</summary>
    public static bool HasStandIn(string? source) => source?.EndsWith($", {Essays.StandIn.Name}", StringComparison.Ordinal) == true;

    private static RulerPrompt PromptOf(RulerTask task) => RulerData.Shared.Prompts[task.Kind];

    private string Material(RulerTask task) =>
        task.Haystack == "essays" ? $", {options.Essays.Name}" : task.File is null ? "" : $", {Path.GetFileName(FileOf(task))}";

    private QuestionDocuments DocumentsOf(RulerTask task)
    {
        if (_documents.TryGetValue(task.Name, out QuestionDocuments? known))
            return known;
        string file = FileOf(task);
        return _documents[task.Name] = task.Name == "qa_1" ? QuestionDocuments.ReadSquad(file) : QuestionDocuments.ReadHotpot(file);
    }

    private string FileOf(RulerTask task) => FilesOf(task).TryFind(task.File!) is { Entry: null } file
        ? file.Path
        : throw new InvalidInputException(
            $"{task.Name} needs {task.File}, which is not in {PlaceOf(task) ?? "the hub's cache"}; get it from its authors "
            + (task.Name == "qa_1"
                ? "(https://rajpurkar.github.io/SQuAD-explorer) and give it with --squad"
                : "(https://hotpotqa.github.io) and give it with --hotpot"));

    private string? PlaceOf(RulerTask task) => task.Name == "qa_1" ? options.Squad : options.Hotpot;

    private DataSetFiles FilesOf(RulerTask task) => new(PlaceOf(task), task.Name == "qa_1" ? "rajpurkar/squad_v2" : "hotpotqa/hotpot_qa");
}
