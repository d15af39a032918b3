namespace MoA.Engine.Numerics;

/// <summary>The table of number formats: a format's name, sizes and definition. What is not in it is refused.</summary>
internal sealed unsafe class ElementFormat
{
    // In the order of the enumeration.
    private static readonly ElementFormat[] Table =
    [
        Of<StoredF32>(ElementType.F32, "f32"),
        Of<StoredF16>(ElementType.F16, "f16"),
        Of<StoredBF16>(ElementType.BF16, "bf16"),
        Of<BlockQ8>(ElementType.Q8_0, "q8_0", 0),
        Of<BlockQ4>(ElementType.Q4_0, "q4_0", 0),
        Of<BlockQ4K>(ElementType.Q4_K, "q4_k", 0, 2),
        Of<BlockQ5K>(ElementType.Q5_K, "q5_k", 0, 2),
        Of<BlockQ6K>(ElementType.Q6_K, "q6_k", BlockQ6K.Factor),
        Of<BlockQ41>(ElementType.Q4_1, "q4_1", 0, 2),
        Of<BlockQ50>(ElementType.Q5_0, "q5_0", 0),
        Of<BlockQ51>(ElementType.Q5_1, "q5_1", 0, 2),
        Of<BlockQ2K>(ElementType.Q2_K, "q2_k", BlockQ2K.Factor, BlockQ2K.Factor + 2),
        Of<BlockQ3K>(ElementType.Q3_K, "q3_k", BlockQ3K.Factor),
        Of<BlockIQ4>(ElementType.IQ4_NL, "iq4_nl", 0),
        Of<BlockIQ4XS>(ElementType.IQ4_XS, "iq4_xs", 0),
        Of<BlockMXFP4>(ElementType.MXFP4, "mxfp4"),
    ];

    private readonly int[] _factors;

    private ElementFormat(
        ElementType type, string name, int elements, int bytes, int[] factors,
        delegate*<float*, byte*, long, void> quantize, delegate*<byte*, float*, long, void> dequantize)
    {
        Type = type;
        Name = name;
        Elements = elements;
        Bytes = bytes;
        _factors = factors;
        Quantize = quantize;
        Dequantize = dequantize;
    }

    /// <summary>Every format, in the order of the enumeration.</summary>
    public static IReadOnlyList<ElementFormat> All => Table;

    /// <summary>The value of the enumeration.</summary>
    public ElementType Type { get; }

    /// <summary>The name on the command line and in files.</summary>
    public string Name { get; }

    /// <summary>Elements of a block.</summary>
    public int Elements { get; }

    /// <summary>Bytes of a block.</summary>
    public int Bytes { get; }

    /// <summary>Where in a block its binary16 factors stand; none of plain numbers and of MXFP4.</summary>
    public ReadOnlySpan<int> Factors => _factors;

    /// <summary>Writes so many floats, whole blocks: the scalar definition.</summary>
    public delegate*<float*, byte*, long, void> Quantize { get; }

    /// <summary>Reads so many floats, whole blocks: the scalar definition.</summary>
    public delegate*<byte*, float*, long, void> Dequantize { get; }

    /// <summary>What the table says of a format.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It says nothing.</exception>
    public static ElementFormat Of(ElementType type) => (uint)type < (uint)Table.Length ? Table[(int)type] : throw Unknown(type);

    /// <summary>What is thrown where a format has no meaning: a new one whose kernels are missing, or no format at all.</summary>
    public static ArgumentOutOfRangeException Unknown(ElementType type) =>
        new(nameof(type), type, $"Not a number format that can be used here; there are {string.Join(", ", Table.Select(format => format.Name))}.");

    private static ElementFormat Of<TFormat>(ElementType type, string name, params int[] factors)
        where TFormat : IBlockFormat =>
        new(type, name, TFormat.BlockSize, TFormat.BlockBytes, factors, &QuantizeRow<TFormat>, &DequantizeRow<TFormat>);

    private static void QuantizeRow<TFormat>(float* source, byte* destination, long count)
        where TFormat : IBlockFormat
    {
        long size = TFormat.BlockSize;
        for (long i = 0; i < count; i += size, destination += TFormat.BlockBytes)
            TFormat.Quantize(source + i, destination);
    }

    private static void DequantizeRow<TFormat>(byte* source, float* destination, long count)
        where TFormat : IBlockFormat
    {
        long size = TFormat.BlockSize;
        for (long i = 0; i < count; i += size, source += TFormat.BlockBytes)
            TFormat.Dequantize(source, destination + i);
    }
}
