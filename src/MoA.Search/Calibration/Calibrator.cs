using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;

namespace MoA.Search.Calibration;

/// <summary>
/// Makes a calibration set: long-dependency conversations, generated or from a file, packed near the target lengths, and
/// answered by the model itself (docs/method.md, section 2, says why).
/// </summary>
public sealed class Calibrator(LanguageModel model, AnswerWriter answers)
{
    /// <summary>The items of all lengths, each used at one of them at least.</summary>
    /// <exception cref="InvalidInputException">The data does not hold an item for some length.</exception>
    public IReadOnlyList<EncodedItem> Create(CalibrationSettings settings, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(settings);
        IReadOnlyList<CalibrationItem> items = settings.DataFile is null ? Generate(settings) : Select(settings);
        ItemEncoder encoder = new(model);
        if (settings.KeepAnswers)
            return Distinct(items.Select(encoder.Encode));
        CalibrationItem[] answered = [.. items];
        int[] open = [.. Enumerable.Range(0, answered.Length).Where(i => answered[i] is MessagesItem)];
        IReadOnlyList<CalibrationItem> own = answers.Answer(
            [.. open.Select(i => (MessagesItem)answered[i])], settings.MaxAnswerTokens, cancellation);
        for (int i = 0; i < open.Length; i++)
            answered[open[i]] = own[i];
        return Distinct(answered.Select(encoder.Encode));
    }

    private IReadOnlyList<CalibrationItem> Generate(CalibrationSettings settings)
    {
        Tokenizer tokenizer = model.RequireTokenizer();
        TokenCounter counter = new(text => tokenizer.Encode(text, false, false).Length)
        {
            TokensPerConversation = TemplateTokens(),
            TokensPerMessage = 0,
            AnswerAllowance = settings.KeepAnswers ? 0 : settings.MaxAnswerTokens,
        };
        return [.. CalibrationMix
            .Create(settings.Split, settings.Lengths, settings.ItemsPerLength, settings.Seed, counter)
            .Select(item => item.Conversation)];
    }

    // What the chat template writes around one question and its answer.
    private int TemplateTokens()
    {
        const string Word = "a";
        int contents = 2 * model.RequireTokenizer().Encode(Word, false, false).Length;
        EncodedConversation probe = model.RequireConversations().Encode([new("user", Word), new("assistant", Word)]);
        return Math.Max(0, probe.Tokens.Length - contents) + 2; // words may split differently at the borders
    }

    private List<CalibrationItem> Select(CalibrationSettings settings)
    {
        CalibrationItem[] all = [.. ConversationFile.Read(settings.DataFile!, requireAnswers: false).Distinct()];
        int allowance = settings.KeepAnswers ? 0 : settings.MaxAnswerTokens;
        ItemEncoder encoder = new(model);
        LengthPacker packer = new(all, item => CountTokens(encoder, item, allowance));
        List<CalibrationItem> selected = [];
        // Long targets choose first: short ones can be packed from what is left.
        foreach (int length in settings.Lengths.OrderDescending())
        {
            IReadOnlyList<CalibrationItem> found = packer.Take(length, settings.ItemsPerLength);
            if (found.Count == 0)
            {
                throw new InvalidInputException(
                    $"{settings.DataFile}: no item of {length / 2 + 1} to {length} tokens, nor shorter ones to pack together; " +
                    "add longer conversations or choose other lengths");
            }

            selected.AddRange(found);
        }

        return selected;
    }

    private int CountTokens(ItemEncoder encoder, CalibrationItem item, int allowance)
    {
        if (item is not MessagesItem messages)
            return encoder.Encode(item).Tokens.Length;
        int replies = messages.Messages.Count(message => message.Role == MessagesItem.AssistantRole);
        int asked = model.RequireConversations()
            .EncodePrompt([.. messages.Messages.Where(message => message.Role != MessagesItem.AssistantRole || allowance == 0)])
            .Length;
        return asked + Math.Max(replies, 1) * allowance;
    }

    private static List<EncodedItem> Distinct(IEnumerable<EncodedItem> items)
    {
        HashSet<string> seen = [];
        return [.. items.Where(item => seen.Add(string.Join(',', item.Tokens)))];
    }
}
