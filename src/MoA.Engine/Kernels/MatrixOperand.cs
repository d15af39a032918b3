namespace MoA.Engine.Kernels;

/// <summary>How a product reads a weight stored [outputs, inputs].</summary>
internal enum MatrixOperand
{
    /// <summary>C = A·W': the forward direction; A has as many columns as W has inputs.</summary>
    Transposed,

    /// <summary>C = A·W: the backward direction; A has as many columns as W has outputs.</summary>
    AsStored,
}
