using MoA.Engine.Numerics;

namespace MoA.Engine.Files;

/// <summary>How far the writing of a model is.</summary>
/// <param name="Tensor">The tensor that comes next; at the end the last one.</param>
/// <param name="Done">Tensors written.</param>
/// <param name="Total">Tensors in all.</param>
internal readonly record struct ConversionProgress(string Tensor, int Done, int Total);
