using System.Runtime.InteropServices;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Search.Profiling;

/// <summary>
/// The residual streams that the forward pass of one item keeps for the backward pass, in memory or in a temporary file.
/// Each is [rows, width] in F32.
/// </summary>
internal sealed unsafe class ResidualStore : IDisposable
{
    private readonly ComputeBackend _backend;
    private readonly NativeBuffer<float>? _memory;
    private readonly UnlinkedFile? _file;
    private readonly float[] _piece = [];
    private readonly long _elements;

    /// <summary>Makes room.</summary>
    /// <param name="backend">The device of the tensors.</param>
    /// <param name="streams">How many are kept.</param>
    /// <param name="rows">Most rows of each.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="folder">Where the temporary file goes; null: into memory.</param>
    public ResidualStore(ComputeBackend backend, int streams, int rows, int width, string? folder)
    {
        _backend = backend;
        _elements = (long)rows * width;
        if (folder is null)
        {
            _memory = new NativeBuffer<float>(backend.Allocator, streams * _elements);
            return;
        }

        _file = new UnlinkedFile(folder);
        _piece = new float[Math.Min(rows, ProfilerWorkspace.ChunkRows) * width];
    }

    /// <summary>Whether the streams are on disk.</summary>
    public bool IsOnDisk => _file is not null;

    /// <summary>Keeps the first rows of a tensor as one of the streams.</summary>
    public void Save(int stream, Tensor from, int rows)
    {
        for (int row = 0; row < rows; row += ProfilerWorkspace.ChunkRows)
        {
            int count = Math.Min(ProfilerWorkspace.ChunkRows, rows - row);
            long start = stream * _elements + (long)row * from.Columns;
            Span<float> piece = Piece(start, count * from.Columns);
            _backend.Read(from.From(row), count, piece);
            _file?.Write(MemoryMarshal.AsBytes(piece), start * sizeof(float));
        }
    }

    /// <summary>Gives back what was kept.</summary>
    public void Load(int stream, Tensor to, int rows)
    {
        for (int row = 0; row < rows; row += ProfilerWorkspace.ChunkRows)
        {
            int count = Math.Min(ProfilerWorkspace.ChunkRows, rows - row);
            long start = stream * _elements + (long)row * to.Columns;
            Span<float> piece = Piece(start, count * to.Columns);
            _file?.Read(MemoryMarshal.AsBytes(piece), start * sizeof(float));
            _backend.Write(piece, count, to.From(row));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _memory?.Dispose();
        _file?.Dispose();
    }

    // Where some numbers are kept in memory, or what takes them on their way to the file and back.
    private Span<float> Piece(long start, int count) => _memory is null ? _piece.AsSpan(0, count) : new Span<float>(_memory.Data + start, count);
}
