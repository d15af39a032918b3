namespace MoA.Engine.Numerics;

/// <summary>Elements that a device draws in its own memory: independent, mean 0.</summary>
/// <param name="Seed">The same seed gives the same elements on every device.</param>
/// <param name="Deviation">Standard deviation.</param>
internal readonly record struct RandomContent(ulong Seed, float Deviation);
