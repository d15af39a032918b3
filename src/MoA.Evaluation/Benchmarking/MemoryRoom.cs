using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Evaluation.Benchmarking;

/// <summary>The memory in which a benchmark's caches will be.</summary>
/// <param name="HeldBytes">What the loaded model holds there: weights and activations.</param>
/// <param name="FreeBytes">What caches may take.</param>
internal sealed record MemoryRoom(long HeldBytes, long FreeBytes)
{
    // What is available by the system's own estimate is not taken to the last byte.
    private const int ShareLeft = 16;

    /// <summary>
    /// The memory of what the model runs on: a device's own, or the processor's with mapped weights as if all of them were in it and copied ones once.
    /// </summary>
    /// <param name="model">The model, loaded.</param>
    /// <param name="limit">Bytes that weights, activations and caches may take; null for all that can be had.</param>
    public static MemoryRoom Of(LanguageModel model, long? limit = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ComputeBackend backend = model.Transformer.Backend;
        if (backend.Gauge is DeviceGauge device)
        {
            _ = device.CopyBandwidth(); // what it takes is no longer free
            long taken = backend.AllocatedBytes, free = device.FreeBytes;
            return new MemoryRoom(taken, limit is long bound ? Math.Min(bound - taken, free) : free);
        }

        long weights = model.Transformer.WeightBytes, held = weights - model.Transformer.CopiedWeightBytes + backend.AllocatedBytes;
        if (limit is long most)
            return new MemoryRoom(held, most - held);
        long available = AvailableMemory.Bytes();
        return new MemoryRoom(held, available - available / ShareLeft - Math.Max(0, weights - ProcessMemory.PrivateResidentBytes()));
    }
}
