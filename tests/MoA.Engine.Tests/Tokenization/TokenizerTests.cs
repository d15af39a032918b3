using System.Text;
using MoA.Engine.Tokenization;

namespace MoA.Tests.Tokenization;

public class TokenizerTests
{
    private static readonly Dictionary<string, Tokenizer> Loaded = new()
    {
        ["gpt-2"] = Tokenizer.Load(TokenizerVectors.File("gpt-2.tokenizer.json")),
        ["llama-spm"] = Tokenizer.Load(TokenizerVectors.File("llama-spm.tokenizer.json")),
        ["demo"] = Tokenizer.Load(RepositoryFiles.DemoModel),
    };

    [Theory]
    [InlineData("gpt-2")]
    [InlineData("llama-spm")]
    public void Encodes_the_reference_texts_to_the_reference_ids(string vocabulary)
    {
        foreach ((string text, int[] ids) in TokenizerVectors.Read(vocabulary))
            Assert.Equal(ids, Loaded[vocabulary].Encode(text, addSpecialTokens: false, parseSpecialTokens: false));
    }
}
