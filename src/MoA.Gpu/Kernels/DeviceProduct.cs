using ILGPU;
using MoA.Engine.Numerics;
using MoA.Gpu.Device;
using MoA.Gpu.Weights;

namespace MoA.Gpu.Kernels;

/// <summary>Chooses the kernel of a format.</summary>
internal static class DeviceProduct
{
    /// <summary>Rows of inputs up to which reading the weight is what takes time.</summary>
    public const int FewRows = 16;

    /// <summary>y (+)= x·W'; the weight is read once for up to eight rows.</summary>
    public static void Run(DeviceSession session, ElementType type, DeviceWeight weight, InputRows inputs, ProductOutputs outputs)
    {
        switch (type)
        {
            case ElementType.F32: Run<DeviceF32>(session, weight, inputs, outputs); break;
            case ElementType.F16: Run<DeviceF16>(session, weight, inputs, outputs); break;
            case ElementType.BF16: Run<DeviceBF16>(session, weight, inputs, outputs); break;
            case ElementType.Q8_0: Run<DeviceQ8>(session, weight, inputs, outputs); break;
            case ElementType.Q4_0: Run<DeviceQ4>(session, weight, inputs, outputs); break;
            case ElementType.Q4_K: Run<DeviceQ4K>(session, weight, inputs, outputs); break;
            case ElementType.Q5_K: Run<DeviceQ5K>(session, weight, inputs, outputs); break;
            case ElementType.Q6_K: Run<DeviceQ6K>(session, weight, inputs, outputs); break;
            default: throw ElementFormat.Unknown(type);
        }
    }

    /// <summary>y[i] = embedding[tokens[i]], widened.</summary>
    public static void Embed(
        DeviceSession session, ElementType type, DeviceWeight embedding, ArrayView<int> tokens, ArrayView<Quad> y)
    {
        switch (type)
        {
            case ElementType.F32: Embed<DeviceF32>(session, embedding, tokens, y); break;
            case ElementType.F16: Embed<DeviceF16>(session, embedding, tokens, y); break;
            case ElementType.BF16: Embed<DeviceBF16>(session, embedding, tokens, y); break;
            case ElementType.Q8_0: Embed<DeviceQ8>(session, embedding, tokens, y); break;
            case ElementType.Q4_0: Embed<DeviceQ4>(session, embedding, tokens, y); break;
            case ElementType.Q4_K: Embed<DeviceQ4K>(session, embedding, tokens, y); break;
            case ElementType.Q5_K: Embed<DeviceQ5K>(session, embedding, tokens, y); break;
            case ElementType.Q6_K: Embed<DeviceQ6K>(session, embedding, tokens, y); break;
            default: throw ElementFormat.Unknown(type);
        }
    }

    private static void Run<TFormat>(DeviceSession session, DeviceWeight weight, InputRows inputs, ProductOutputs outputs)
        where TFormat : struct, IDeviceFormat
    {
        switch (inputs.Rows)
        {
            case > FewRows:
                ManyRowProduct<TFormat> kernel = new() { Weight = weight, Inputs = inputs, Outputs = outputs };
                session.RunThreads(kernel, kernel.Threads);
                break;
            case 1: Run<TFormat, One>(session, weight, inputs, outputs); break;
            case 2: Run<TFormat, Twice<One>>(session, weight, inputs, outputs); break;
            case <= 4: Run<TFormat, Twice<Twice<One>>>(session, weight, inputs, outputs); break;
            default: Run<TFormat, Twice<Twice<Twice<One>>>>(session, weight, inputs, outputs); break;
        }
    }

    private static void Run<TFormat, TRows>(DeviceSession session, DeviceWeight weight, InputRows inputs, ProductOutputs outputs)
        where TFormat : struct, IDeviceFormat
        where TRows : struct, IRowSums
    {
        FewRowProduct<TFormat, TRows> kernel = new() { Weight = weight, Inputs = inputs, Outputs = outputs };
        session.RunWarps(kernel, kernel.Warps);
    }

    private static void Embed<TFormat>(DeviceSession session, DeviceWeight embedding, ArrayView<int> tokens, ArrayView<Quad> y)
        where TFormat : struct, IDeviceFormat
    {
        EmbedRows<TFormat> kernel = new() { Embedding = embedding, Tokens = tokens, Y = y };
        session.RunThreads(kernel, tokens.Length * embedding.BlocksPerRow * TFormat.PartsPerBlock);
    }
}
