namespace MoA.Engine.Tokenization;

/// <summary>A stretch [Start, End) of a text and the added token it is; null for plain text.</summary>
internal readonly record struct AddedTokenSpan(int Start, int End, AddedToken? Token);
