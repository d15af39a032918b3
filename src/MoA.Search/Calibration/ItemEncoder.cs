using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;

namespace MoA.Search.Calibration;

/// <summary>Turns items of conversation files into tokens with answer marks, for one model.</summary>
internal sealed class ItemEncoder(LanguageModel model)
{
    /// <summary>Encodes one item.</summary>
    /// <exception cref="InvalidInputException">
    /// The item does not fit the model: a token outside its vocabulary, more tokens than its context, text without a
    /// tokenizer, nothing to predict. The message names the line.
    /// </exception>
    public EncodedItem Encode(CalibrationItem item)
    {
        EncodedItem encoded = Tokenise(item);
        if (encoded.Tokens.Length < 2 || encoded.Scored == 0)
            throw new InvalidInputException($"{item.Origin}: nothing to predict; an item needs at least two tokens and an answer");
        int bad = Array.FindIndex(encoded.Tokens, token => (uint)token >= (uint)model.Config.VocabularySize);
        if (bad >= 0)
        {
            throw new InvalidInputException(
                $"{item.Origin}: token {encoded.Tokens[bad]} at position {bad}, but {model.Name} has a vocabulary of " +
                $"{model.Config.VocabularySize}; use data that was tokenised for this model");
        }

        model.CheckLength(encoded.Tokens.Length - 1, item.Origin);
        return encoded;
    }

    /// <summary>Number of tokens of an item, whether or not they fit the model.</summary>
    /// <exception cref="InvalidInputException">The item cannot be turned into tokens.</exception>
    public int CountTokens(CalibrationItem item) => Tokenise(item).Tokens.Length;

    private EncodedItem Tokenise(CalibrationItem item)
    {
        ArgumentNullException.ThrowIfNull(item);
        return item switch
        {
            MessagesItem messages => OfMessages(messages),
            TokensItem tokens => Marked([.. tokens.Tokens], tokens.Answers, item),
            TextItem text => Marked(model.RequireTokenizer().Encode(text.Text, true, false), null, item),
            _ => throw new ArgumentOutOfRangeException(nameof(item)),
        };
    }

    private EncodedItem OfMessages(MessagesItem item)
    {
        try
        {
            EncodedConversation conversation = model.RequireConversations().Encode(item.Messages);
            return Marked(conversation.Tokens, conversation.Answers, item);
        }
        catch (InvalidInputException failure)
        {
            throw new InvalidInputException($"{item.Origin}: {failure.Message}", failure);
        }
    }

    private static EncodedItem Marked(int[] tokens, IReadOnlyList<AnswerSpan>? answers, CalibrationItem item)
    {
        bool[] marks = new bool[tokens.Length];
        foreach (AnswerSpan span in answers ?? [new AnswerSpan(0, tokens.Length)])
            marks.AsSpan(span.Start, span.End - span.Start).Fill(true);
        if (marks.Length > 0)
            marks[0] = false; // nothing stands before the first token to predict it from
        return new EncodedItem(tokens, marks, item);
    }
}
