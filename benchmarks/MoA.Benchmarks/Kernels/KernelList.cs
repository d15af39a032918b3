using MoA.Benchmarks.Limits;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Benchmarks.Kernels;

/// <summary>The kernels that are measured, at sizes of real models.</summary>
internal static class KernelList
{
    private static readonly ElementType[] CacheTypes = [ElementType.F32, ElementType.BF16, ElementType.Q8_0];

    /// <summary>All kernels on a machine; nothing is allocated yet.</summary>
    public static IEnumerable<Kernel> On(Machine machine, SharedMemory memory)
    {
        ElementType[] weightTypes = Enum.GetValues<ElementType>();
        foreach (ElementType type in weightTypes)
        {
            yield return new Projection(
                $"gemm {type.Name()} 512x4096x4096", Limit.MultiplyAdd, machine, memory, type, rows: 512, outputs: 4096, inputs: 4096);
        }

        foreach (int batch in new[] { 1, 8 })
        {
            foreach (ElementType type in weightTypes)
            {
                string name = batch == 1 ? $"gemv {type.Name()}" : $"gemv {type.Name()} batch {batch}";
                yield return new Projection(
                    name, Limit.Bandwidth, machine, memory, type, rows: batch, outputs: 11008, inputs: 4096);
            }
        }

        foreach (ElementType type in CacheTypes)
        {
            foreach (int headSize in new[] { 64, 128 })
            {
                foreach (int group in DecodeAttentionKernel.Groups)
                    yield return new DecodeAttentionKernel(machine, memory, type, headSize, group);
            }
        }

        foreach (int headSize in new[] { 64, 128 })
        {
            foreach (int group in new[] { 1, 4 })
            {
                Kernel dense = new PrefillAttentionKernel(machine, memory, ElementType.BF16, headSize, group, 1);
                yield return dense;
                foreach (double share in new[] { 0.5, 0.25 })
                    yield return new PrefillAttentionKernel(machine, memory, ElementType.BF16, headSize, group, share) { Dense = dense };
            }
        }

        ComputeBackend backend = machine.Backend;
        yield return RowKernel.RmsNorm(backend);
        yield return RowKernel.Rope(backend);
        yield return RowKernel.SwiGlu(backend);
    }
}
