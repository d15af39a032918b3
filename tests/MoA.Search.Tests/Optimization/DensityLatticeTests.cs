using MoA.Search.Optimization;

namespace MoA.Search.Tests.Optimization;

public sealed class DensityLatticeTests
{
    [Fact]
    public void Counts_that_leave_one_but_for_a_full_cache_by_hand()
    {
        // Of 64 blocks: 9 = 8·1 + 1, 17, 33, and 64 = 8·8 + 1 - 1. Ten heads may use half of 640: 320 - 10·1.
        DensityLattice lattice = Lattice(4096, 0.5, null, 10, 9, 17, 33, 64)!;
        Assert.Equal(8, lattice.Step);
        Assert.Equal([1, 2, 4, 8], lattice.Steps);
        Assert.Equal([0, 0, 0, -1], lattice.Offsets);
        Assert.Equal(310, lattice.Budget);
        Assert.False(lattice.IsWhole);
        Assert.Equal(1, lattice.GreatestShare);
        // 8·A ≤ 310 + full caches: 38 steps with up to one of them, 39 with two.
        Assert.Equal(38, lattice.GreatestSteps(0));
        Assert.Equal(38, lattice.GreatestSteps(-1));
        Assert.Equal(39, lattice.GreatestSteps(-2));
    }

    [Fact]
    public void Where_all_counts_lie_on_a_lattice_bound_and_floor_shrink_to_it()
    {
        // 4, 8 and 16 of 32 blocks, three heads, at most 0.4 of 96: 38.4 blocks, of which 36 can be used.
        DensityLattice lattice = Lattice(2048, 0.4, 0.9, 3, 4, 8, 16)!;
        Assert.True(lattice.IsWhole);
        Assert.Equal(36 / 38.4, lattice.GreatestShare, 1e-12);
        // And of which 34.56, that is 35, are asked for: 36 is the least that can be used.
        Assert.Equal(36 / 38.4, lattice.LeastShare, 1e-12);
    }

    [Fact]
    public void Densities_that_are_no_counts_of_blocks_have_none()
    {
        DensityConstraint constraint = new(2048, 0.5, [0.3, 0.5]);
        Assert.Null(DensityLattice.Of(constraint, null, [0, 1], 4));
    }

    private static DensityLattice? Lattice(int length, double bound, double? floor, int heads, params int[] counts) => DensityLattice.Of(
        new DensityConstraint(length, bound, [.. counts.Select(count => count / (length / 64.0))]),
        floor,
        [.. Enumerable.Range(0, counts.Length)],
        heads);
}
