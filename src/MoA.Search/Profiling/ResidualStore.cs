using MoA.Engine.Numerics;

namespace MoA.Search.Profiling;

/// <summary>
/// The residual streams that the forward pass of one item keeps for the backward pass, in memory or in a temporary file.
/// Each is [rows, width] in F32.
/// </summary>
internal sealed unsafe class ResidualStore : IDisposable
{
    private readonly NativeBuffer<float>? _memory;
    private readonly UnlinkedFile? _file;
    private readonly long _elements;

    /// <summary>Makes room.</summary>
    /// <param name="allocator">Counts the memory.</param>
    /// <param name="streams">How many are kept.</param>
    /// <param name="rows">Most rows of each.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="folder">Where the temporary file goes; null: into memory.</param>
    public ResidualStore(NativeAllocator allocator, int streams, int rows, int width, string? folder)
    {
        _elements = (long)rows * width;
        if (folder is null)
            _memory = new NativeBuffer<float>(allocator, streams * _elements);
        else
            _file = new UnlinkedFile(folder);
    }

    /// <summary>Whether the streams are on disk.</summary>
    public bool IsOnDisk => _file is not null;

    /// <summary>Keeps the first rows of a tensor as one of the streams.</summary>
    public void Save(int stream, Tensor from, int rows)
    {
        for (int row = 0; row < rows; row += ProfilerWorkspace.ChunkRows)
        {
            (long start, int bytes) = Piece(stream, row, rows, from.Columns);
            ReadOnlySpan<byte> piece = new(from.Data + (nint)row * from.Columns, bytes);
            if (_file is null)
                piece.CopyTo(new Span<byte>(_memory!.Data + start, bytes));
            else
                _file.Write(piece, start * sizeof(float));
        }
    }

    /// <summary>Gives back what was kept.</summary>
    public void Load(int stream, Tensor to, int rows)
    {
        for (int row = 0; row < rows; row += ProfilerWorkspace.ChunkRows)
        {
            (long start, int bytes) = Piece(stream, row, rows, to.Columns);
            Span<byte> piece = new(to.Data + (nint)row * to.Columns, bytes);
            if (_file is null)
                new ReadOnlySpan<byte>(_memory!.Data + start, bytes).CopyTo(piece);
            else
                _file.Read(piece, start * sizeof(float));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _memory?.Dispose();
        _file?.Dispose();
    }

    private (long Start, int Bytes) Piece(int stream, int row, int rows, int width)
    {
        int count = Math.Min(ProfilerWorkspace.ChunkRows, rows - row);
        return (stream * _elements + (long)row * width, count * width * sizeof(float));
    }
}
