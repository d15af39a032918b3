using System.IO.Compression;
using System.Text;

namespace MoA.Engine.Tokenization.Normalizing;

/// <summary>
/// The character data of Unicode normalisation. The product runs in .NET's invariant mode, in which
/// <see cref="string.Normalize()"/> leaves text as it is.
/// </summary>
internal static partial class UnicodeTables
{
    private static readonly Dictionary<int, int[]>[] Tables = Unpack();

    private static readonly Dictionary<long, int> Composed =
        Tables[3].ToDictionary(entry => Pair(entry.Value[0], entry.Value[1]), entry => entry.Key);

    /// <summary>The canonical combining class of a code point; 0 for a starter.</summary>
    public static int CombiningClass(int codePoint) =>
        Tables[0].TryGetValue(codePoint, out int[]? value) ? value[0] : 0;

    /// <summary>The full decomposition of a code point other than a Hangul syllable; null where it stands for itself.</summary>
    public static int[]? Decomposition(int codePoint, bool compatibility) =>
        (compatibility ? Tables[2].GetValueOrDefault(codePoint) : null) ?? Tables[1].GetValueOrDefault(codePoint);

    /// <summary>What two code points compose to; null where they do not.</summary>
    public static int? Composition(int first, int second) =>
        Composed.TryGetValue(Pair(first, second), out int codePoint) ? codePoint : null;

    private static long Pair(int first, int second) => (long)first << 32 | (uint)second;

    private static Dictionary<int, int[]>[] Unpack()
    {
        string packed = Packed.ReplaceLineEndings("");
        using var deflated = new MemoryStream(Convert.FromBase64String(packed));
        using var stream = new DeflateStream(deflated, CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        bytes.Position = 0;
        using var reader = new BinaryReader(bytes, Encoding.UTF8);
        return [.. Enumerable.Range(0, 4).Select(_ => ReadTable(reader))];
    }

    // A table column by column: differences of the keys, lengths of the values, then first values, second values …
    private static Dictionary<int, int[]> ReadTable(BinaryReader reader)
    {
        var keys = new int[reader.Read7BitEncodedInt()];
        var values = new int[keys.Length][];
        for (int i = 0, key = 0; i < keys.Length; i++)
            keys[i] = key += reader.Read7BitEncodedInt();
        for (int i = 0; i < keys.Length; i++)
            values[i] = new int[reader.Read7BitEncodedInt()];
        int columns = values.Max(value => value.Length);
        for (int column = 0; column < columns; column++)
        {
            int last = 0;
            foreach (int[] value in values.Where(value => value.Length > column))
            {
                int difference = reader.Read7BitEncodedInt();
                value[column] = last += (difference & 1) == 0 ? difference / 2 : -(difference + 1) / 2;
            }
        }

        return keys.Zip(values).ToDictionary(entry => entry.First, entry => entry.Second);
    }
}
