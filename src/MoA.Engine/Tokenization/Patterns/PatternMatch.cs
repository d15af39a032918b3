namespace MoA.Engine.Tokenization.Patterns;

/// <summary>Where a pattern matched: UTF-16 indices, half open.</summary>
internal readonly record struct PatternMatch(int Start, int End);
