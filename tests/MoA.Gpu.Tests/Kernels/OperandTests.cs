using ILGPU;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;
using MoA.Gpu.Kernels;
using MoA.Gpu.Weights;

namespace MoA.Gpu.Tests.Kernels;

/// <summary>Operands of products on tensor cores are rounded to the nearest bfloat16 number.</summary>
public sealed class OperandTests
{
    public static TheoryData<ElementType> Formats => [.. Enum.GetValues<ElementType>().Where(PlacedWeight.Takes)];

    [Fact]
    public void Rows_are_rounded()
    {
        float[] x = [.. Numbers.Random(3, 61), 0, float.PositiveInfinity, 3e38f, 1e-40f];
        using Emulated device = new();
        ArrayView<Quad> y = device.Copy(new Quad[9]);
        BF16Operand.Round(device.Session, device.Rows(x, x.Length), y);
        Assert.Equal([.. HeadRows.Rounded(x, ElementType.BF16), .. new float[7]], Widened(y));
    }

    /// <summary>Rows in the middle of a weight, with columns that do not fill an octet where the format has no blocks.</summary>
    [Theory]
    [MemberData(nameof(Formats))]
    public void Weights_of_every_format_are_widened(ElementType type)
    {
        int columns = type.IsQuantized() ? 2 * type.ElementsPerBlock() : 37, padded = (columns + 7) / 8 * 8;
        const int First = 3, Rows = 5;
        DeviceWeights weights = new(11, type, 9, columns);
        using Emulated device = new();
        ArrayView<Quad> y = device.Copy(new Quad[Rows * padded / 8]);
        BF16Operand.Widen(device.Session, type, weights.On(device), First, Rows, y);
        float[] widened = Widened(y);
        for (int row = 0; row < Rows; row++)
        {
            for (int column = 0; column < padded; column++)
            {
                float stored = column < columns ? weights.Values[(First + row) * columns + column] : 0;
                // Half of a last place, of eight bits; the format's own factor may be rounded before.
                Assert.InRange(widened[row * padded + column] - stored, -Math.Abs(stored) / 255, Math.Abs(stored) / 255);
                if (BF16Operand.IsStored(type))
                    Assert.Equal(stored, widened[row * padded + column]);
            }
        }
    }

    private static float[] Widened(ArrayView<Quad> rows) => [.. Emulated.Read(rows.Cast<ushort>()).Select(bits =>
        BitConverter.UInt32BitsToSingle((uint)bits << 16))];
}
