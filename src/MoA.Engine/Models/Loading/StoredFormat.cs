namespace MoA.Engine.Models.Loading;

/// <summary>How much of a model is stored in one format.</summary>
/// <param name="Type">The format's name, as f32 or q8_0, or the file's of one that is not read.</param>
/// <param name="IsRead">Whether the engine reads it.</param>
/// <param name="Tensors">Number of tensors.</param>
/// <param name="Parameters">Number of elements.</param>
/// <param name="Bytes">Bytes of these.</param>
internal sealed record StoredFormat(string Type, bool IsRead, int Tensors, long Parameters, long Bytes);
