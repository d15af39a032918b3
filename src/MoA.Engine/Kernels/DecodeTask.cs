namespace MoA.Engine.Kernels;

/// <summary>Pieces of decode attention that one worker does one after the other.</summary>
/// <param name="First">Index of the first piece.</param>
/// <param name="Stride">From a piece to the next.</param>
/// <param name="Count">Number of pieces.</param>
internal readonly record struct DecodeTask(int First, int Stride, int Count);
