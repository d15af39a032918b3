using ILGPU;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Weights;

/// <summary>A format of plain numbers, eight to a part.</summary>
internal interface IPlainFormat : IDeviceFormat
{
    /// <summary>Writes a part.</summary>
    static abstract void Write(ArrayView<Quad> quads, long part, Octet numbers);
}
