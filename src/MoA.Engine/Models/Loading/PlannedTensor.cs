using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>One tensor of a GGUF file that is to be written.</summary>
/// <param name="Name">Its name there.</param>
/// <param name="Type">Its format there.</param>
/// <param name="Shape">Sizes from the slowest dimension to the fastest.</param>
/// <param name="Source">The weight that it is made of.</param>
/// <param name="PairedHeadSize">Components of a head if its rows turn from halves into adjacent pairs, else 0.</param>
internal sealed record PlannedTensor(string Name, ElementType Type, long[] Shape, WeightTensor Source, int PairedHeadSize);
