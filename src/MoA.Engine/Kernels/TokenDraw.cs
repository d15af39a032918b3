using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace MoA.Engine.Kernels;

/// <summary>How one token is drawn from logits that need no penalties.</summary>
/// <param name="Temperature">Divides the logits; 0 takes the most likely token.</param>
/// <param name="TopK">Keeps the k most likely tokens; 0 keeps all.</param>
/// <param name="TopP">Keeps the fewest most likely tokens whose probabilities reach this sum; 1 keeps all.</param>
/// <param name="MinP">Keeps tokens at least this share as likely as the likeliest; 0 keeps all.</param>
/// <param name="Point">The random number, in [0, 1).</param>
internal readonly record struct TokenDraw(double Temperature, int TopK, double TopP, double MinP, double Point)
{
    // A likelihood of e^-60 is nothing beside the steps of 2^-53 in which points are drawn, a whole vocabulary of them too.
    private const double LeastExponent = -60;

    // So small a temperature takes the likeliest tokens alone, and its inverse is still a number.
    private const double LeastTemperature = 1e-300;

    /// <summary>Numbers that <see cref="From"/> works with.</summary>
    public static int ScratchDoubles(int vocabulary)
    {
        int blocks = LogitBlocks.CountOf(vocabulary);
        return blocks + Math.Max(TokenOrder.ScratchDoubles, blocks);
    }

    /// <summary>
    /// The token: the first at which the weights kept, added up from the likeliest token on, exceed the point's share of their sum;
    /// without top-k and top-p in the order of tokens.
    /// </summary>
    /// <param name="logits">One number for every token of the vocabulary.</param>
    /// <param name="scratch"><see cref="ScratchDoubles"/> numbers.</param>
    /// <returns>The token; -1 if the largest logit is not finite, or one is no number.</returns>
    public int From(ReadOnlySpan<float> logits, Span<double> scratch)
    {
        if (Temperature == 0)
        {
            int best = TensorPrimitives.IndexOfMax(logits);
            return float.IsFinite(logits[best]) ? best : -1;
        }

        int count = LogitBlocks.CountOf(logits.Length);
        Span<float> maxima = MemoryMarshal.Cast<double, float>(scratch[..count]);
        LogitBlocks blocks = new(logits, maxima[..count]);
        if (!float.IsFinite(blocks.Largest))
            return -1;
        double sharpness = 1 / Math.Max(Temperature, LeastTemperature);
        float floor = Math.Max(blocks.Least, (float)(blocks.Largest + LeastExponent * Temperature));
        float least = MinP > 0 ? LeastLogit(floor, blocks.Largest) : floor;
        if (TopP == 1)
            floor = least; // top-p counts the mass of everything: only then must all stay
        if (TopK == 0 && TopP == 1)
            return InOrderOfTokens(blocks, sharpness, floor, scratch.Slice(count, count));
        if (TopK > 0 && TopK <= count)
            floor = Math.Max(floor, LeastOfLargest(maxima[..count], maxima[count..(2 * count)]));
        TokenOrder order = new(blocks, sharpness, floor, scratch[count..]);
        long most = TopK > 0 ? TopK : long.MaxValue;
        double enough = TopP < 1 ? TopP * order.Walk(most, double.PositiveInfinity, float.NegativeInfinity).Mass : double.PositiveInfinity;
        double kept = order.Walk(most, enough, least).Mass;
        return order.Walk(long.MaxValue, Math.BitIncrement(Point * kept), float.NegativeInfinity).Token;
    }

    private int InOrderOfTokens(LogitBlocks blocks, double sharpness, float floor, Span<double> masses)
    {
        Span<double> weights = stackalloc double[LogitBlocks.Size];
        double sum = 0;
        for (int block = 0; block < masses.Length; block++)
        {
            masses[block] = blocks.Maxima[block] < floor ? 0 : TensorPrimitives.Sum<double>(blocks.Weigh(block, sharpness, floor, weights));
            sum += masses[block];
        }

        double point = Point * sum;
        int chosen = FirstBeyond(masses, ref point);
        return chosen * LogitBlocks.Size + FirstBeyond(blocks.Weigh(chosen, sharpness, floor, weights), ref point);
    }

    // The first at which the sum exceeds the point, of which is left what stands after those before it; the last that weighs
    // anything if rounding lets none do so.
    private static int FirstBeyond(ReadOnlySpan<double> weights, ref double point)
    {
        double sum = 0, before = 0;
        int last = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            if (weights[i] == 0)
                continue;
            (last, before) = (i, sum);
            sum += weights[i];
            if (sum > point)
                break;
        }

        point -= before;
        return last;
    }

    // The least logit, none below the floor, whose likelihood reaches min-p, in the order of their bits.
    private float LeastLogit(float floor, float largest)
    {
        (int low, int high) = (Order(floor), Order(largest));
        while (low < high)
        {
            int middle = (int)(((long)low + high) >> 1);
            if (Math.Exp(((double)OfOrder(middle) - largest) / Temperature) >= MinP)
                high = middle;
            else
                low = middle + 1;
        }

        return OfOrder(high);
    }

    // The k likeliest tokens reach the k-th largest of the blocks' largest logits: k blocks have one each.
    private float LeastOfLargest(ReadOnlySpan<float> maxima, Span<float> sorted)
    {
        maxima.CopyTo(sorted);
        sorted.Sort();
        return sorted[^TopK];
    }

    private static int Order(float number) => Flip(BitConverter.SingleToInt32Bits(number));

    private static float OfOrder(int order) => BitConverter.Int32BitsToSingle(Flip(order));

    private static int Flip(int bits) => bits < 0 ? bits ^ int.MaxValue : bits;
}
