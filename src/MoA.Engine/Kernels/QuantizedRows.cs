using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Rows of activations as 16-bit integers with a scale for each group, so that products with quantised weights run in
/// integers. Multiplying 16-bit lanes takes no longer than 8-bit ones, which must be widened in between, and an error of
/// 2^-16 of the group's largest value vanishes beside that of the weights. Elements stand in the order in which the
/// weight's kernel unpacks its quants. Items are pieces of rows.
/// </summary>
internal readonly unsafe struct QuantizedRows : IParallelJob
{
    /// <summary>Elements of a unit, for which orders are defined; rows are filled up with zeros to whole units.</summary>
    public const int Unit = 64;

    private const int UnitsPerItem = 32;
    private const int Largest = 32767;

    private readonly float* _x;
    private readonly ElementType _weight;
    private readonly int _rows;

    /// <summary>Makes room in the shared scratch memory; running the items fills it.</summary>
    /// <param name="x">Dense rows.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">A multiple of the weight's block.</param>
    /// <param name="weight">The format of the weight that they will be multiplied with.</param>
    /// <param name="scratch">Where they are kept until the next use of the shared memory.</param>
    public QuantizedRows(float* x, int rows, int columns, ElementType weight, WorkerScratch scratch)
    {
        _x = x;
        _weight = weight;
        _rows = rows;
        Columns = columns;
        Units = (columns + Unit - 1) / Unit;
        ScalesPerUnit = weight switch
        {
            ElementType.Q4_0 => Vector256<float>.Count,
            ElementType.Q6_K => Unit / BlockQ6K.ElementsPerScale,
            _ => 2,
        };
        nint scales = (nint)rows * Units * ScalesPerUnit;
        Scales = scratch.Shared((long)rows * Units * (Unit / 2) + 2 * scales);
        Sums = Scales + scales;
        Quants = (short*)(Sums + scales);
    }

    /// <summary>Number of items.</summary>
    public int Items => _rows * PiecesPerRow;

    /// <summary>Elements of a row.</summary>
    public int Columns { get; }

    /// <summary>Units of a row.</summary>
    public int Units { get; }

    /// <summary>Scales, and sums, of a unit.</summary>
    public int ScalesPerUnit { get; }

    /// <summary>[rows, units, 64].</summary>
    public short* Quants { get; }

    /// <summary>
    /// [rows, units, ScalesPerUnit]: of groups; for Q4_0 of the lanes of a vector, four of the first group and four of the
    /// second.
    /// </summary>
    public float* Scales { get; }

    /// <summary>
    /// [rows, units, ScalesPerUnit]: sums of the groups' values; for Q4_0 integers, −8 times the sums of the quants
    /// that end up in each lane.
    /// </summary>
    public float* Sums { get; }

    private int PiecesPerRow => (Units + UnitsPerItem - 1) / UnitsPerItem;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int index, int worker)
    {
        (int row, int piece) = Math.DivRem(index, PiecesPerRow);
        float* padded = stackalloc float[Unit];
        short* quants = stackalloc short[Unit];
        int last = Math.Min((piece + 1) * UnitsPerItem, Units);
        for (int unit = piece * UnitsPerItem; unit < last; unit++)
        {
            float* x = _x + (nint)row * Columns + unit * Unit;
            int present = Math.Min(Unit, Columns - unit * Unit);
            if (present < Unit)
            {
                new Span<float>(padded, Unit).Clear();
                new Span<float>(x, present).CopyTo(new Span<float>(padded, Unit));
                x = padded;
            }

            nint at = (nint)row * Units + unit;
            Convert(x, quants, Quants + at * Unit, Scales + at * ScalesPerUnit, Sums + at * ScalesPerUnit);
        }
    }

    private void Convert(float* x, short* natural, short* quants, float* scales, float* sums)
    {
        if (_weight == ElementType.Q4_0)
        {
            float* unitScales = stackalloc float[2], unitSums = stackalloc float[2];
            Quantize(x, 32, natural, unitScales, unitSums);
            OrderForNibblePairs(natural, quants, (int*)sums);
            Vector256.Create(Vector128.Create(unitScales[0]), Vector128.Create(unitScales[1])).Store(scales);
            return;
        }

        if (_weight == ElementType.Q8_0)
        {
            Quantize(x, 32, quants, scales, sums);
            return;
        }

        Quantize(x, Unit / ScalesPerUnit, natural, scales, sums);
        for (int i = 0; i < 16; i++)
        {
            quants[i] = natural[2 * i];
            quants[i + 16] = natural[2 * i + 1];
            quants[i + 32] = natural[2 * i + 32];
            quants[i + 48] = natural[2 * i + 33];
        }
    }

    // The order of BlockQ4.UnpackTwo: four vectors, whose halves belong to the two groups.
    private static void OrderForNibblePairs(short* natural, short* quants, int* corrections)
    {
        for (int lane = 0; lane < 16; lane++)
        {
            int even = 32 * (lane / 8) + 2 * (lane % 8);
            quants[lane] = natural[even];
            quants[lane + 16] = natural[even + 16];
            quants[lane + 32] = natural[even + 1];
            quants[lane + 48] = natural[even + 17];
        }

        Vector256<int> total = Vector256<int>.Zero;
        for (int i = 0; i < Unit; i += 16)
            total += Integers.MultiplyAddPairs(Vector256.Load(quants + i), Vector256<short>.One);
        (total * -BlockQ4.Shift).Store(corrections);
    }

    private static void Quantize(float* x, int groupSize, short* quants, float* scales, float* sums)
    {
        for (int group = 0; group < Unit / groupSize; group++, x += groupSize, quants += groupSize)
        {
            scales[group] = ShortRow.Quantize(x, groupSize, Largest, quants);
            Vector256<int> total = Vector256<int>.Zero;
            for (int i = 0; i < groupSize; i += 16)
                total += Integers.MultiplyAddPairs(Vector256.Load(quants + i), Vector256<short>.One);
            sums[group] = scales[group] * Vector256.Sum(total);
        }
    }
}
