using ILGPU;
using MoA.Gpu.Weights;

namespace MoA.Gpu.Kernels;

/// <summary>Copies rows of the embedding, widened: y[i] = embedding[tokens[i]]. A thread a part of a row.</summary>
internal struct EmbedRows<TFormat> : IDeviceKernel
    where TFormat : struct, IDeviceFormat
{
    public DeviceWeight Embedding;

    public ArrayView<int> Tokens;

    /// <summary>Rows of floats, padded to whole octets.</summary>
    public ArrayView<Quad> Y;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int parts = Embedding.BlocksPerRow * TFormat.PartsPerBlock, index = Threads.Index;
        int row = index / parts;
        if (row >= Tokens.Length)
            return;
        Row sink = new() { Y = Y, First = row * (Y.Length / Tokens.Length) };
        TFormat.Read(Embedding, Tokens[row], index % parts, ref sink);
    }

    private struct Row : IOctetSink
    {
        public ArrayView<Quad> Y;

        public long First;

        public readonly void Take(Octet numbers, int octet) => numbers.Store(Y, First + 2 * octet);
    }
}
