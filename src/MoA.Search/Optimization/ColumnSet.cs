using System.Numerics;

namespace MoA.Search.Optimization;

/// <summary>A set of columns, one bit each.</summary>
internal sealed class ColumnSet
{
    private readonly ulong[] _bits;

    private ColumnSet(ulong[] bits) => _bits = bits;

    public static ColumnSet All(int columns)
    {
        ColumnSet all = None(columns);
        for (int column = 0; column < columns; column++)
            all.Add(column);
        return all;
    }

    public static ColumnSet None(int columns) => new(new ulong[(columns + 63) / 64]);

    public ColumnSet Copy() => new((ulong[])_bits.Clone());

    public bool Contains(int column) => (_bits[column / 64] >> (column % 64) & 1) != 0;

    public void Add(int column) => _bits[column / 64] |= 1UL << (column % 64);

    public void Remove(int column) => _bits[column / 64] &= ~(1UL << (column % 64));

    public int[] ToArray()
    {
        int count = 0;
        foreach (ulong word in _bits)
            count += BitOperations.PopCount(word);
        int[] columns = new int[count];
        int next = 0;
        for (int i = 0; i < _bits.Length; i++)
        {
            for (ulong word = _bits[i]; word != 0; word &= word - 1)
                columns[next++] = i * 64 + BitOperations.TrailingZeroCount(word);
        }

        return columns;
    }
}
