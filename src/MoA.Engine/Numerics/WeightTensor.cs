using MoA.Engine.Numerics;

namespace MoA.Engine.Numerics;

/// <summary>
/// One weight of a model, in the format it is stored in: a view of memory that the model owns (a mapped file), or what a
/// device has made of it. Matrices are row-major <c>[Rows, Columns]</c> = [outputs, inputs]; vectors have one row.
/// </summary>
internal unsafe class WeightTensor
{
    /// <summary>Describes <paramref name="rows"/> × <paramref name="columns"/> elements at <paramref name="data"/>.</summary>
    /// <param name="name">The name, for messages.</param>
    /// <param name="type">Format of the elements.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="data">The first row.</param>
    /// <param name="exponents">Where the exponents of MXFP4 blocks stand apart; see <see cref="Exponents"/>.</param>
    /// <param name="step">Rows of the memory from one row to the next; see <see cref="Step"/>.</param>
    internal WeightTensor(string name, ElementType type, int rows, int columns, void* data, void* exponents = null, int step = 1)
    {
        if (exponents is not null && type != ElementType.MXFP4)
            throw ElementFormat.Unknown(type);
        Name = name;
        Type = type;
        Rows = rows;
        Columns = columns;
        BytesPerRow = type.RowBytes(columns);
        Data = data;
        Exponents = (byte*)exponents;
        Step = step;
    }

    /// <summary>The name in the file, for messages.</summary>
    public string Name { get; }

    /// <summary>Format of the elements.</summary>
    public ElementType Type { get; }

    /// <summary>Outputs (1 for a vector).</summary>
    public int Rows { get; }

    /// <summary>Inputs (the length of a vector).</summary>
    public int Columns { get; }

    /// <summary>Bytes of the elements.</summary>
    public long Bytes => Rows * BytesPerRow;

    /// <summary>Bytes of one row.</summary>
    public long BytesPerRow { get; }

    /// <summary>What the elements are drawn from where they are stored nowhere; null where they stand at <see cref="Data"/>.</summary>
    internal RandomContent? Random { get; init; }

    internal void* Data { get; }

    /// <summary>
    /// The exponents of MXFP4 blocks, one a block, where a checkpoint keeps them apart: <see cref="Data"/> then has 16 bytes a block,
    /// each with two neighbours. Null where blocks are whole.
    /// </summary>
    internal byte* Exponents { get; }

    /// <summary>Rows of the memory from one row to the next: 1, or 2 where those of two weights alternate.</summary>
    internal int Step { get; }

    /// <summary>Bytes at <see cref="Data"/> from the first row to the last.</summary>
    internal long DataBytes => RowsSpanned * (Exponents is null ? BytesPerRow : Columns / 2);

    /// <summary>Bytes at <see cref="Exponents"/> from the first row to the last.</summary>
    internal long ExponentBytes => Exponents is null ? 0 : RowsSpanned * (Columns / BlockMXFP4.Size);

    private long RowsSpanned => Rows == 0 ? 0 : (Rows - 1L) * Step + 1;

    /// <summary>Some of the rows, in the same memory.</summary>
    internal WeightTensor Part(int first, int rows) => View($"{Name} from row {first}", first, rows, 1);

    /// <summary>Some of the rows under another name, in the same memory: neighbours, or every second one.</summary>
    /// <param name="name">The name.</param>
    /// <param name="first">The first row.</param>
    /// <param name="rows">How many.</param>
    /// <param name="step">1 or 2: from one of them to the next.</param>
    internal WeightTensor View(string name, int first, int rows, int step)
    {
        long skipped = (long)first * Step;
        byte* data = (byte*)Data + skipped * (Exponents is null ? BytesPerRow : Columns / 2);
        byte* exponents = Exponents is null ? null : Exponents + skipped * (Columns / BlockMXFP4.Size);
        return new WeightTensor(name, Type, rows, Columns, data, exponents, Step * step);
    }

    /// <summary>A row where it stands; of a weight whose blocks are whole.</summary>
    internal byte* Row(int row) => Exponents is null
        ? (byte*)Data + (long)row * Step * BytesPerRow
        : throw new InvalidOperationException($"The blocks of {Name} stand in two places.");

    /// <summary>Blocks of a row, from an element on that begins one: where they stand, or put together.</summary>
    /// <param name="row">The row.</param>
    /// <param name="first">The first element.</param>
    /// <param name="count">Elements, whole blocks.</param>
    /// <param name="room">Room for their bytes; see <see cref="RoomBytes"/>.</param>
    internal byte* Blocks(int row, int first, int count, byte* room)
    {
        if (Exponents is null)
            return Row(row) + Type.RowBytes(first);
        long block = ((long)row * Step * Columns + first) / BlockMXFP4.Size;
        for (int i = 0; i < count / BlockMXFP4.Size; i++)
            BlockMXFP4.Pack((byte*)Data + (block + i) * (BlockMXFP4.Size / 2), Exponents[block + i], room + i * BlockMXFP4.Bytes);
        return room;
    }

    /// <summary>Bytes of the room that <see cref="Blocks"/> needs for so many elements; 0 where they are read where they stand.</summary>
    internal int RoomBytes(int count) => Exponents is null ? 0 : (int)Type.RowBytes(count);
}
