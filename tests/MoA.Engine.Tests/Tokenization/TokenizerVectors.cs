using System.Globalization;
using MoA.Tests;

namespace MoA.Engine.Tests.Tokenization;

/// <summary>The texts and token ids of tests/fixtures/tokenizers.</summary>
internal static class TokenizerVectors
{
    private const string Separator = "\n__ggml_vocab_test__\n";

    public static string File(string name) => RepositoryFiles.Fixture("tokenizers", name);

    public static IEnumerable<(string Text, int[] Ids)> Read(string vocabulary)
    {
        string[] texts = System.IO.File.ReadAllText(File($"ggml-vocab-{vocabulary}.gguf.inp")).Split(Separator)[..^1];
        string[] lines = System.IO.File.ReadAllText(File($"ggml-vocab-{vocabulary}.gguf.out")).Split('\n');
        Assert.Equal(46, texts.Length);
        return texts.Zip(lines, (text, line) => (text, line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(id => int.Parse(id, CultureInfo.InvariantCulture)).ToArray()));
    }
}
