using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Numerics;
using MoA.Gpu.Caches;
using MoA.Gpu.Cuda;
using MoA.Gpu.Tests.Kernels;
using MoA.Tests;

namespace MoA.Gpu.Tests.Cuda;

/// <summary>
/// Prefill attention on tensor cores against its definition in double: groups, pieces of prompts, rings that wrapped, heads whose
/// rings differ, the model's own window, batches of unequal sequences.
/// </summary>
public sealed class TensorCorePrefillTests
{
    [EmulatedFact]
    public void Prompts_follow_the_definition()
    {
        Gen<AttentionTests.AttentionCase> cases =
            from heads in Gen.Choose(1, 2)
            from @group in Gen.Choose(1, 5)
            from size in Gen.Elements(64, 64, 80)
            from perQueryHead in Gen.Elements(false, true)
            from ringBlocks in Gen.Choose(1, 4).ArrayOf(perQueryHead ? heads * @group : heads)
            from sequences in Gen.Choose(1, 2)
            from pieces in (from length in Gen.Choose(0, 500) from rows in Gen.Choose(1, 150) select (length, rows)).ArrayOf(sequences)
            from window in Gen.Elements<int?>(null, null, 1, 40, 64, 150)
            from seed in Gen.Choose(0, int.MaxValue)
            select new AttentionTests.AttentionCase(heads, @group, size, ringBlocks, ElementType.BF16, pieces, window, seed);
        Prop.ForAll(cases.ToArbitrary(), shape => AttentionTests.CheckPrefill(shape, tensorCores: true)).Holds(12);
    }

    /// <summary>Every head size, within a block and across many.</summary>
    [EmulatedTheory]
    [InlineData(64, 1, 0, 300, null)]
    [InlineData(64, 4, 191, 65, 100)]
    [InlineData(80, 3, 450, 130, null)]
    [InlineData(96, 2, 64, 70, null)]
    [InlineData(128, 1, 333, 129, null)]
    [InlineData(128, 8, 1000, 3, null)]
    [InlineData(256, 2, 130, 90, 128)]
    public void Shapes_of_models(int size, int group, int length, int rows, int? window) => AttentionTests.CheckPrefill(
        new(1, group, size, [3], ElementType.BF16, [(length, rows)], window, 7), tensorCores: true);

    [EmulatedTheory]
    [InlineData(64)]
    [InlineData(128)]
    public void Rings_wrap_within_a_block(int size) => AttentionTests.CheckPrefill(
        new(1, 2, size, [2], ElementType.BF16, [(500, 20)], null, 8) { MoreRows = 7 }, tensorCores: true);

    /// <summary>Infinity times a weight of 0 is no number: held and new rows that nobody sees are not read.</summary>
    [EmulatedFact]
    public void Blocks_that_nobody_sees_are_never_touched() => AttentionTests.CheckPrefill(
        new(1, 2, 64, [1], ElementType.BF16, [(200, 225)], null, 6) { StoredBlocks = 5, InfiniteBefore = 320 }, tensorCores: true);

    [EmulatedFact]
    public void Other_caches_heads_and_devices_are_left_to_the_portable_kernel()
    {
        using Emulated with = new(tensorCores: true), without = new();
        Assert.True(TensorCorePrefill.CanRun(with.Session, ElementType.BF16, 128));
        Assert.False(TensorCorePrefill.CanRun(with.Session, ElementType.Q8_0, 128));
        Assert.False(TensorCorePrefill.CanRun(with.Session, ElementType.BF16, 112));
        Assert.False(TensorCorePrefill.CanRun(without.Session, ElementType.BF16, 128));
        Assert.False(TensorCoreProduct.CanRun(without.Session));
    }
}
