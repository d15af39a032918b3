namespace MoA.Serving.Chat;

/// <summary>
/// An answer in the tokens in which it was written. A client sends it back as text, which may be cut into tokens in other ways; a service that did not
/// write it needs them to read the conversation as the one that did.
/// </summary>
/// <param name="Key">A hash of the tokens before it and of its text, by which it is found.</param>
/// <param name="Tokens">Its tokens, without one that ends the turn.</param>
public sealed record WrittenAnswer(UInt128 Key, IReadOnlyList<int> Tokens);
