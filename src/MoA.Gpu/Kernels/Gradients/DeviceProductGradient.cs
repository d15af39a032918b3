using ILGPU;
using MoA.Engine.Numerics;
using MoA.Gpu.Device;
using MoA.Gpu.Weights;

namespace MoA.Gpu.Kernels.Gradients;

/// <summary>Chooses the kernel of a weight's format.</summary>
internal static class DeviceProductGradient
{
    /// <summary>dx (+)= dy·W, for any number of rows.</summary>
    /// <param name="session">The device.</param>
    /// <param name="type">The weight's format.</param>
    /// <param name="weight">The weight.</param>
    /// <param name="outputGradient">[rows, weight rows] floats, padded to whole octets.</param>
    /// <param name="inputGradient">[rows, weight columns] floats, padded to whole octets.</param>
    /// <param name="quads">Quads of a row of the input gradient.</param>
    /// <param name="accumulate">Whether to add to what stands there.</param>
    public static void Run(
        DeviceSession session, ElementType type, DeviceWeight weight, InputRows outputGradient, ArrayView<Quad> inputGradient,
        int quads, bool accumulate)
    {
        switch (type)
        {
            case ElementType.F32: Run<DeviceF32>(); break;
            case ElementType.F16: Run<DeviceF16>(); break;
            case ElementType.BF16: Run<DeviceBF16>(); break;
            case ElementType.Q8_0: Run<DeviceQ8>(); break;
            case ElementType.Q4_0: Run<DeviceQ4>(); break;
            case ElementType.Q4_K: Run<DeviceQ4K>(); break;
            case ElementType.Q5_K: Run<DeviceQ5K>(); break;
            case ElementType.Q6_K: Run<DeviceQ6K>(); break;
            default: throw ElementFormat.Unknown(type);
        }

        void Run<TFormat>()
            where TFormat : struct, IDeviceFormat
        {
            TransposedProduct<TFormat> kernel = new()
            {
                Weight = weight,
                OutputGradient = outputGradient,
                InputGradient = inputGradient,
                Quads = quads,
                Accumulate = accumulate ? 1 : 0,
            };
            session.RunTiles(kernel, kernel.Tiles);
        }
    }
}
