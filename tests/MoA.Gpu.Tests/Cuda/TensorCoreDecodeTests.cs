using FsCheck;
using FsCheck.Fluent;
using ILGPU.Runtime;
using MoA.Engine.Numerics;
using MoA.Gpu.Caches;
using MoA.Gpu.Cuda;
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
            from size in Gen.Elements(64, 80, 96, 128, 256)
            from perQueryHead in Gen.Elements(false, true)
            from ringBlocks in Gen.Choose(1, 4).ArrayOf(perQueryHead ? heads * @group : heads)
            from sequences in Gen.Choose(1, 4)
            from pieces in (from length in Gen.Choose(0, 500) select (length, 1)).ArrayOf(sequences)
            from window in Gen.Elements<int?>(null, null, 1, 40, 64, 150)
            from seed in Gen.Choose(0, int.MaxValue)
            select new AttentionTests.AttentionCase(heads, @group, size, ringBlocks, ElementType.BF16, pieces, window, seed);
        Prop.ForAll(cases.ToArbitrary(), shape => AttentionTests.CheckDecode(shape, tensorCores: true)).Holds(30);
    }

    [EmulatedFact]
    public void Rings_wrap_within_a_piece() => AttentionTests.CheckDecode(
        new(1, 2, 128, [2], ElementType.BF16, [(500, 1), (300, 1)], null, 8) { MoreRows = 7 }, tensorCores: true);

    /// <summary>Infinity times a weight of 0 is no number: rows that nobody sees are not read.</summary>
    [EmulatedFact]
    public void Rows_that_nobody_sees_are_never_touched() => AttentionTests.CheckDecode(
        new(1, 2, 64, [1], ElementType.BF16, [(383, 1)], null, 6) { StoredBlocks = 5, InfiniteBefore = 320 }, tensorCores: true);

    /// <summary>Launches get addresses: that of all of a device's memory is 0.</summary>
    [Fact]
    public void Caches_are_addressed_from_0()
    {
        using Emulated device = new();
        using CacheSpace space = new(device.Session.Accelerator);
        Assert.Equal(0, space.Quads.LoadEffectiveAddressAsPtr());
    }

    [EmulatedFact]
    public void Other_caches_heads_and_devices_are_left_to_the_portable_kernel()
    {
        using Emulated with = new(tensorCores: true), without = new();
        Assert.True(TensorCoreDecode.CanRun(with.Session, ElementType.BF16, 128));
        Assert.False(TensorCoreDecode.CanRun(with.Session, ElementType.Q8_0, 128));
        Assert.False(TensorCoreDecode.CanRun(with.Session, ElementType.BF16, 48));
        Assert.False(TensorCoreDecode.CanRun(without.Session, ElementType.BF16, 128));
    }
}
