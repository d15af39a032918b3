using ILGPU;
using MoA.Gpu.Blas;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Tests.Blas;

/// <summary>What is asked of cuBLAS gives the products that are meant, through functions that do what its own are documented to do.</summary>
public sealed class CublasProductTests
{
    [Theory]
    [InlineData(1, 1, 1, false)]
    [InlineData(3, 5, 7, true)]
    [InlineData(9, 8, 16, false)]
    [InlineData(2, 17, 40, true)]
    public void Products_equal_the_definition(int rows, int outputs, int inputs, bool add)
    {
        using Emulated device = new();
        using CublasProduct product = Open(device, new FakeCublas());
        ProductShape shape = new(rows, outputs, inputs);
        // Whole numbers of few bits: bfloat16 holds them, and sums are exact in any order.
        float[] x = Numbers(rows * inputs, 1), w = Numbers(outputs * inputs, 2), y = Numbers(rows * outputs, 3);
        ArrayView<Quad> result = device.Rows(y, outputs);
        product.Multiply(shape, Rounded(device, x, inputs), Rounded(device, w, inputs), result, add);
        float[] expected = new float[rows * outputs];
        for (int row = 0; row < rows; row++)
        {
            for (int output = 0; output < outputs; output++)
            {
                expected[row * outputs + output] = (add ? y[row * outputs + output] : 0)
                    + Enumerable.Range(0, inputs).Sum(i => x[row * inputs + i] * w[output * inputs + i]);
            }
        }

        Assert.Equal(expected, Emulated.Read(result, outputs)); // which sees that the padding is still zero
    }

    [Theory]
    [InlineData(1, 1, 1, false)]
    [InlineData(3, 5, 7, true)]
    [InlineData(9, 16, 8, false)]
    [InlineData(2, 40, 17, true)]
    public void Gradients_of_inputs_equal_the_definition(int rows, int outputs, int inputs, bool add)
    {
        using Emulated device = new();
        using CublasProduct product = Open(device, new FakeCublas());
        float[] dy = Numbers(rows * outputs, 4), w = Numbers(outputs * inputs, 5), dx = Numbers(rows * inputs, 6);
        ArrayView<Quad> result = device.Rows(dx, inputs);
        product.MultiplyBack(new(rows, outputs, inputs), Rounded(device, dy, outputs), Rounded(device, w, inputs), result, add);
        float[] expected = new float[rows * inputs];
        for (int row = 0; row < rows; row++)
        {
            for (int input = 0; input < inputs; input++)
            {
                expected[row * inputs + input] = (add ? dx[row * inputs + input] : 0)
                    + Enumerable.Range(0, outputs).Sum(output => dy[row * outputs + output] * w[output * inputs + input]);
            }
        }

        Assert.Equal(expected, Emulated.Read(result, inputs));
    }

    [Fact]
    public void The_library_is_told_and_closed()
    {
        using Emulated device = new();
        FakeCublas cublas = new();
        DeviceMemory deviceMemory = new(device.Session);
        CublasProduct product = Open(device, cublas, deviceMemory);
        Assert.Equal("cuBLAS 12.8.4 (libcublas)", product.Source);
        Assert.Equal(4 << 20, cublas.WorkspaceBytes);
        Assert.Equal(cublas.WorkspaceBytes, deviceMemory.AllocatedBytes);
        product.Dispose();
        product.Dispose();
        Assert.Equal((0, 0L), (cublas.Open, deviceMemory.AllocatedBytes));
        ArrayView<Quad> memory = device.Copy(new Quad[2]);
        _ = Assert.Throws<ObjectDisposedException>(() => product.Multiply(new(1, 1, 1), memory, memory, memory, false));
    }

    [Fact]
    public void What_fails_is_said_in_one_line_and_leaves_nothing_open()
    {
        using Emulated device = new();
        Assert.Equal("libcublas does not start: not initialised (does the driver run this version of CUDA?)", WhyNot(new FakeCublas { CreateError = 1 }));
        Assert.Equal("libcublas cannot be used: error 99", WhyNot(new FakeCublas { WorkspaceError = 99 }));

        FakeCublas cublas = new();
        Assert.False(CublasProduct.TryOpen(
            device.Session, new(device.Session, limit: (4 << 20) - 1), cublas.Functions, "libcublas", FakeCublas.Stream, out _, out string? tooSmall));
        Assert.Contains("cuBLAS's workspace", tooSmall, StringComparison.Ordinal);
        Assert.Equal(0, cublas.Open);
        using CublasProduct product = Open(device, cublas);
        cublas.MultiplyError = 13;
        ArrayView<Quad> memory = device.Copy(new Quad[8]);
        Assert.Contains("2 rows by 3 x 4 failed: the device failed",
            Assert.Throws<IOException>(() => product.Multiply(new(2, 3, 4), memory, memory, memory, false)).Message, StringComparison.Ordinal);
        Assert.Contains("16 bytes are needed",
            Assert.Throws<ArgumentException>(() => product.Multiply(new(1, 1, 1), memory.SubView(0, 0), memory, memory, false)).Message, StringComparison.Ordinal);

        string WhyNot(FakeCublas failing)
        {
            Assert.False(CublasProduct.TryOpen(device.Session, new(device.Session), failing.Functions, "libcublas", FakeCublas.Stream, out CublasProduct? none, out string? whyNot));
            Assert.Null(none);
            Assert.Equal(0, failing.Open);
            return whyNot;
        }
    }

    [Fact]
    public void The_emulated_device_has_none()
    {
        using Emulated device = new();
        Assert.False(CublasProduct.TryOpen(device.Session, new(device.Session), out _, out string? whyNot));
        Assert.Contains("emulated", whyNot, StringComparison.Ordinal);
    }

    private static CublasProduct Open(Emulated device, FakeCublas cublas, DeviceMemory? memory = null) =>
        CublasProduct.TryOpen(device.Session, memory ?? new(device.Session), cublas.Functions, "libcublas", FakeCublas.Stream, out CublasProduct? product, out string? whyNot)
            ? product
            : throw new IOException(whyNot);

    private static float[] Numbers(int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.Next(-15, 16))];
    }

    /// <summary>Rows of bfloat16 numbers, padded with zeros to whole quads.</summary>
    private static ArrayView<Quad> Rounded(Emulated device, float[] values, int columns)
    {
        int stride = (columns + 7) / 8 * 8;
        ushort[] padded = new ushort[values.Length / columns * stride];
        for (int i = 0; i < values.Length; i++)
            padded[i / columns * stride + i % columns] = (ushort)(BitConverter.SingleToUInt32Bits(values[i]) >> 16);
        return device.Copy(padded).Cast<Quad>();
    }
}
