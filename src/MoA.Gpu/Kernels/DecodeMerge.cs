using ILGPU;
using MoA.Gpu.Caches;

namespace MoA.Gpu.Kernels;

/// <summary>Joins what the pieces of each head found, in order. A warp a query head.</summary>
internal struct DecodeMerge : IDeviceKernel
{
    public ArrayView<DecodeItem> Items;

    public PartialOutputs Partials;

    /// <summary>[rows, KV heads·group·d] floats.</summary>
    public ArrayView<Quad> Outputs;

    public int KeyValueHeads;

    public int Group;

    /// <summary>Warps of a launch.</summary>
    public readonly long Warps => Items.Length * Group;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int warp = Threads.Warp;
        if (warp >= Items.Length * Group)
            return;
        DecodeItem item = Items[warp / Group];
        int head = warp % Group, end = item.FirstPiece + item.Pieces;
        float largest = -1e30f, sum = 0;
        for (int piece = item.FirstPiece; piece < end; piece++)
            largest = Math.Max(largest, Partials.States[2 * ((long)piece * Group + head)]);
        for (int piece = item.FirstPiece; piece < end; piece++)
        {
            long state = 2 * ((long)piece * Group + head);
            sum += Partials.States[state + 1] * IntrinsicMath.CPUOnly.Exp2(Partials.States[state] - largest);
        }

        long to = (((long)item.Row * KeyValueHeads + item.Head) * Group + head) * Partials.HeadQuads;
        for (int quad = Threads.Lane; quad < Partials.HeadQuads; quad += Threads.PerWarp)
        {
            float x = 0, y = 0, z = 0, w = 0;
            for (int piece = item.FirstPiece; piece < end; piece++)
            {
                long at = (long)piece * Group + head;
                float weight = IntrinsicMath.CPUOnly.Exp2(Partials.States[2 * at] - largest);
                Quad partial = Partials.Quads[at * Partials.HeadQuads + quad];
                x += partial.FloatX * weight;
                y += partial.FloatY * weight;
                z += partial.FloatZ * weight;
                w += partial.FloatW * weight;
            }

            float inverse = 1 / sum;
            Outputs[to + quad] = Quad.Of(x * inverse, y * inverse, z * inverse, w * inverse);
        }
    }
}
