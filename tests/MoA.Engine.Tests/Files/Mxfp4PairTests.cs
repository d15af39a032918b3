using System.Runtime.InteropServices;
using MoA.Engine.Files;
using MoA.Engine.Kernels;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;
using MoA.Engine.Tests.Models.Loading;
using MoA.Tests;

namespace MoA.Engine.Tests.Files;

/// <summary>MXFP4 weights whose bytes and exponents are two tensors, and the experts of tensors of three dimensions.</summary>
public sealed unsafe class Mxfp4PairTests
{
    private const string Experts = "model.layers.1.mlp.experts.gate_up_proj";
    private const int Count = 4, Outputs = 128, Inputs = 64;

    private static readonly double[] E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6];

    public static IEnumerable<object?[]> Sets => Machine.InstructionSets;

    [Fact]
    public void Bytes_and_exponents_are_one_tensor_with_the_numbers_of_the_definition()
    {
        using HuggingFaceCheckpoint checkpoint = Open();
        Assert.True(checkpoint.Contains(Experts));
        StoredTensor stored = checkpoint.Find(Experts);
        Assert.Equal((ElementType.MXFP4, $"{Count}, {Outputs}, {Inputs}"), (stored.Type, string.Join(", ", stored.Shape)));
        WeightTensor[] experts = stored.Matrices(Experts);
        Assert.Equal(Count, experts.Length);
        float[] expected = Defined();
        for (int expert = 0; expert < Count; expert++)
            Assert.Equal(expected[(expert * Outputs * Inputs)..((expert + 1) * Outputs * Inputs)], Numbers(experts[expert]));
    }

    /// <summary>gpt-oss has rows of two weights in turn.</summary>
    [Fact]
    public void Every_second_row_is_a_weight()
    {
        using HuggingFaceCheckpoint checkpoint = Open();
        WeightTensor all = checkpoint.Find(Experts).Matrices(Experts)[2];
        float[] expected = Defined()[(2 * Outputs * Inputs)..(3 * Outputs * Inputs)];
        for (int first = 0; first < 2; first++)
        {
            WeightTensor half = all.View("half", first, Outputs / 2, 2);
            Assert.Equal([.. expected.Chunk(Inputs).Where((_, row) => row % 2 == first).SelectMany(row => row)], Numbers(half));
            float[] part = Numbers(half.Part(5, 7));
            Assert.Equal(Numbers(half)[(5 * Inputs)..(12 * Inputs)], part);
        }
    }

    /// <summary>Bit for bit: laid out, as stored, and of blocks that a conversion put together; in both directions.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    internal void Products_are_those_of_whole_blocks(InstructionSet set)
    {
        using HuggingFaceCheckpoint checkpoint = Open();
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        WeightTensor apart = checkpoint.Find(Experts).Matrices(Experts)[3];
        foreach (WeightTensor stored in new[] { apart, apart.View("odd", 1, 61, 2) })
        {
            using NativeBuffer<byte> blocks = Whole(stored);
            WeightTensor whole = new("whole", stored.Type, stored.Rows, Inputs, blocks.Data);
            Assert.Equal(Numbers(stored), Numbers(whole));
            WeightTensor placed = backend.Place(stored);
            foreach (int rows in new[] { 1, 3, 70 })
            {
                using Tensor x = TensorRows.Create(backend, Inputs, TensorRows.Random(new Random(rows), rows * Inputs));
                float[] expected = Project(backend, x, rows, whole);
                Assert.Equal(expected, Project(backend, x, rows, stored));
                Assert.Equal(expected, Project(backend, x, rows, placed));
            }

            (placed as IDisposable)?.Dispose();
        }
    }

    /// <summary>Exponent 252 is the last with which 6 is a finite float.</summary>
    [Theory]
    [InlineData(252, false)]
    [InlineData(253, true)]
    [InlineData(255, true)]
    public void Exponents_that_are_too_large_are_found(byte exponent, bool found)
    {
        byte[] neighbours = new byte[16 * 6], exponents = [127, 0, 1, 200, 5, exponent], blocks = new byte[6 * 17];
        for (int i = 0; i < 6; i++)
            blocks[17 * i] = exponents[i];
        fixed (byte* data = neighbours, apart = exponents, whole = blocks)
        {
            foreach (WeightTensor weight in new[] { new WeightTensor("x", ElementType.MXFP4, 3, 64, data, apart), new("x", ElementType.MXFP4, 3, 64, whole) })
            {
                WeightScan scan = WeightScan.Of([weight], new ParallelOptions());
                Assert.Equal(found ? (0, 5 * 32) : null, scan.NonFinite);
                Assert.NotEqual(found, scan.Hash.Length > 0);
            }
        }
    }

    [Fact]
    public void The_hash_sees_both_tensors()
    {
        byte[] neighbours = new byte[32], exponents = [1, 2];
        HashSet<string> seen = [];
        fixed (byte* data = neighbours, apart = exponents)
        {
            WeightTensor weight = new("x", ElementType.MXFP4, 1, 64, data, apart);
            Assert.True(seen.Add(WeightScan.Of([weight], new ParallelOptions()).Hash));
            data[31] = 1;
            Assert.True(seen.Add(WeightScan.Of([weight], new ParallelOptions()).Hash));
            apart[1] = 3;
            Assert.True(seen.Add(WeightScan.Of([weight], new ParallelOptions()).Hash));
        }
    }

    [Theory]
    [InlineData("""{"w_blocks":{"dtype":"U8","shape":[1,2,1,16],"data_offsets":[0,32]}}""", 32, "has no tensor w_scales")]
    [InlineData("""{"w_blocks":{"dtype":"U8","shape":[1,2,1,16],"data_offsets":[0,32]},"w_scales":{"dtype":"U8","shape":[2,1],"data_offsets":[32,34]}}""", 34,
        "tensor w_scales has shape [2, 1]; expected [1, 2, 1], by w_blocks")]
    [InlineData("""{"w_blocks":{"dtype":"U8","shape":[1,4,8],"data_offsets":[0,32]},"w_scales":{"dtype":"U8","shape":[1,4],"data_offsets":[32,36]}}""", 36,
        "tensor w_blocks has shape [1, 4, 8]; expected [experts, outputs, inputs/32, 16]")]
    [InlineData("""{"w_blocks":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"w_scales":{"dtype":"U8","shape":[],"data_offsets":[1,2]}}""", 2,
        "tensor w_blocks has shape []; expected")]
    [InlineData("""{"w_blocks":{"dtype":"I8","shape":[1,16],"data_offsets":[0,16]},"w_scales":{"dtype":"U8","shape":[1],"data_offsets":[16,17]}}""", 17,
        "tensor w_blocks is I8; expected U8")]
    public void Tensors_that_do_not_belong_together_are_refused(string header, int bytes, string problem)
    {
        using TemporaryFolder folder = new();
        string file = folder.File("model.safetensors");
        File.WriteAllBytes(file, SafetensorsBytes.File(header, new byte[bytes]));
        using HuggingFaceCheckpoint checkpoint = HuggingFaceCheckpoint.Open(folder.Path);
        Refusal.AssertThrows(file, problem, () => checkpoint.Find("w"));
    }

    /// <summary>GGUF's experts, [experts, outputs, inputs], are views of the file in every format.</summary>
    [Theory]
    [InlineData(ElementType.F16)]
    [InlineData(ElementType.BF16)]
    [InlineData(ElementType.F32)]
    [InlineData(ElementType.Q8_0)]
    [InlineData(ElementType.Q3_K)]
    [InlineData(ElementType.MXFP4)]
    public void Experts_of_a_gguf_file_are_views_of_it(ElementType type)
    {
        const int experts = 3, rows = 5, columns = 256;
        byte[] data = new byte[experts * rows * type.RowBytes(columns)];
        new Random(1).NextBytes(data);
        using TemporaryFolder folder = new();
        string file = folder.File("experts.gguf");
        File.WriteAllBytes(file, new GgufBytes().AddTensor("blk.0.ffn_up_exps.weight", GgufTensorTypes.Code(type), [columns, rows, experts], data).Build());
        using GgufCheckpoint checkpoint = GgufCheckpoint.Open(file);
        StoredTensor stored = checkpoint.Find("blk.0.ffn_up_exps.weight");
        WeightTensor[] matrices = stored.Matrices("up");
        for (int i = 0; i < experts; i++)
        {
            WeightTensor matrix = matrices[i];
            Assert.Equal((type, rows, columns, $"up[{i}]"), (matrix.Type, matrix.Rows, matrix.Columns, matrix.Name));
            Assert.Equal(stored.Data + (nint)(i * matrix.Bytes), (nint)matrix.Data);
            Assert.Equal(data[(int)(i * matrix.Bytes)..(int)((i + 1) * matrix.Bytes)], new ReadOnlySpan<byte>(matrix.Data, (int)matrix.DataBytes).ToArray());
        }
    }

    private static HuggingFaceCheckpoint Open() => HuggingFaceCheckpoint.Open(RepositoryFiles.Fixture("models", "gpt-oss-mxfp4"));

    private static float[] Project(ComputeBackend backend, Tensor x, int rows, WeightTensor weight)
    {
        using Tensor y = backend.Allocate(rows, weight.Rows);
        backend.Project(x, rows, weight, null, y);
        return backend.Read(y, rows);
    }

    // The fixture's definition: low nibble = even element, E2M1 values, bit 3 the sign, times 2^(scale - 127).
    private static float[] Defined()
    {
        using SafetensorsFile file = SafetensorsFile.Open(RepositoryFiles.Fixture("models", "gpt-oss-mxfp4", "model-00002-of-00002.safetensors"));
        byte* bytes = file[Experts + "_blocks"].Data, exponents = file[Experts + "_scales"].Data;
        float[] numbers = new float[Count * Outputs * Inputs];
        for (int i = 0; i < numbers.Length; i++)
        {
            int nibble = (bytes[i / 2] >> (i % 2 * 4)) & 15;
            numbers[i] = (float)((nibble < 8 ? 1 : -1) * E2M1[nibble & 7] * Math.Pow(2, exponents[i / 32] - 127));
        }

        return numbers;
    }

    private static NativeBuffer<byte> Whole(WeightTensor weight)
    {
        NativeBuffer<byte> blocks = new(new NativeAllocator(), weight.Bytes);
        using UnmanagedMemoryStream memory = new(blocks.Data, weight.Bytes, weight.Bytes, FileAccess.Write);
        new TensorConversion(weight, weight.Type, new ParallelOptions()).Write(memory);
        return blocks;
    }

    private static float[] Numbers(WeightTensor weight)
    {
        using MemoryStream floats = new();
        new TensorConversion(weight, ElementType.F32, new ParallelOptions()).Write(floats);
        return MemoryMarshal.Cast<byte, float>(floats.ToArray()).ToArray();
    }
}
