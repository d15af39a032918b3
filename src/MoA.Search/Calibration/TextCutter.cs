using MoA.Engine.Tokenization;

namespace MoA.Search.Calibration;

/// <summary>Cuts texts into pieces of a number of tokens, each beginning as a text does (with the model's first token, where it has one).</summary>
/// <param name="tokenizer">The model's; null for a model that takes tokens only.</param>
internal sealed class TextCutter(Tokenizer? tokenizer)
{
    /// <summary>Whether an item is text, in characters or tokens: every token counts, so that a piece of it is as good as the whole.</summary>
    public static bool IsText(CalibrationItem item) => item is TextItem or TokensItem { Answers: null };

    /// <summary>The first piece, and the rest as a text of its own; together they hold every token, in order.</summary>
    /// <param name="text">A text of more tokens than the piece.</param>
    /// <param name="tokens">Tokens of the piece, those that begin a text included.</param>
    public (TokensItem Piece, TokensItem Remainder) Cut(CalibrationItem text, int tokens)
    {
        int[] all = text is TextItem characters ? tokenizer!.Encode(characters.Text, true, false) : [.. ((TokensItem)text).Tokens];
        int[] start = [.. all.TakeWhile(token => tokenizer is not null && tokenizer.IsSpecial(token))];
        return (Part(all[..tokens]), Part([.. start, .. all[tokens..]]));

        TokensItem Part(int[] part) => new(part, null) { Origin = text.Origin, Source = text.Source, Dataset = text.Dataset, Kind = text.Kind };
    }
}
