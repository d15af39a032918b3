using System.Runtime.InteropServices;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Tests;

namespace MoA.Engine.Tests.Models.Loading;

/// <summary>The scan finds the first NaN or infinity wherever it stands, and nothing else.</summary>
public sealed class WeightScanTests
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

    /// <summary>A block whose factors are not finite is found, and its other bytes may be anything.</summary>
    [Theory]
    [InlineData(ElementType.Q8_0, 0)]
    [InlineData(ElementType.Q4_0, 0)]
    [InlineData(ElementType.Q4_K, 0)]
    [InlineData(ElementType.Q4_K, 2)]
    [InlineData(ElementType.Q5_K, 0)]
    [InlineData(ElementType.Q5_K, 2)]
    [InlineData(ElementType.Q6_K, 208)]
    [InlineData(ElementType.Q4_1, 0)]
    [InlineData(ElementType.Q4_1, 2)]
    [InlineData(ElementType.Q5_0, 0)]
    [InlineData(ElementType.Q5_1, 0)]
    [InlineData(ElementType.Q5_1, 2)]
    [InlineData(ElementType.Q2_K, 80)]
    [InlineData(ElementType.Q2_K, 82)]
    [InlineData(ElementType.Q3_K, 108)]
    [InlineData(ElementType.IQ4_NL, 0)]
    [InlineData(ElementType.IQ4_XS, 0)]
    public unsafe void Every_factor_of_a_block_is_looked_at(ElementType type, int factor)
    {
        const int Blocks = 9;
        int bytes = type.BytesPerBlock(), elements = type.ElementsPerBlock();
        byte[] tensor = new byte[Blocks * bytes];
        float[] values = new float[Blocks * elements];
        for (int block = 0; block < Blocks; block++)
        {
            foreach (ushort bits in new ushort[] { 0x7C00, 0xFC00, 0x7E01, 0x7BFF })
            {
                Array.Fill(tensor, (byte)0x3B); // factors of 0.9, quants and scales that are not 0
                BitConverter.TryWriteBytes(tensor.AsSpan(block * bytes + factor), bits);
                fixed (byte* data = tensor)
                fixed (float* to = values)
                {
                    Quantization.Dequantize(type, data, to, values.Length);
                    int first = Array.FindIndex(values, value => !float.IsFinite(value));
                    Assert.Equal(bits == 0x7BFF ? -1 : block, first < 0 ? -1 : first / elements);
                    (int, long)? expected = first < 0 ? null : (0, (long)block * elements);
                    Assert.Equal(expected, WeightScan.Of([new WeightTensor("x", type, 1, values.Length, data)], new ParallelOptions()).NonFinite);
                }
            }
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

    /// <summary>Every byte counts, wherever it stands, and what else tells tensors apart; the number of threads does not.</summary>
    [Theory]
    [InlineData(ElementType.F32)]
    [InlineData(ElementType.F16)]
    [InlineData(ElementType.BF16)]
    [InlineData(ElementType.Q8_0)]
    [InlineData(ElementType.Q4_K)]
    [InlineData(ElementType.Q6_K)]
    public unsafe void The_hash_sees_every_byte(ElementType type)
    {
        int columns = 3 * type.ElementsPerBlock();
        int rows = (5 << 17) / columns; // several pieces, the last of them not full
        byte[] bytes = new byte[rows * type.RowBytes(columns)];
        new Random(1).NextBytes(bytes);
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] &= 0x3B; // no exponent is all ones
        fixed (byte* data = bytes)
        {
            string first = Hash("a", rows, columns, data, 1);
            Assert.Equal(32, first.Length);
            foreach (int threads in new[] { 1, 2, 3, 7 })
                Assert.Equal(first, Hash("a", rows, columns, data, threads));
            Assert.NotEqual(first, Hash("b", rows, columns, data, 2));
            Assert.NotEqual(first, Hash("a", columns, rows / type.ElementsPerBlock() * type.ElementsPerBlock(), data, 2));
            HashSet<string> seen = [first];
            foreach (int place in new[] { 0, 1, 70_000, bytes.Length / 2, bytes.Length - 70_000, bytes.Length - 1 })
            {
                bytes[place] ^= 1;
                Assert.True(seen.Add(Hash("a", rows, columns, data, 2)), $"byte {place}");
                bytes[place] ^= 1;
            }
        }

        string Hash(string name, int rows, int columns, byte* data, int threads)
        {
            WeightScan scan = WeightScan.Of([new WeightTensor(name, type, rows, columns, data)], new ParallelOptions { MaxDegreeOfParallelism = threads });
            Assert.Null(scan.NonFinite);
            return scan.Hash;
        }
    }

    [Fact]
    public void A_cancelled_scan_ends_without_a_result()
    {
        using TemporaryFolder folder = new();
        CancellationToken cancelled = new(canceled: true);
        string gguf = folder.Write("tiny.gguf", TinyGguf.Create().Build()), fixture = RepositoryFiles.Fixture("models", "llama-mha");
        foreach (string path in new[] { gguf, fixture })
        {
            _ = Assert.ThrowsAny<OperationCanceledException>(() => ModelFile.Load(path, cancellation: cancelled));
            _ = Assert.ThrowsAny<OperationCanceledException>(() => ModelFile.Load(path, ElementType.Q8_0, 1, cancelled));
        }
    }

    private static unsafe (int, long)? Scan<T>(ElementType type, params T[][] tensors)
        where T : unmanaged
    {
        GCHandle[] pins = [.. tensors.Select(tensor => GCHandle.Alloc(tensor, GCHandleType.Pinned))];
        try
        {
            return WeightScan.Of(
                [.. tensors.Select((tensor, i) => new WeightTensor("x", type, 1, tensor.Length, (void*)pins[i].AddrOfPinnedObject()))],
                new ParallelOptions()).NonFinite;
        }
        finally
        {
            foreach (GCHandle pin in pins)
                pin.Free();
        }
    }
}
