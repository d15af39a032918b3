namespace MoA.Engine.Files;

/// <summary>The kinds of metadata values, numbered as in the file (docs/gguf.md of ggml, "File Structure").</summary>
internal enum GgufValueType : uint
{
    UInt8 = 0,
    Int8 = 1,
    UInt16 = 2,
    Int16 = 3,
    UInt32 = 4,
    Int32 = 5,
    Float32 = 6,
    Bool = 7,
    String = 8,
    Array = 9,
    UInt64 = 10,
    Int64 = 11,
    Float64 = 12,
}

/// <summary>Sizes of metadata values.</summary>
internal static class GgufValueTypes
{
    /// <summary>Whether a file may hold values of this kind.</summary>
    public static bool IsKnown(this GgufValueType type) => type <= GgufValueType.Float64;

    /// <summary>Whether values of this kind are whole numbers.</summary>
    public static bool IsInteger(this GgufValueType type) =>
        type is <= GgufValueType.Int32 or GgufValueType.UInt64 or GgufValueType.Int64;

    /// <summary>Bytes of a value; for strings and arrays, which have no fixed size, the fewest.</summary>
    public static int LeastBytes(this GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        GgufValueType.Array => 12,
        _ => 8,
    };
}
