namespace MoA.Engine.Files.PyTorch;

/// <summary>A stretch of memory that tensors look into.</summary>
/// <param name="Key">The name of its entry in the zip file.</param>
/// <param name="Type">The elements' type, as PyTorch calls it; empty where the tensors say.</param>
/// <param name="Elements">How many there are, by the pickle; bytes where it has no type.</param>
internal sealed record TorchStorage(string Key, string Type, long Elements);

/// <summary>A tensor as a checkpoint describes it; counted in elements.</summary>
/// <param name="Storage">Where its elements lie.</param>
/// <param name="Type">Their type, as PyTorch calls it.</param>
/// <param name="ElementBytes">Bytes of an element.</param>
/// <param name="Offset">Where the first lies in the storage.</param>
/// <param name="Shape">Sizes from the slowest dimension to the fastest, none negative.</param>
/// <param name="Strides">How far a step in each dimension is; none negative.</param>
internal sealed record TorchTensor(TorchStorage Storage, string Type, int ElementBytes, long Offset, long[] Shape, long[] Strides)
{
    /// <summary>Whether the elements lie side by side in the order of the shape.</summary>
    public bool IsContiguous
    {
        get
        {
            long step = 1;
            for (int i = Shape.Length - 1; i >= 0; i--)
            {
                if (Shape[i] != 1 && Strides[i] != step)
                    return false;
                step *= Shape[i];
            }

            return true;
        }
    }
}
