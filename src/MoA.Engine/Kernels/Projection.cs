using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>One of the products that the same inputs have with several weights.</summary>
/// <param name="Weight">[outputs, inputs].</param>
/// <param name="Bias">What is added to every row, or null.</param>
/// <param name="Output">Takes the product, [rows, outputs].</param>
internal readonly record struct Projection(WeightTensor Weight, WeightTensor? Bias, Tensor Output);
