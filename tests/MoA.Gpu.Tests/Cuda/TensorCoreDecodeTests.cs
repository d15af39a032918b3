using FsCheck;
using FsCheck.Fluent;
using ILGPU;
using ILGPU.Runtime;
using MoA.Engine.Numerics;
using MoA.Gpu.Caches;
using MoA.Gpu.Cuda;
using MoA.Gpu.Kernels;
using MoA.Gpu.Tests.Kernels;
using MoA.Tests;

namespace MoA.Gpu.Tests.Cuda;

/// <summary>
/// Decode attention on tensor cores against its definition in double: groups that fill no tile, rings that wrapped, heads whose rings
/// differ, the model's own window, batches of unequal sequences.
/// </summary>
public sealed class TensorCoreDecodeTests
{
    [EmulatedFact]
    public void Decoding_follows_the_definition()
    {
        Gen<AttentionTests.AttentionCase> cases =
            from heads in Gen.Choose(1, 2)
            from @group in Gen.Choose(1, 10)
            from type in Gen.Elements(ElementType.BF16, ElementType.Q8_0)
            from size in Gen.Elements<int>(type == ElementType.BF16 ? [64, 80, 96, 128, 256] : [64, 128])
            from perQueryHead in Gen.Elements(false, true)
            from ringBlocks in Gen.Choose(1, 4).ArrayOf(perQueryHead ? heads * @group : heads)
            from sequences in Gen.Choose(1, 4)
            from pieces in (from length in Gen.Choose(0, 500) select (length, 1)).ArrayOf(sequences)
            from window in Gen.Elements<int?>(null, null, 1, 40, 64, 150)
            from seed in Gen.Choose(0, int.MaxValue)
            select new AttentionTests.AttentionCase(heads, @group, size, ringBlocks, type, pieces, window, seed);
        Prop.ForAll(cases.ToArbitrary(), shape => AttentionTests.CheckDecode(shape, tensorCores: true)).Holds(40);
    }

    [EmulatedTheory]
    [InlineData(ElementType.BF16)]
    [InlineData(ElementType.Q8_0)]
    public void Rings_wrap_within_a_piece(ElementType type) => AttentionTests.CheckDecode(
        new(1, 2, 128, [2], type, [(500, 1), (300, 1)], null, 8) { MoreRows = 7 }, tensorCores: true);

    /// <summary>Infinity times a weight of 0 is no number: rows that nobody sees are not read.</summary>
    [EmulatedTheory]
    [InlineData(ElementType.BF16)]
    [InlineData(ElementType.Q8_0)]
    public void Rows_that_nobody_sees_are_never_touched(ElementType type) => AttentionTests.CheckDecode(
        new(1, 2, 64, [1], type, [(383, 1)], null, 6) { StoredBlocks = 5, InfiniteBefore = 320 }, tensorCores: true);

    /// <summary>Fewer pieces than teams, more than threads, some whose rows nobody saw.</summary>
    [EmulatedTheory]
    [InlineData(16, 1, 1)]
    [InlineData(64, 3, 40)]
    [InlineData(80, 2, 300)]
    [InlineData(256, 5, 9)]
    public void Pieces_are_joined(int size, int group, int pieces)
    {
        using Emulated device = new(tensorCores: true);
        // Two heads, the second of half as many pieces, which stand after the first's.
        DecodeItem[] items = [Item(0, pieces), Item(1, (pieces + 1) / 2) with { FirstPiece = pieces }];
        int all = pieces + (pieces + 1) / 2;
        float[] partials = Numbers.Random(size, all * group * size), states = Numbers.Random(group, 2 * all * group, 20);
        for (int i = 0; i < states.Length; i += 2)
            (states[i], states[i + 1]) = i / (2 * group) % 3 == 2 ? (-1e30f, 0) : (states[i], 1 + Math.Abs(states[i + 1]));
        ArrayView<Quad> outputs = device.Rows(new float[2 * group * size], 2 * group * size);
        TensorCoreDecode.Merge(device.Session.Cuda!, new DecodeArguments
        {
            Items = device.Copy(items),
            Partials = new PartialOutputs { Quads = device.Rows(partials, size), States = device.Copy(states), HeadQuads = size / 4 },
            Outputs = outputs,
            KeyValueHeads = 2,
            Group = group,
        });
        double[] expected = new double[2 * group * size], bounds = new double[expected.Length];
        for (int i = 0; i < expected.Length; i++)
        {
            DecodeItem item = items[i / size / group];
            int head = i / size % group, first = item.FirstPiece;
            double sum = 0, largest = Enumerable.Range(first, item.Pieces).Max(piece => states[2 * (piece * group + head)]);
            for (int piece = first; piece < first + item.Pieces; piece++)
            {
                double weight = Math.Pow(2, states[2 * (piece * group + head)] - largest), term = weight * partials[(piece * group + head) * size + i % size];
                sum += weight * states[2 * (piece * group + head) + 1];
                expected[i] += term;
                bounds[i] += Math.Abs(term);
            }

            expected[i] /= sum;
            bounds[i] *= (pieces + 64) * Numbers.FloatError / sum;
        }

        Numbers.AssertWithin(bounds, Emulated.Read(outputs, 2 * group * size), expected);

        static DecodeItem Item(int head, int pieces) =>
            new() { Head = head, SinkRows = 64, Oldest = 64, Position = DecodeItem.RowsPerPiece * pieces - 2 };
    }

    /// <summary>Launches get addresses: that of all of a device's memory is 0.</summary>
    [Fact]
    public void Caches_are_addressed_from_0()
    {
        using Emulated device = new();
        using CacheSpace space = new(device.Session.Accelerator);
        Assert.Equal(0, space.Quads.LoadEffectiveAddressAsPtr());
    }

    [EmulatedFact]
    public void Other_heads_and_devices_are_left_to_the_portable_kernel()
    {
        using Emulated with = new(tensorCores: true), without = new();
        Assert.True(TensorCoreDecode.CanRun(with.Session, ElementType.BF16, 128));
        Assert.True(TensorCoreDecode.CanRun(with.Session, ElementType.Q8_0, 128));
        Assert.False(TensorCoreDecode.CanRun(with.Session, ElementType.Q8_0, 256));
        Assert.False(TensorCoreDecode.CanRun(with.Session, ElementType.BF16, 48));
        Assert.False(TensorCoreDecode.CanRun(without.Session, ElementType.BF16, 128));
    }
}
