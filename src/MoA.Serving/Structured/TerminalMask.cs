using System.Numerics;
using System.Numerics.Tensors;

namespace MoA.Serving.Structured;

/// <summary>What tokens do to a state of a terminal.</summary>
/// <param name="Inside">Those that stay inside it, one bit a token; null if they are listed.</param>
/// <param name="Listed">Those that stay inside it, if they are few.</param>
/// <param name="Ends">Nodes of the trie at which it may end.</param>
internal sealed record TerminalMask(ulong[]? Inside, int[] Listed, int[] Ends)
{
    private const int WordBits = 64;

    /// <summary>Bytes of memory, roughly.</summary>
    public long Size => 128 + ((long)(Inside?.Length ?? 0) * sizeof(ulong)) + ((Listed.Length + Ends.Length) * sizeof(int));

    /// <summary>Adds the tokens that stay inside.</summary>
    public void MarkInside(Span<ulong> allowed)
    {
        Mark(Listed, allowed);
        if (Inside is null)
            return;
        Span<ulong> words = allowed[..Math.Min(allowed.Length, Inside.Length)];
        TensorPrimitives.BitwiseOr(words, Inside.AsSpan(0, words.Length), words);
    }

    /// <summary>Sets the bits of tokens.</summary>
    public static void Mark(ReadOnlySpan<int> tokens, Span<ulong> allowed)
    {
        foreach (int token in tokens)
        {
            if (token / WordBits < allowed.Length)
                allowed[token / WordBits] |= 1UL << token;
        }
    }

    /// <summary>The tokens whose bits are set.</summary>
    public static int[] List(ReadOnlySpan<ulong> allowed, int count)
    {
        int[] tokens = new int[count];
        int at = 0;
        for (int word = 0; word < allowed.Length; word++)
        {
            for (ulong bits = allowed[word]; bits != 0; bits &= bits - 1)
                tokens[at++] = (word * WordBits) + BitOperations.TrailingZeroCount(bits);
        }

        return tokens;
    }
}
