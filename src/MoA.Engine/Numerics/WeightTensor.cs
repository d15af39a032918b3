using MoA.Engine.Numerics;

namespace MoA.Engine.Numerics;

/// <summary>
/// One weight of a model, in the format it is stored in: a view of memory that the model owns (a mapped file), or what a
/// device has made of it. Matrices are row-major <c>[Rows, Columns]</c> = [outputs, inputs]; vectors have one row.
/// </summary>
public unsafe class WeightTensor
{
    /// <summary>Describes <paramref name="rows"/> × <paramref name="columns"/> elements at <paramref name="data"/>.</summary>
    internal WeightTensor(string name, ElementType type, int rows, int columns, void* data)
    {
        Name = name;
        Type = type;
        Rows = rows;
        Columns = columns;
        BytesPerRow = type.RowBytes(columns);
        Data = data;
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

    /// <summary>Some of the rows, in the same memory.</summary>
    internal WeightTensor Part(int first, int rows) => new($"{Name} from row {first}", Type, rows, Columns, Row(first));

    internal byte* Row(int row) => (byte*)Data + row * BytesPerRow;
}
