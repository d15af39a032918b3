namespace MoA.Engine.Numerics;

/// <summary>How one number of a stored tensor or of a KV row is written.</summary>
public enum ElementType
{
    /// <summary>IEEE 754 binary32, 4 bytes.</summary>
    F32,

    /// <summary>IEEE 754 binary16, 2 bytes.</summary>
    F16,

    /// <summary>bfloat16: the upper half of a binary32, 2 bytes.</summary>
    BF16,
}

/// <summary>Sizes and names of <see cref="ElementType"/> values.</summary>
public static class ElementTypes
{
    /// <summary>Bytes that one element takes.</summary>
    public static int SizeInBytes(this ElementType type) => type == ElementType.F32 ? 4 : 2;

    /// <summary>The name used on the command line and in files: f32, f16, bf16.</summary>
    public static string Name(this ElementType type) => type switch
    {
        ElementType.F32 => "f32",
        ElementType.F16 => "f16",
        _ => "bf16",
    };
}
