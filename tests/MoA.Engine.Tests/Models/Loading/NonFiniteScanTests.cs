using System.Runtime.InteropServices;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;

namespace MoA.Tests.Models.Loading;

/// <summary>The scan finds the first NaN or infinity wherever it stands, and nothing else.</summary>
public sealed class NonFiniteScanTests
{
    [Fact]
    public void Every_place_of_an_f32_tensor_is_looked_at()
    {
        uint[] bits = new uint[137];
        foreach (float bad in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
        {
            for (int place = 0; place < bits.Length; place++)
            {
                Array.Fill(bits, BitConverter.SingleToUInt32Bits(-float.MaxValue));
                bits[place] = BitConverter.SingleToUInt32Bits(bad);
                Assert.Equal((0, place), Scan(ElementType.F32, bits));
            }
        }
    }

    /// <summary>All 65,536 numbers of the 16-bit formats, against what .NET says of them.</summary>
    [Fact]
    public void Every_number_of_16_bits_is_judged_rightly()
    {
        for (int bits = 0; bits <= ushort.MaxValue; bits++)
        {
            ushort[] tensor = new ushort[70];
            tensor[bits % 70] = (ushort)bits;
            bool half = Half.IsFinite(BitConverter.UInt16BitsToHalf((ushort)bits));
            bool brain = float.IsFinite(BitConverter.UInt32BitsToSingle((uint)bits << 16));
            Assert.Equal(half ? null : (0, bits % 70), Scan(ElementType.F16, tensor));
            Assert.Equal(brain ? null : (0, bits % 70), Scan(ElementType.BF16, tensor));
        }
    }

    [Fact]
    public void The_first_of_several_is_found_across_pieces_and_tensors()
    {
        ushort[] clean = new ushort[3 << 20];
        ushort[] tensor = new ushort[(3 << 20) + 5];
        Assert.Null(Scan(ElementType.BF16, clean, tensor));
        foreach (int place in new[] { tensor.Length - 1, (2 << 20) + 1, 2 << 20, (1 << 20) - 1, 0 })
        {
            tensor[place] = 0xFF80;
            Assert.Equal((1, place), Scan(ElementType.BF16, clean, tensor));
        }
    }

    private static unsafe (int, long)? Scan<T>(ElementType type, params T[][] tensors)
        where T : unmanaged
    {
        GCHandle[] pins = [.. tensors.Select(tensor => GCHandle.Alloc(tensor, GCHandleType.Pinned))];
        try
        {
            return NonFiniteScan.First([.. tensors.Select((tensor, i) =>
                new WeightTensor("x", type, 1, tensor.Length, (void*)pins[i].AddrOfPinnedObject()))]);
        }
        finally
        {
            foreach (GCHandle pin in pins)
                pin.Free();
        }
    }
}
