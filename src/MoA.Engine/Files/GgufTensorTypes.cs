using MoA.Engine.Numerics;

namespace MoA.Engine.Files;

/// <summary>The numbers that GGUF files give to tensor formats (<c>ggml_type</c>).</summary>
internal static class GgufTensorTypes
{
    // The numbers of tensors (ggml_type) and of files whose matrices are such tensors (general.file_type).
    private static readonly (uint Code, ElementType Type, uint FileType)[] Supported =
    [
        (0, ElementType.F32, 0), (1, ElementType.F16, 1), (2, ElementType.Q4_0, 2), (8, ElementType.Q8_0, 7), (12, ElementType.Q4_K, 14),
        (13, ElementType.Q5_K, 16), (14, ElementType.Q6_K, 18), (30, ElementType.BF16, 32),
        (3, ElementType.Q4_1, 3), (6, ElementType.Q5_0, 8), (7, ElementType.Q5_1, 9), (10, ElementType.Q2_K, 10), (11, ElementType.Q3_K, 12),
        (20, ElementType.IQ4_NL, 25), (23, ElementType.IQ4_XS, 30), (39, ElementType.MXFP4, 38),
    ];

    // By number; those that are read stand here too.
    private static readonly string?[] Names =
    [
        "F32", "F16", "Q4_0", "Q4_1", null, null, "Q5_0", "Q5_1", "Q8_0", "Q8_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "Q8_K",
        "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS", "I8", "I16", "I32", "I64", "F64", "IQ1_M",
        "BF16", null, null, null, "TQ1_0", "TQ2_0", null, null, null, "MXFP4",
    ];

    /// <summary>The formats that are read, for messages.</summary>
    public static string SupportedNames => string.Join(", ", Supported.Select(known => known.Type));

    /// <summary>The format of a number; null if it is not read.</summary>
    public static ElementType? Type(uint code)
    {
        foreach ((uint known, ElementType type, _) in Supported)
        {
            if (known == code)
                return type;
        }

        return null;
    }

    /// <summary>The number of a format.</summary>
    public static uint Code(ElementType type) => Find(type).Code;

    /// <summary>The name of a number that is not read.</summary>
    public static string NameOf(uint code) => (code < Names.Length ? Names[code] : null) ?? $"of the unknown type {code}";

    /// <summary>What <c>general.file_type</c> calls a file whose matrices are in a format.</summary>
    public static uint FileType(ElementType type) => Find(type).FileType;

    private static (uint Code, ElementType Type, uint FileType) Find(ElementType type)
    {
        int at = Array.FindIndex(Supported, known => known.Type == type);
        return at >= 0 ? Supported[at] : throw ElementFormat.Unknown(type);
    }
}
