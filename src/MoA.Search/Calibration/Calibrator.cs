using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;

namespace MoA.Search.Calibration;

/// <summary>
/// Makes calibration sets: long-dependency conversations, generated or from a file, packed near the target lengths, and
/// answered by the model itself (docs/method.md, section 2, says why). Every item of a file is dealt once: sets share none,
/// whether they are created together or one after the other. A base model is asked nothing: it gets texts, and generated documents
/// as plain text with their reference answers.
/// </summary>
internal sealed class Calibrator(LanguageModel model, AnswerWriter answers)
{
    private readonly ItemEncoder _encoder = new(model);
    private readonly QuestionEncoder _questions = new(model);
    private readonly Dictionary<(string File, int Allowance), LengthPacker> _packers = [];

    /// <summary>What was left out of each file that was read, by its path.</summary>
    public Dictionary<string, SkippedItems> Skipped { get; } = [];

    /// <summary>The items of all lengths, each used at one of them at least.</summary>
    /// <exception cref="InvalidInputException">The data does not hold an item for some length.</exception>
    public IReadOnlyList<EncodedItem> Create(CalibrationSettings settings, CancellationToken cancellation = default) =>
        Create([settings], cancellation)[0];

    /// <summary>
    /// Several sets. All are chosen before the model writes the first answer, so that what cannot work is said at once; where they share
    /// a file it is dealt to all their lengths in turn, so that none goes without while another has plenty.
    /// </summary>
    /// <inheritdoc cref="Create(CalibrationSettings, CancellationToken)"/>
    public IReadOnlyList<IReadOnlyList<EncodedItem>> Create(IReadOnlyList<CalibrationSettings> sets, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(sets);
        foreach (CalibrationSettings set in sets)
            CheckAllowance(set);
        CalibrationItem[][] chosen = [.. sets.Select(set => set.DataFile is null ? Generate(set) : [])];
        foreach (IGrouping<(string, int), int> shared in Enumerable.Range(0, sets.Count)
            .Where(i => sets[i].DataFile is not null).GroupBy(i => (Path.GetFullPath(sets[i].DataFile!), Allowance(sets[i]))))
        {
            int[] sharing = [.. shared];
            foreach ((int i, CalibrationItem[] items) in sharing.Zip(Deal([.. sharing.Select(i => sets[i])])))
                chosen[i] = items;
        }

        answers.Share([.. sets.Select((set, i) => (Open(set, chosen[i]), set.MaxAnswerTokens))], cancellation);
        return [.. sets.Select((set, i) => Encode(set, chosen[i], cancellation))];
    }

    private static void CheckAllowance(CalibrationSettings settings)
    {
        if (Allowance(settings) >= settings.Lengths.Min())
        {
            throw new InvalidInputException(
                $"--answer-tokens {Allowance(settings)}: the shortest items have {settings.Lengths.Min()} tokens, question and answer " +
                "together; expected fewer");
        }
    }

    private static int Allowance(CalibrationSettings settings) => settings.KeepAnswers ? 0 : settings.MaxAnswerTokens;

    private EncodedItem[] Encode(CalibrationSettings settings, CalibrationItem[] items, CancellationToken cancellation)
    {
        MessagesItem[] open = Open(settings, items);
        IEnumerable<CalibrationItem> answered = items;
        if (open.Length > 0)
        {
            Queue<CalibrationItem> own = new(answers.Answer(open, settings.MaxAnswerTokens, cancellation));
            answered = items.Select(item => item is MessagesItem ? own.Dequeue() : item);
        }

        return [.. answered.Select(_encoder.Encode).DistinctBy(item => string.Join(',', item.Tokens))];
    }

    // What the model is to answer.
    private static MessagesItem[] Open(CalibrationSettings settings, CalibrationItem[] items) =>
        settings.KeepAnswers ? [] : [.. items.OfType<MessagesItem>()];

    private CalibrationItem[] Generate(CalibrationSettings settings) =>
        [.. CalibrationMix
            .Create(
                settings.Split, settings.Lengths, settings.ItemsPerLength, settings.Seed,
                _questions.CreateCounter(_questions.IsPlainText ? 0 : Allowance(settings)))
            .Select(item => _questions.Document(item.Conversation))];

    // Sets of one file and one kind of answers. Long targets choose first: short ones can be packed or cut from what is left.
    private CalibrationItem[][] Deal(CalibrationSettings[] sets)
    {
        string file = sets[0].DataFile!;
        int allowance = Allowance(sets[0]);
        (string, int) key = (Path.GetFullPath(file), allowance);
        if (!_packers.TryGetValue(key, out LengthPacker? packer))
            _packers[key] = packer = CreatePacker(file, sets[0].KeepAnswers, allowance);
        (int Set, int Length, List<CalibrationItem> Items)[] targets =
        [
            .. from i in Enumerable.Range(0, sets.Length)
               from length in sets[i].Lengths
               orderby length descending
               select (i, length, new List<CalibrationItem>()),
        ];
        for (bool dealt = true; dealt;)
        {
            dealt = false;
            foreach ((int set, int length, List<CalibrationItem> items) in targets)
            {
                if (items.Count == sets[set].ItemsPerLength || packer.Take(length) is not { } item)
                    continue;
                items.Add(item);
                dealt = true;
            }
        }

        foreach ((_, int length, _) in targets.Where(target => target.Items.Count == 0))
        {
            throw new InvalidInputException(
                $"{file}: no item of {length / 2 + 1} to {length} tokens is left, nor longer texts to cut or shorter conversations to pack together; " +
                "add longer ones, ask for fewer items or choose other lengths");
        }

        bool full = targets.All(target => target.Items.Count == sets[target.Set].ItemsPerLength);
        Skipped[file] = SkippedItems.Of(file, packer, [.. targets.Select(target => target.Length)], full);
        return [.. Enumerable.Range(0, sets.Length).Select(i => targets.Where(target => target.Set == i).SelectMany(target => target.Items).ToArray())];
    }

    private LengthPacker CreatePacker(string file, bool keepAnswers, int allowance)
    {
        IEnumerable<CalibrationItem> items = ConversationFile.Read(file, requireAnswers: keepAnswers);
        if (!keepAnswers)
            items = items.Select(WithLastAnswer);
        IEnumerable<CalibrationItem> distinct = items.DistinctBy(
            item => item with { Source = null, Dataset = null, Kind = null });
        return new LengthPacker(distinct, item => CountTokens(item, allowance), new TextCutter(model.Tokenizer));
    }

    // A conversation that ends with a question is to be answered as well; what stands here is replaced.
    private static CalibrationItem WithLastAnswer(CalibrationItem item) =>
        item is MessagesItem { Messages: [.., { Role.Name: not "assistant" }] } open
            ? open with { Messages = [.. open.Messages, new ChatMessage(ChatRole.Assistant, "")] }
            : item;

    // Answers that are still to be written count as short ones, for what the template writes around them, and the most
    // that they may become.
    private int CountTokens(CalibrationItem item, int allowance)
    {
        if (item is not MessagesItem messages || allowance == 0)
            return _encoder.CountTokens(item);
        ChatMessage[] shortened = [.. messages.Messages.Select(
            message => message.Role == ChatRole.Assistant ? message with { Content = "a" } : message)];
        int replies = shortened.Count(message => message.Role == ChatRole.Assistant);
        return _encoder.CountTokens(messages with { Messages = shortened }) + replies * allowance;
    }
}
