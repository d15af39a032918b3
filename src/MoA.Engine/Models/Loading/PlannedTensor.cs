using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>One tensor of a GGUF file that is to be written.</summary>
/// <param name="Name">Its name there.</param>
/// <param name="Type">Its format there.</param>
/// <param name="Shape">Sizes from the slowest dimension to the fastest.</param>
/// <param name="Sources">The weights that it is made of, one after the other; all of one shape.</param>
/// <param name="PairedHeadSize">Components of a head if its rows turn from halves into adjacent pairs, else 0.</param>
internal sealed record PlannedTensor(string Name, ElementType Type, long[] Shape, IReadOnlyList<WeightTensor> Sources, int PairedHeadSize);
