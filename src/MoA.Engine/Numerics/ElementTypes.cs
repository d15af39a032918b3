namespace MoA.Engine.Numerics;

/// <summary>
/// Sizes and names of <see cref="ElementType"/> values. Of a value that is no format they throw
/// <see cref="ArgumentOutOfRangeException"/>.
/// </summary>
internal static class ElementTypes
{
    /// <summary>Every format, in the order of the enumeration.</summary>
    public static IReadOnlyList<ElementType> All { get; } = [.. ElementFormat.All.Select(format => format.Type)];

    /// <summary>Whether elements stand in blocks that share factors.</summary>
    public static bool IsQuantized(this ElementType type) => ElementFormat.Of(type).Elements > 1;

    /// <summary>Consecutive elements that are stored together: 1, 32 or 256. A row holds whole blocks.</summary>
    public static int ElementsPerBlock(this ElementType type) => ElementFormat.Of(type).Elements;

    /// <summary>Bytes of one block.</summary>
    public static int BytesPerBlock(this ElementType type) => ElementFormat.Of(type).Bytes;

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
    public static string Name(this ElementType type) => ElementFormat.Of(type).Name;

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
