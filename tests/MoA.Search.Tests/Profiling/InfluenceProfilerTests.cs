using MoA.Engine;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Search.Calibration;
using MoA.Search.Profiling;

namespace MoA.Search.Tests.Profiling;

/// <summary>Loss and influence of single items.</summary>
public sealed class InfluenceProfilerTests
{
    public static TheoryData<string, InstructionSet> FixturesAndSets()
    {
        TheoryData<string, InstructionSet> cases = [];
        foreach (string name in ProfilingFixture.Names)
        {
            foreach (InstructionSet set in ProfilingFixture.InstructionSets)
                cases.Add(name, set);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(FixturesAndSets))]
    public void Loss_and_influence_equal_the_reference(string name, InstructionSet set)
    {
        ProfilingFixture fixture = ProfilingFixture.Load(name);
        using LoadedModel model = ProfilingFixture.Model(fixture.ModelName);
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        using InfluenceProfiler profiler = new(model, backend, fixture.Items.Max(item => item.Length));
        for (int k = 0; k < fixture.Items.Length; k++)
        {
            ItemInfluence influence = profiler.Profile(fixture.Items[k]);
            Assert.InRange(Math.Abs(influence.Loss / fixture.Losses[k] - 1), 0, 1e-5);
            ProfilingFixture.AssertBlocks(
                fixture.BlockSums[k], [.. influence.Layers.SelectMany(layer => layer)], influence.Blocks);
        }
    }
}
