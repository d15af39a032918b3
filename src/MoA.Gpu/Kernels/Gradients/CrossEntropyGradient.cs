using ILGPU;

namespace MoA.Gpu.Kernels.Gradients;

/// <summary>What the loss of a row of logits is made of: ln(sum) + maximum − target, in nats.</summary>
internal struct CrossEntropySums
{
    /// <summary>Σ e^(logit − maximum).</summary>
    public double Sum;

    /// <summary>The largest logit.</summary>
    public float Maximum;

    /// <summary>The target's logit.</summary>
    public float Target;

    /// <summary>−ln softmax(logits)[target].</summary>
    public readonly double Loss => Math.Log(Sum) + Maximum - Target;
}

/// <summary>
/// Cross-entropy of rows of logits with one target each: row := weight·(softmax(row) − onehot(target)), and what the row's loss is made
/// of. A group of threads a row; short sums in F32, added up in double. The padding of rows is zero and stays so.
/// </summary>
internal struct CrossEntropyGradient : IDeviceKernel
{
    private const float Log2E = 1.44269504088896341f;
    private const int MostWarps = 32;

    /// <summary>[rows, vocabulary] floats, padded to whole octets.</summary>
    public ArrayView<Quad> Logits;

    public ArrayView<int> Targets;

    public ArrayView<CrossEntropySums> Sums;

    public int Vocabulary;

    public float Weight;

    /// <inheritdoc/>
    public readonly void Run()
    {
        ArrayView<float> maxima = SharedMemory.Allocate<float>(MostWarps);
        ArrayView<double> sums = SharedMemory.Allocate<double>(MostWarps);
        int row = Grid.IdxX, target = Targets[row], quads = (Vocabulary + 3) / 4;
        long first = row * (Logits.Length / Targets.Length);
        float targetLogit = Logits.Cast<float>()[4 * first + target];
        float maximum = float.NegativeInfinity;
        for (int i = Group.IdxX; i < quads; i += Group.DimX)
        {
            Quad x = Inside(Logits[first + i], i, float.NegativeInfinity);
            maximum = Math.Max(maximum, Math.Max(Math.Max(x.FloatX, x.FloatY), Math.Max(x.FloatZ, x.FloatW)));
        }

        int warps = Group.DimX / Threads.PerWarp, warp = Group.IdxX / Threads.PerWarp;
        maxima[warp] = LaneSum.LargestOfWarp(maximum);
        Group.Barrier();
        maximum = maxima[0];
        for (int i = 1; i < warps; i++)
            maximum = Math.Max(maximum, maxima[i]);

        double sum = 0;
        for (int i = Group.IdxX; i < quads; i += Group.DimX)
        {
            Quad x = Exponentials(Logits[first + i], i, maximum);
            Logits[first + i] = x;
            sum += x.FloatX + x.FloatY + (x.FloatZ + x.FloatW);
        }

        sums[warp] = LaneSum.OfWarp(sum);
        Group.Barrier();
        sum = sums[0];
        for (int i = 1; i < warps; i++)
            sum += sums[i];
        float scale = (float)(Weight / sum);
        for (int i = Group.IdxX; i < quads; i += Group.DimX)
        {
            Quad e = Logits[first + i], x = e.Times(scale);
            int at = target - 4 * i;
            Logits[first + i] = Quad.Of(
                x.FloatX - (at == 0 ? Weight : 0),
                x.FloatY - (at == 1 ? Weight : 0),
                x.FloatZ - (at == 2 ? Weight : 0),
                x.FloatW - (at == 3 ? Weight : 0));
        }

        if (Group.IdxX == 0)
            Sums[row] = new CrossEntropySums { Sum = sum, Maximum = maximum, Target = targetLogit };
    }

    private readonly Quad Exponentials(Quad x, int quad, float maximum) => Inside(
        Quad.Of(
            IntrinsicMath.CPUOnly.Exp2((x.FloatX - maximum) * Log2E),
            IntrinsicMath.CPUOnly.Exp2((x.FloatY - maximum) * Log2E),
            IntrinsicMath.CPUOnly.Exp2((x.FloatZ - maximum) * Log2E),
            IntrinsicMath.CPUOnly.Exp2((x.FloatW - maximum) * Log2E)),
        quad, 0);

    // What stands beyond the vocabulary is replaced.
    private readonly Quad Inside(Quad x, int quad, float outside)
    {
        int left = Vocabulary - 4 * quad;
        return Quad.Of(
            x.FloatX, left > 1 ? x.FloatY : outside, left > 2 ? x.FloatZ : outside, left > 3 ? x.FloatW : outside);
    }
}
