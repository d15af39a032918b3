using MoA.Cluster.Simulation.Serving;
using MoA.Engine.Configuration;
using MoA.Engine.Models;

namespace MoA.Benchmarks.Tests.Cluster;

/// <summary>The model whose caches the tests count.</summary>
internal static class Shapes
{
    public static ModelConfig Model { get; } = ModelShape.Parse("llama-3.2-1b");

    public static CacheRules Dense { get; } = CacheRules.Dense(Model);
}
