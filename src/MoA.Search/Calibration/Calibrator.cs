using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;

namespace MoA.Search.Calibration;

/// <summary>
/// Makes calibration sets: long-dependency conversations, generated or from a file, packed near the target lengths, and
/// answered by the model itself (docs/method.md, section 2, says why). Every item of a file is dealt once: sets that are
/// created one after the other share none.
/// </summary>
public sealed class Calibrator(LanguageModel model, AnswerWriter answers)
{
    private readonly ItemEncoder _encoder = new(model);
    private readonly Dictionary<(string File, int Allowance), LengthPacker> _packers = [];

    /// <summary>The items of all lengths, each used at one of them at least.</summary>
    /// <exception cref="InvalidInputException">The data does not hold an item for some length.</exception>
    public IReadOnlyList<EncodedItem> Create(CalibrationSettings settings, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(settings);
        int allowance = settings.KeepAnswers ? 0 : settings.MaxAnswerTokens;
        CalibrationItem[] items = settings.DataFile is null
            ? Generate(settings, allowance)
            : Select(settings, settings.DataFile, allowance);
        if (!settings.KeepAnswers)
        {
            int[] open = [.. Enumerable.Range(0, items.Length).Where(i => items[i] is MessagesItem)];
            IReadOnlyList<CalibrationItem> own = answers.Answer(
                [.. open.Select(i => (MessagesItem)items[i])], settings.MaxAnswerTokens, cancellation);
            for (int i = 0; i < open.Length; i++)
                items[open[i]] = own[i];
        }

        return [.. items.Select(_encoder.Encode).DistinctBy(item => string.Join(',', item.Tokens))];
    }

    private CalibrationItem[] Generate(CalibrationSettings settings, int allowance) =>
        [.. CalibrationMix
            .Create(settings.Split, settings.Lengths, settings.ItemsPerLength, settings.Seed, _encoder.CreateCounter(allowance))
            .Select(item => item.Conversation)];

    private CalibrationItem[] Select(CalibrationSettings settings, string file, int allowance)
    {
        if (!_packers.TryGetValue((file, allowance), out LengthPacker? packer))
            _packers[(file, allowance)] = packer = CreatePacker(file, settings.KeepAnswers, allowance);
        List<CalibrationItem> selected = [];
        // Long targets choose first: short ones can be packed from what is left.
        foreach (int length in settings.Lengths.OrderDescending())
        {
            IReadOnlyList<CalibrationItem> found = packer.Take(length, settings.ItemsPerLength);
            if (found.Count == 0)
            {
                throw new InvalidInputException(
                    $"{file}: no item of {length / 2 + 1} to {length} tokens is left, nor shorter ones to pack together; add " +
                    "longer conversations, ask for fewer items or choose other lengths");
            }

            selected.AddRange(found);
        }

        return [.. selected];
    }

    private LengthPacker CreatePacker(string file, bool keepAnswers, int allowance)
    {
        IEnumerable<CalibrationItem> items = ConversationFile.Read(file, requireAnswers: keepAnswers);
        if (!keepAnswers)
            items = items.Select(WithLastAnswer);
        IEnumerable<CalibrationItem> distinct = items.DistinctBy(
            item => item with { Source = null, Dataset = null, Kind = null });
        return new LengthPacker(distinct, item => CountTokens(item, allowance));
    }

    // A conversation that ends with a question is to be answered as well; what stands here is replaced.
    private static CalibrationItem WithLastAnswer(CalibrationItem item) =>
        item is MessagesItem { Messages: [.., { Role: not MessagesItem.AssistantRole }] } open
            ? open with { Messages = [.. open.Messages, new ChatMessage(MessagesItem.AssistantRole, "")] }
            : item;

    // Answers that are still to be written count as short ones, for what the template writes around them, and the most
    // that they may become.
    private int CountTokens(CalibrationItem item, int allowance)
    {
        if (item is not MessagesItem messages || allowance == 0)
            return _encoder.CountTokens(item);
        ChatMessage[] shortened = [.. messages.Messages.Select(
            message => message.Role == MessagesItem.AssistantRole ? message with { Content = "a" } : message)];
        int replies = shortened.Count(message => message.Role == MessagesItem.AssistantRole);
        return _encoder.CountTokens(messages with { Messages = shortened }) + replies * allowance;
    }
}
