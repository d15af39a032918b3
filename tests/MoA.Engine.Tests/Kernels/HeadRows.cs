using MoA.Engine.Files;
using MoA.Engine.Numerics;

namespace MoA.Engine.Tests.Kernels;

/// <summary>Queries, keys and values of a sequence's positions: dense rows [positions, heads·size].</summary>
internal sealed record HeadRows(int Positions, int QueryHeads, int KeyValueHeads, int HeadSize)
{
    public required float[] Queries { get; init; }

    public required float[] Keys { get; init; }

    public required float[] Values { get; init; }

    public int Group => QueryHeads / KeyValueHeads;

    /// <summary>Normally distributed rows; keys and values are bfloat16 numbers, so that any cache holds them exactly.</summary>
    public static HeadRows Random(int seed, int positions, int queryHeads, int keyValueHeads, int headSize)
    {
        Random random = new(seed);
        return new HeadRows(positions, queryHeads, keyValueHeads, headSize)
        {
            Queries = Numbers(queryHeads, exactBits: 24),
            Keys = Numbers(keyValueHeads, exactBits: 8),
            Values = Numbers(keyValueHeads, exactBits: 8),
        };

        float[] Numbers(int heads, int exactBits)
        {
            float[] numbers = new float[positions * heads * headSize];
            for (int i = 0; i < numbers.Length; i++)
            {
                double radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
                double normal = radius * Math.Cos(2 * Math.PI * random.NextDouble());
                uint mask = uint.MaxValue << (24 - exactBits);
                numbers[i] = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits((float)normal) & mask);
            }

            return numbers;
        }
    }

    /// <summary>The same rows, keys and values rounded to what a cache of the given format holds.</summary>
    public HeadRows RoundedTo(ElementType type) => this with { Keys = Rounded(Keys, type), Values = Rounded(Values, type) };

    /// <summary>Numbers as a format holds them.</summary>
    public static unsafe float[] Rounded(float[] numbers, ElementType type)
    {
        float[] rounded = new float[numbers.Length];
        byte[] stored = new byte[type.RowBytes(numbers.Length)];
        fixed (float* from = numbers, to = rounded)
        fixed (byte* between = stored)
        {
            Quantization.Quantize(from, type, between, numbers.Length);
            Quantization.Dequantize(type, between, to, numbers.Length);
        }

        return rounded;
    }

    /// <summary>Rows of a fixture, [heads, positions, size]; queries missing for the first positions are zero.</summary>
    public static HeadRows Read(SafetensorsFile file, string name, int heads, int positions, int headSize) =>
        new(positions, heads, heads, headSize)
        {
            Queries = PositionsFirst(file.ReadFloats($"{name}.q"), heads, positions, headSize),
            Keys = PositionsFirst(file.ReadFloats($"{name}.k"), heads, positions, headSize),
            Values = PositionsFirst(file.ReadFloats($"{name}.v"), heads, positions, headSize),
        };

    /// <summary>Turns [heads, rows, size] into [positions, heads·size], the rows being the last positions.</summary>
    public static float[] PositionsFirst(float[] tensor, int heads, int positions, int headSize)
    {
        int rows = tensor.Length / (heads * headSize);
        float[] result = new float[positions * heads * headSize];
        for (int head = 0; head < heads; head++)
        {
            for (int row = 0; row < rows; row++)
            {
                int position = positions - rows + row;
                tensor.AsSpan((head * rows + row) * headSize, headSize)
                    .CopyTo(result.AsSpan((position * heads + head) * headSize));
            }
        }

        return result;
    }
}
