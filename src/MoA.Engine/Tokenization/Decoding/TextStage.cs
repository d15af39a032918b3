using System.Text;

namespace MoA.Engine.Tokenization.Decoding;

/// <summary>The end of the chain: collects the text.</summary>
internal sealed class TextStage : DecodingStage
{
    private readonly StringBuilder _text = new();

    public override void Push(string fragment, bool endsToken) => _text.Append(fragment);

    public override void Flush()
    {
    }

    /// <summary>The text collected since the last call.</summary>
    public string Take()
    {
        string text = _text.ToString();
        _text.Clear();
        return text;
    }
}
