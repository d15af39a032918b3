using ILGPU;
using MoA.Gpu.Caches;

namespace MoA.Gpu.Kernels;

/// <summary>Describes the rows that each KV head's next token attends to, in all layers. A thread a head.</summary>
internal struct DecodePlaces : IDeviceKernel
{
    public ArrayView<DecodeHead> Heads;

    public ArrayView<DecodeSequence> Sequences;

    public ArrayView<DecodeItem> Items;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int index = Threads.Index;
        if (index >= Heads.Length)
            return;
        DecodeHead head = Heads[index];
        Items[index] = DecodeItem.Of(head, Sequences[head.Sequence]);
    }
}
