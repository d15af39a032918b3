using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>What was written.</summary>
/// <param name="File">The file.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Tensors">How many tensors there are in each format.</param>
/// <param name="Fallbacks">
/// Matrices that are stored in another format than was asked for, since their rows do not fill whole blocks.
/// </param>
/// <param name="Notes">Sentences on what other programs will do differently with the file; usually none.</param>
internal sealed record ConversionResult(
    string File,
    long Bytes,
    IReadOnlyDictionary<ElementType, int> Tensors,
    IReadOnlyList<(string Tensor, ElementType Type)> Fallbacks,
    IReadOnlyList<string> Notes);
