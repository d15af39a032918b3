namespace MoA.Benchmarks.Masks;

/// <summary>What masks along one text took, in seconds.</summary>
/// <param name="Name">The kind of schema.</param>
/// <param name="Tokens">Tokens of the text.</param>
/// <param name="TrieSeconds">Building the vocabulary's trie, once a model.</param>
/// <param name="CompileSeconds">Compiling the schema.</param>
/// <param name="First">A mask and its token, on average, when nothing is remembered yet.</param>
/// <param name="FirstMost">The longest of those.</param>
/// <param name="Again">A mask and its token, on average, in later answers.</param>
/// <param name="AgainMost">What 99 of 100 of those stay below.</param>
internal sealed record MaskRow(
    string Name, int Tokens, double TrieSeconds, double CompileSeconds, double First, double FirstMost, double Again, double AgainMost);
