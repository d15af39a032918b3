namespace MoA.Engine.Numerics;

/// <summary>Sizes and names of <see cref="ElementType"/> values.</summary>
public static class ElementTypes
{
    /// <summary>Every format, in the order of the enumeration.</summary>
    public static IReadOnlyList<ElementType> All { get; } = Enum.GetValues<ElementType>();

    /// <summary>Whether elements stand in blocks that share factors.</summary>
    public static bool IsQuantized(this ElementType type) => type >= ElementType.Q8_0;

    /// <summary>Consecutive elements that are stored together: 1, 32 or 256. A row holds whole blocks.</summary>
    public static int ElementsPerBlock(this ElementType type) => type switch
    {
        ElementType.F32 or ElementType.F16 or ElementType.BF16 => 1,
        ElementType.Q8_0 or ElementType.Q4_0 => 32,
        _ => 256,
    };

    /// <summary>Bytes of one block.</summary>
    public static int BytesPerBlock(this ElementType type) => type switch
    {
        ElementType.F32 => 4,
        ElementType.F16 or ElementType.BF16 => 2,
        ElementType.Q8_0 => BlockQ8.Bytes,
        ElementType.Q4_0 => BlockQ4.Bytes,
        ElementType.Q4_K => BlockQ4K.Bytes,
        ElementType.Q5_K => BlockQ5K.Bytes,
        _ => BlockQ6K.Bytes,
    };

    /// <summary>Bytes of <paramref name="elements"/> consecutive elements.</summary>
    /// <param name="type">Format.</param>
    /// <param name="elements">A multiple of <see cref="ElementsPerBlock"/>.</param>
    /// <exception cref="ArgumentException">The elements do not fill whole blocks.</exception>
    public static long RowBytes(this ElementType type, long elements)
    {
        (long blocks, long rest) = Math.DivRem(elements, type.ElementsPerBlock());
        if (rest != 0)
        {
            throw new ArgumentException(
                $"{elements} elements do not fill whole blocks of {type.ElementsPerBlock()} of {type.Name()}.", nameof(elements));
        }

        return blocks * type.BytesPerBlock();
    }

    /// <summary>The name used on the command line and in files: f32, bf16, q8_0, q4_k.</summary>
    public static string Name(this ElementType type) => type switch
    {
        ElementType.F32 => "f32",
        ElementType.F16 => "f16",
        ElementType.BF16 => "bf16",
        ElementType.Q8_0 => "q8_0",
        ElementType.Q4_0 => "q4_0",
        ElementType.Q4_K => "q4_k",
        ElementType.Q5_K => "q5_k",
        _ => "q6_k",
    };

    /// <summary>The format of a <see cref="Name"/>, upper or lower case, or null.</summary>
    public static ElementType? Parse(string? name)
    {
        foreach (ElementType type in All)
        {
            if (string.Equals(type.Name(), name, StringComparison.OrdinalIgnoreCase))
                return type;
        }

        return null;
    }
}
