namespace MoA.Engine.Numerics;

/// <summary>Elements that are yet to be drawn: independent, mean 0.</summary>
/// <param name="Seed">What a device draws them from in its own memory: the same seed gives the same elements on every device.</param>
/// <param name="Deviation">Standard deviation.</param>
/// <param name="Stream">Which of a model's generators the processor draws them from, where it writes them.</param>
internal readonly record struct RandomContent(ulong Seed, float Deviation, ulong Stream = 0);
