using ILGPU;
using MoA.Engine.Numerics;
using MoA.Gpu.Blas;
using MoA.Gpu.Caches;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;
using MoA.Gpu.Weights;

namespace MoA.Gpu.Cuda;

/// <summary>Compares every kernel on tensor cores with its portable twin, on the device itself and the same numbers.</summary>
internal sealed class TensorCoreChecks(DeviceSession session, DeviceMemory memory)
{
    // Sums in F32 of a few thousand products in another order, and twice as many bits lost where tensor cores cut off.
    private const double ProductLimit = 1e-3;

    // Weights rounded to bfloat16, 2^-9 of each on the average; queries here are bfloat16 numbers.
    private const double PrefillLimit = 2e-2;

    private const double DecodeLimit = 1e-3;

    /// <summary>Every tile of products, shapes of models.</summary>
    public static IReadOnlyList<ProductShape> Products { get; } =
    [
        new(9, 4096, 4096), new(16, 1000, 4104), new(32, 4096, 4096), new(64, 11008, 4096), new(300, 4097, 1031), new(2048, 4096, 4096), new(1024, 4096, 11008),
    ];

    /// <summary>Heads of every size, pieces of prompts, rings that wrapped, a model's own window.</summary>
    public static IReadOnlyList<AttentionShape> Attentions { get; } =
    [
        new(128, 32, 1, [64, 1], 0, 2048, null), new(128, 8, 4, [64, 8, 2], 5000, 512, null), new(64, 4, 2, [4], 1001, 300, 500),
        new(80, 4, 1, [100], 3000, 257, null), new(96, 2, 8, [16, 4], 700, 130, null), new(256, 2, 3, [16], 2050, 200, null),
    ];

    /// <summary>Compares all of them.</summary>
    public IEnumerable<TensorCoreCheck> Run() => Run(Products, Attentions);

    /// <summary>Compares kernels over some shapes.</summary>
    public IEnumerable<TensorCoreCheck> Run(IReadOnlyList<ProductShape> products, IReadOnlyList<AttentionShape> attentions)
    {
        foreach (ProductShape shape in products)
        {
            yield return Product(shape);
            yield return ProductBack(shape);
        }

        foreach (AttentionShape shape in attentions)
        {
            yield return Prefill(shape);
            yield return Decode(shape, ElementType.BF16);
            if (TensorCoreDecode.CanRun(session, ElementType.Q8_0, shape.HeadSize))
                yield return Decode(shape, ElementType.Q8_0);
        }
    }

    private TensorCoreCheck Product(ProductShape shape)
    {
        using CheckInputs inputs = new(session, memory, shape.GetHashCode());
        ArrayView<Quad> x = inputs.Floats(shape.Rows, shape.Inputs), weight = inputs.Rounded(inputs.Floats(shape.Outputs, shape.Inputs));
        ArrayView<Quad> results = inputs.Room<Quad>((long)shape.Rows * shape.OutputStride / 4);
        new TensorCoreProduct(session).Multiply(shape, inputs.Rounded(x), weight, results, add: false);
        return TensorCoreCheck.Of($"product {shape.Rows} x {shape.Outputs} x {shape.Inputs}", inputs.Read(results), Twin(inputs, shape, x, weight), ProductLimit);
    }

    // The twin multiplies with the transposed weight.
    private TensorCoreCheck ProductBack(ProductShape shape)
    {
        using CheckInputs inputs = new(session, memory, ~shape.GetHashCode());
        ArrayView<Quad> gradients = inputs.Floats(shape.Rows, shape.Outputs), floats = inputs.Floats(shape.Outputs, shape.Inputs);
        ArrayView<Quad> results = inputs.Room<Quad>((long)shape.Rows * shape.InputStride / 4);
        new TensorCoreProduct(session).MultiplyBack(shape, inputs.Rounded(gradients), inputs.Rounded(floats), results, add: false);
        float[] weight = inputs.Read(floats), transposed = new float[(long)shape.Inputs * shape.OutputStride];
        for (int output = 0; output < shape.Outputs; output++)
        {
            for (int input = 0; input < shape.Inputs; input++)
                transposed[input * shape.OutputStride + output] = weight[output * shape.InputStride + input];
        }

        ProductShape back = new(shape.Rows, shape.Inputs, shape.Outputs);
        float[] twin = Twin(inputs, back, gradients, inputs.Rounded(inputs.Copy<float>(transposed).Cast<Quad>()));
        return TensorCoreCheck.Of($"product back {shape.Rows} x {shape.Outputs} x {shape.Inputs}", inputs.Read(results), twin, ProductLimit);
    }

    private float[] Twin(CheckInputs inputs, ProductShape shape, ArrayView<Quad> x, ArrayView<Quad> weight)
    {
        ArrayView<Quad> results = inputs.Room<Quad>((long)shape.Rows * shape.OutputStride / 4);
        DeviceProduct.Run(
            session, ElementType.BF16,
            new DeviceWeight { Quads = weight, Factors = inputs.Room<ushort>(1), Rows = shape.Outputs, BlocksPerRow = shape.InputStride / 8 },
            new InputRows { X = x, Octets = shape.InputStride / 8, Rows = shape.Rows },
            new ProductOutputs { Y = results.Cast<float>(), Stride = shape.OutputStride, Rows = shape.Rows });
        return inputs.Read(results);
    }

    private TensorCoreCheck Prefill(AttentionShape shape)
    {
        using CheckInputs inputs = new(session, memory, shape.Length);
        PrefillArguments arguments = shape.Prefill(inputs, TensorCorePrefill.TileRows(shape.Group));
        TensorCorePrefill.Run(session, arguments, inputs.Room<Quad>(TensorCorePrefill.ScratchQuads(arguments)));
        float[] actual = inputs.Read(arguments.Outputs);
        arguments.Outputs = inputs.Room<Quad>(arguments.Outputs.Length);
        arguments.Tiles = inputs.Copy<PrefillTile>(shape.Tiles(DeviceAttention.PrefillRows));
        DeviceAttention.Prefill(session, ElementType.BF16, arguments);
        return TensorCoreCheck.Of($"prefill attention {shape}", actual, inputs.Read(arguments.Outputs), PrefillLimit);
    }

    private TensorCoreCheck Decode(AttentionShape shape, ElementType type)
    {
        using CheckInputs inputs = new(session, memory, ~shape.Length);
        using DecodeWorkList list = new(memory);
        DecodeArguments arguments = shape.Decode(inputs, session, list, type);
        TensorCoreDecode.Run(session, type, arguments);
        float[] actual = inputs.Read(arguments.Outputs);
        arguments.Outputs = inputs.Room<Quad>(arguments.Outputs.Length);
        DeviceAttention.Decode(session, type, arguments, portable: true);
        return TensorCoreCheck.Of($"decode attention {type.Name()} {shape}", actual, inputs.Read(arguments.Outputs), DecodeLimit);
    }
}
