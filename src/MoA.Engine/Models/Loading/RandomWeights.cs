using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>
/// Random matrices, drawn directly in the format they are stored in: elements independent, with mean near 0 and standard
/// deviation 1/√columns, so that activations keep their size from layer to layer. The same seed gives the same bytes,
/// whatever the number of threads.
/// </summary>
internal sealed unsafe class RandomWeights(ulong seed, ParallelOptions parallel)
{
    // A piece is drawn by one thread from a generator of its own.
    private const int ElementsPerPiece = 1 << 18;
    private const int PiecesAtOnce = 16;

    // Of the scales of groups in a block of 256; those of four bits.
    private const int SubScale = 32, SmallSubScale = 8;

    // Bytes of a block that are factors, at most.
    private const int LongestHead = 18;

    private ulong _stream;

    /// <summary>Bytes that are drawn at a time.</summary>
    public static long PieceBytes(ElementType type) => PiecesAtOnce * (long)(ElementsPerPiece / type.ElementsPerBlock()) * type.BytesPerBlock();

    /// <summary>Draws a matrix and writes it. The order of the calls matters.</summary>
    public Action<Stream> Matrix(ElementType type, int rows, int columns) => Matrix(type, rows, columns, Describe(columns));

    /// <summary>Draws a matrix that was described, and writes it.</summary>
    public Action<Stream> Matrix(ElementType type, int rows, int columns, RandomContent content) =>
        file => Write(file, type, (long)rows * columns / type.ElementsPerBlock(), content.Deviation, content.Stream);

    /// <summary>What a matrix is drawn from; on a device, which draws itself, come other elements than <see cref="Matrix(ElementType, int, int)"/> writes.</summary>
    public RandomContent Describe(int columns) => new(Mixed(++_stream, 0), (float)(1 / Math.Sqrt(columns)), _stream);

    /// <summary>Draws a vector around a mean.</summary>
    public float[] Vector(int length, float mean, float deviation)
    {
        SplitMix64 random = new(Mixed(++_stream, 0));
        float[] values = new float[length];
        for (int i = 0; i < length; i++)
            values[i] = mean + deviation * UniformOfUnitVariance((short)random.Next());
        return values;
    }

    private void Write(Stream file, ElementType type, long blocks, float deviation, ulong stream)
    {
        int blockBytes = type.BytesPerBlock();
        int blocksPerPiece = ElementsPerPiece / type.ElementsPerBlock();
        byte[] buffer = new byte[PiecesAtOnce * blocksPerPiece * blockBytes];
        long pieces = (blocks + blocksPerPiece - 1) / blocksPerPiece;
        fixed (byte* bytes = buffer)
        {
            nint start = (nint)bytes;
            for (long first = 0; first < pieces; first += PiecesAtOnce)
            {
                long from = first * blocksPerPiece;
                long count = Math.Min((long)PiecesAtOnce * blocksPerPiece, blocks - from);
                Parallel.For(0, (int)Math.Min(PiecesAtOnce, pieces - first), parallel, piece =>
                {
                    byte* to = (byte*)start + (nint)piece * blocksPerPiece * blockBytes;
                    int size = (int)Math.Min(blocksPerPiece, count - (long)piece * blocksPerPiece);
                    Fill(type, to, size, deviation, new SplitMix64(Mixed(stream, (ulong)(first + piece))));
                });
                file.Write(buffer, 0, (int)(count * blockBytes));
            }
        }
    }

    private static void Fill(ElementType type, byte* to, int blocks, float deviation, SplitMix64 random)
    {
        switch (type)
        {
            case ElementType.F32:
                for (int i = 0; i < blocks; i++)
                    ((float*)to)[i] = deviation * UniformOfUnitVariance((short)random.Next());
                break;
            case ElementType.F16:
                for (int i = 0; i < blocks; i++)
                    ((Half*)to)[i] = (Half)(deviation * UniformOfUnitVariance((short)random.Next()));
                break;
            case ElementType.BF16:
                for (int i = 0; i < blocks; i++)
                    ((ushort*)to)[i] = (ushort)(BitConverter.SingleToUInt32Bits(deviation * UniformOfUnitVariance((short)random.Next())) >> 16);
                break;
            default:
                FillBlocks(type, to, blocks, deviation, random);
                break;
        }
    }

    // Every quant is as likely as any other, or, where their range has no middle, every odd one, so that the mean is 0; the
    // factors, which are the same everywhere, give the deviation.
    private static void FillBlocks(ElementType type, byte* to, int blocks, float deviation, SplitMix64 random)
    {
        int blockBytes = type.BytesPerBlock();
        long bytes = (long)blocks * blockBytes;
        long i = 0;
        for (; i <= bytes - 8; i += 8)
            *(ulong*)(to + i) = random.Next();
        for (ulong last = random.Next(); i < bytes; i++, last >>= 8)
            to[i] = (byte)last;

        byte* open = stackalloc byte[blockBytes], ones = stackalloc byte[blockBytes];
        Pattern(type, deviation, new Span<byte>(open, blockBytes), new Span<byte>(ones, blockBytes));
        for (byte* block = to; block < to + bytes; block += blockBytes)
        {
            for (int j = 0; j < blockBytes; j += 8)
            {
                int at = Math.Min(j, blockBytes - 8); // the last eight bytes may have been done in part
                *(ulong*)(block + at) = (*(ulong*)(block + at) & *(ulong*)(open + at)) | *(ulong*)(ones + at);
            }
        }
    }

    /// <summary>What all random blocks of a quantized format have in common: a block is <c>random &amp; open | ones</c>.</summary>
    /// <param name="type">Format.</param>
    /// <param name="deviation">Of the elements.</param>
    /// <param name="open">A block: the bits that are random.</param>
    /// <param name="ones">A block: the bits that are set.</param>
    public static void Pattern(ElementType type, float deviation, Span<byte> open, Span<byte> ones)
    {
        (int first, int end, byte lowestBits) = type switch
        {
            ElementType.Q8_0 => (2, 34, (byte)0x01),
            ElementType.Q4_0 => (2, 18, (byte)0x11),
            ElementType.Q6_K => (0, 128, (byte)0x11),
            ElementType.Q5_0 => (6, 22, (byte)0x11),
            ElementType.IQ4_NL => (2, 18, (byte)0x11),
            ElementType.MXFP4 => (1, 17, (byte)0x11),
            ElementType.IQ4_XS => (8, 136, (byte)0x11),
            ElementType.Q3_K => (32, 96, (byte)0x55),
            _ => (0, 0, (byte)0),
        };
        byte* head = stackalloc byte[LongestHead];
        (int at, int length) = Factors(type, deviation, head);
        open.Fill(0xFF);
        open.Slice(at, length).Clear();
        ones.Clear();
        ones[first..end].Fill(lowestBits);
        new ReadOnlySpan<byte>(head, length).CopyTo(ones[at..]);
        if (type != ElementType.Q2_K)
            return;
        // 0 to 3, less as much as the mean: scales and minima of 4 bits, all 8, and the factors of both at the end.
        open[..16].Clear();
        ones[..16].Fill(SmallSubScale | (SmallSubScale << 4));
    }

    // The bytes of a block that are its factors, and where they stand.
    private static (int Offset, int Length) Factors(ElementType type, float deviation, byte* head)
    {
        switch (type)
        {
            case ElementType.Q8_0: // -128 to 127
                *(Half*)head = (Half)(deviation / Spread(256));
                return (0, 2);
            case ElementType.Q4_0: // -8 to 7
                *(Half*)head = (Half)(deviation / Spread(16));
                return (0, 2);
            case ElementType.Q6_K: // 16 scales of 8 bits, then the factor; -32 to 31
                new Span<byte>(head, 16).Fill(SubScale);
                *(Half*)(head + 16) = (Half)(deviation / Spread(64) / SubScale);
                return (192, 18);
            case ElementType.Q5_0: // -16 to 15
                *(Half*)head = (Half)(deviation / Spread(32));
                return (0, 2);
            case ElementType.Q4_1:
                return RangeFactors(deviation, 16, head);
            case ElementType.Q5_1:
                return RangeFactors(deviation, 32, head);
            case ElementType.IQ4_NL:
                *(Half*)head = (Half)(deviation / SpreadOfOdd(BlockIQ4.Steps));
                return (0, 2);
            case ElementType.IQ4_XS: // scales of 32 + 16: upper bits 3, lower bits 0
                *(Half*)head = (Half)(deviation / SpreadOfOdd(BlockIQ4.Steps) / 16);
                new Span<byte>(head + 2, 2).Fill(0xFF);
                new Span<byte>(head + 4, 4).Clear();
                return (0, 8);
            case ElementType.MXFP4: // the nearest power of two
                head[0] = (byte)Math.Clamp(127 + (int)Math.Round(Math.Log2(2 * deviation / SpreadOfOdd(BlockMXFP4.Doubled))), 0, BlockMXFP4.LargestExponent);
                return (0, 1);
            case ElementType.Q2_K:
                float factor = deviation / Spread(4) / SmallSubScale;
                ((Half*)head)[0] = (Half)factor;
                ((Half*)head)[1] = (Half)(factor * 1.5f);
                return (BlockQ2K.Factor, 4);
            case ElementType.Q3_K: // 16 scales of 32 + 16, then the factor; -3, -1, 1, 3
                new Span<byte>(head, 8).Clear();
                new Span<byte>(head + 8, 4).Fill(0xFF);
                *(Half*)(head + 12) = (Half)(deviation / (2 * Spread(4)) / 16);
                return (96, 14);
            case ElementType.Q4_K:
                return SixBitFactors(deviation, 16, head);
            case ElementType.Q5_K:
                return SixBitFactors(deviation, 32, head);
            default:
                throw ElementFormat.Unknown(type);
        }
    }

    // 0 to 15 or 31, less as much as the mean: scales and minima of 6 bits, all 32.
    private static (int Offset, int Length) SixBitFactors(float deviation, int levels, byte* head)
    {
        float factor = deviation / Spread(levels) / SubScale;
        ((Half*)head)[0] = (Half)factor;
        ((Half*)head)[1] = (Half)(factor * (levels - 1) / 2);
        new Span<byte>(head + 4, 8).Fill(SubScale | (SubScale >> 4 << 6));
        new Span<byte>(head + 12, 4).Clear();
        return (0, 16);
    }

    // 0 to 15 or 31, less as much as the mean.
    private static (int Offset, int Length) RangeFactors(float deviation, int levels, byte* head)
    {
        float scale = deviation / Spread(levels);
        ((Half*)head)[0] = (Half)scale;
        ((Half*)head)[1] = (Half)(scale * (1 - levels) / 2);
        return (0, 4);
    }

    // Of every second of 16 steps, whose mean is near 0.
    private static float SpreadOfOdd(Vector128<sbyte> steps)
    {
        double squares = 0;
        for (int i = 1; i < Vector128<sbyte>.Count; i += 2)
            squares += steps[i] * steps[i];
        return (float)Math.Sqrt(squares / 8);
    }

    // Standard deviation of a whole number drawn evenly from so many neighbours.
    private static float Spread(int levels) => (float)Math.Sqrt((levels * (double)levels - 1) / 12);

    private static float UniformOfUnitVariance(short bits) => bits * (1.7320508f / 32768);

    private ulong Mixed(ulong stream, ulong piece) =>
        new SplitMix64(new SplitMix64(seed ^ (stream * 0xD1342543DE82EF95)).Next() ^ piece).Next();
}
