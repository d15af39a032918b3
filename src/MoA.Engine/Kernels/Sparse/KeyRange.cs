namespace MoA.Engine.Kernels.Sparse;

/// <summary>Keys that stand side by side.</summary>
/// <param name="First">Position of the first.</param>
/// <param name="End">Position behind the last.</param>
internal readonly record struct KeyRange(int First, int End);
