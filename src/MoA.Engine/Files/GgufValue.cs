using System.Buffers.Binary;
using System.Text;

namespace MoA.Engine.Files;

/// <summary>
/// One metadata value: a view of the mapped file, whose extent has been checked. Of an array, <paramref name="Type"/> is
/// that of its items.
/// </summary>
/// <param name="Type">Kind of the value or of the items.</param>
/// <param name="IsArray">Whether it is an array.</param>
/// <param name="Count">Number of items; 1 for a single value.</param>
/// <param name="Data">First byte of the first item.</param>
/// <param name="Bytes">Bytes of all items.</param>
internal readonly unsafe record struct GgufValue(GgufValueType Type, bool IsArray, long Count, nint Data, long Bytes)
{
    private byte* Start => (byte*)Data;

    /// <summary>Item <paramref name="index"/> as a whole number; null if it is none or beyond 64 signed bits.</summary>
    public long? Integer(long index)
    {
        byte* at = Start + index * Type.LeastBytes();
        ReadOnlySpan<byte> bytes = new(at, Type.LeastBytes());
        return Type switch
        {
            GgufValueType.UInt8 => *at,
            GgufValueType.Int8 => (sbyte)*at,
            GgufValueType.UInt16 => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
            GgufValueType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(bytes),
            GgufValueType.UInt32 => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
            GgufValueType.Int32 => BinaryPrimitives.ReadInt32LittleEndian(bytes),
            GgufValueType.Int64 => BinaryPrimitives.ReadInt64LittleEndian(bytes),
            GgufValueType.UInt64 => BinaryPrimitives.ReadInt64LittleEndian(bytes) is >= 0 and long value ? value : null,
            _ => null,
        };
    }

    /// <summary>Whether the first item is a whole number with all bits set: -1, whether or not its type has a sign.</summary>
    public bool IsMinusOne => Type.IsInteger() && Type is not (GgufValueType.UInt8 or GgufValueType.UInt16) &&
        !new ReadOnlySpan<byte>(Start, Type.LeastBytes()).ContainsAnyExcept((byte)0xFF);

    /// <summary>Item <paramref name="index"/> as a number; null if it is none.</summary>
    public double? Number(long index)
    {
        ReadOnlySpan<byte> bytes = new(Start + index * Type.LeastBytes(), Type.LeastBytes());
        return Type switch
        {
            GgufValueType.Float32 => BinaryPrimitives.ReadSingleLittleEndian(bytes),
            GgufValueType.Float64 => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
            _ => Integer(index),
        };
    }

    /// <summary>A single value as true or false; null if it is neither.</summary>
    public bool? Bool(long index) => Type == GgufValueType.Bool && Start[index] <= 1 ? Start[index] == 1 : null;

    /// <summary>The strings of the value in order; bytes that are no UTF-8 become U+FFFD.</summary>
    public List<string> Strings()
    {
        List<string> strings = new((int)Count);
        byte* at = Start;
        for (long i = 0; i < Count; i++)
        {
            int length = (int)BinaryPrimitives.ReadInt64LittleEndian(new ReadOnlySpan<byte>(at, 8));
            strings.Add(Encoding.UTF8.GetString(at + 8, length));
            at += 8 + length;
        }

        return strings;
    }

    /// <summary>The bytes of the items as they stand in the file.</summary>
    public ReadOnlySpan<byte> Raw => new(Start, (int)Bytes);

    /// <summary>The value for a message, cut to a sane length.</summary>
    public string Shown()
    {
        if (IsArray)
            return $"a list of {Count} values of type {Type}";
        return Type switch
        {
            GgufValueType.String => $"\"{InputFile.Cut(Strings()[0])}\"",
            GgufValueType.Bool => Bool(0) is bool flag ? (flag ? "true" : "false") : $"the byte {*Start}",
            _ => FormattableString.Invariant($"{Number(0)}"),
        };
    }
}
