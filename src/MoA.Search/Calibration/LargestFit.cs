namespace MoA.Search.Calibration;

/// <summary>Finds how many pieces fill a document up to a length, with few counts of the whole document.</summary>
internal static class LargestFit
{
    /// <summary>After this many guesses by proportion the search halves, so that odd counters cost a logarithm at worst.</summary>
    private const int Guesses = 12;

    /// <summary>
    /// The largest number of pieces, between <paramref name="least"/> and <paramref name="most"/>, whose
    /// <paramref name="tokens"/> do not exceed <paramref name="target"/>. The least number must fit, and more pieces must
    /// take more tokens; where they do not quite, the result fits and one more piece does not.
    /// </summary>
    public static int Find(int least, int most, int target, Func<int, int> tokens)
    {
        (long Pieces, long Tokens) low = (least, tokens(least)), high = (most + 1L, long.MaxValue);
        double tokensPerPiece = 0;
        for (int step = 0; high.Pieces - low.Pieces > 1; step++)
        {
            long guess = high.Tokens < long.MaxValue && step > Guesses ? (low.Pieces + high.Pieces) / 2
                : tokensPerPiece > 0 ? low.Pieces + (long)((target - low.Tokens) / tokensPerPiece)
                : low.Pieces + 8;
            guess = Math.Clamp(guess, low.Pieces + 1, high.Pieces - 1);
            int counted = tokens((int)guess);
            tokensPerPiece = Math.Max(counted - low.Tokens, 1) / (double)(guess - low.Pieces);
            if (counted <= target)
                low = (guess, counted);
            else
                high = (guess, counted);
        }

        return (int)low.Pieces;
    }
}
