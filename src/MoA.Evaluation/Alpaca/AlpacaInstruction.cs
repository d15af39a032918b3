namespace MoA.Evaluation.Alpaca;

/// <summary>One instruction of AlpacaEval with the answer that others are compared with.</summary>
/// <param name="Instruction">What is asked.</param>
/// <param name="Dataset">The part of AlpacaEval that it is from.</param>
/// <param name="Output">The reference model's answer, or null where the file has none.</param>
/// <param name="Generator">The reference model, or null.</param>
internal sealed record AlpacaInstruction(string Instruction, string Dataset, string? Output, string? Generator);
