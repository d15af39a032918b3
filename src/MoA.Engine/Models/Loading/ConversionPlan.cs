namespace MoA.Engine.Models.Loading;

/// <summary>What writing a model file would give, found without writing it.</summary>
/// <param name="Result">What would be written.</param>
/// <param name="SourceBytes">Bytes of the weights that are read; they are mapped, not copied.</param>
/// <param name="PieceBytes">Bytes that are converted at a time.</param>
/// <param name="Seconds">About the time that the conversion takes, by that of its first tensors; the disk's is not in it.</param>
internal sealed record ConversionPlan(ConversionResult Result, long SourceBytes, long PieceBytes, double Seconds);
