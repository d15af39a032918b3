using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>The numbers that GGUF files give to tensor formats (<c>ggml_type</c>).</summary>
internal static class GgufTensorTypes
{
    private static readonly (uint Code, ElementType Type)[] Supported =
    [
        (0, ElementType.F32), (1, ElementType.F16), (2, ElementType.Q4_0), (8, ElementType.Q8_0), (12, ElementType.Q4_K),
        (13, ElementType.Q5_K), (14, ElementType.Q6_K), (30, ElementType.BF16),
    ];

    private static readonly Dictionary<uint, string> OtherNames = new()
    {
        [3] = "Q4_1", [6] = "Q5_0", [7] = "Q5_1", [9] = "Q8_1", [10] = "Q2_K", [11] = "Q3_K", [15] = "Q8_K",
        [16] = "IQ2_XXS", [17] = "IQ2_XS", [18] = "IQ3_XXS", [19] = "IQ1_S", [20] = "IQ4_NL", [21] = "IQ3_S",
        [22] = "IQ2_S", [23] = "IQ4_XS", [24] = "I8", [25] = "I16", [26] = "I32", [27] = "I64", [28] = "F64",
        [29] = "IQ1_M", [34] = "TQ1_0", [35] = "TQ2_0", [39] = "MXFP4", [40] = "NVFP4",
    };

    /// <summary>The formats that are read, for messages.</summary>
    public static string Names => string.Join(", ", Supported.Select(known => known.Type));

    /// <summary>The format of a number; null if it is not read.</summary>
    public static ElementType? Type(uint code)
    {
        foreach ((uint known, ElementType type) in Supported)
        {
            if (known == code)
                return type;
        }

        return null;
    }

    /// <summary>The number of a format.</summary>
    public static uint Code(ElementType type) => Supported.First(known => known.Type == type).Code;

    /// <summary>The name of a number that is not read.</summary>
    public static string NameOf(uint code) => OtherNames.GetValueOrDefault(code, $"of the unknown type {code}");

    /// <summary>What <c>general.file_type</c> calls a file whose matrices are in a format.</summary>
    public static uint FileType(ElementType type) => type switch
    {
        ElementType.F32 => 0,
        ElementType.F16 => 1,
        ElementType.Q4_0 => 2,
        ElementType.Q8_0 => 7,
        ElementType.Q4_K => 14,
        ElementType.Q5_K => 16,
        ElementType.Q6_K => 18,
        _ => 32,
    };
}
