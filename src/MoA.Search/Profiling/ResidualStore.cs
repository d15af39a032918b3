using System.Runtime.InteropServices;
using MoA.Engine.Kernels;
using MoA.Engine.Kernels.Gradients;
using MoA.Engine.Numerics;

namespace MoA.Search.Profiling;

/// <summary>
/// The residual streams that the forward pass of one item keeps for the backward pass, in the device's memory or in a temporary file.
/// Each is [rows, width] in F32.
/// </summary>
internal sealed class ResidualStore : IDisposable
{
    private readonly ComputeBackend _backend;
    private readonly GradientKernels _kernels;
    private readonly int _rows;
    private readonly Tensor? _memory;
    private readonly UnlinkedFile? _file;

    // What is on its way to the file or back.
    private readonly float[] _piece = [];

    /// <summary>Makes room.</summary>
    /// <param name="backend">The device of the tensors.</param>
    /// <param name="kernels">Its operations.</param>
    /// <param name="streams">How many are kept.</param>
    /// <param name="rows">Most rows of each.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="folder">Where the temporary file goes; null: into memory.</param>
    public ResidualStore(ComputeBackend backend, GradientKernels kernels, int streams, int rows, int width, string? folder)
    {
        _backend = backend;
        _kernels = kernels;
        _rows = rows;
        if (folder is null)
        {
            _memory = backend.Allocate(checked(streams * rows), width);
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
        if (_memory is not null)
        {
            _kernels.Copy(from, rows, _memory.From(stream * _rows));
            return;
        }

        for (int row = 0; row < rows; row += ProfilerWorkspace.ChunkRows)
        {
            int count = Math.Min(ProfilerWorkspace.ChunkRows, rows - row);
            Span<float> piece = _piece.AsSpan(0, count * from.Columns);
            _backend.Read(from.From(row), count, piece);
            _file!.Write(MemoryMarshal.AsBytes(piece), Start(stream, row, from.Columns));
        }
    }

    /// <summary>Gives back what was kept.</summary>
    public void Load(int stream, Tensor to, int rows)
    {
        if (_memory is not null)
        {
            _kernels.Copy(_memory.From(stream * _rows), rows, to);
            return;
        }

        for (int row = 0; row < rows; row += ProfilerWorkspace.ChunkRows)
        {
            int count = Math.Min(ProfilerWorkspace.ChunkRows, rows - row);
            Span<float> piece = _piece.AsSpan(0, count * to.Columns);
            _file!.Read(MemoryMarshal.AsBytes(piece), Start(stream, row, to.Columns));
            _backend.Write(piece, count, to.From(row));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _memory?.Dispose();
        _file?.Dispose();
    }

    private long Start(int stream, int row, int width) => ((long)stream * _rows + row) * width * sizeof(float);
}
