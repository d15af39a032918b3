using System.Text;

namespace MoA.Engine.Tokenization.Decoding;

/// <summary>
/// Reads tokens as bytes written in the byte-level alphabet and the bytes of all tokens together as one UTF-8 text;
/// invalid sequences become U+FFFD. Added tokens are no such bytes.
/// </summary>
internal sealed class ByteLevelDecoder : TokenDecoder
{
    public override DecodingStage Start(DecodingStage next) => new Stage(next);

    private sealed class Stage(DecodingStage next) : WholeTokenStage(next)
    {
        // Keeps the bytes of an incomplete character from one token to the next.
        private readonly System.Text.Decoder _utf8 = Encoding.UTF8.GetDecoder();

        protected override void PushToken(string token) => Pass(ByteLevelAlphabet.Read(token), ends: false);

        public override void PushAdded(string token) => Pass(Encoding.UTF8.GetBytes(token), ends: false);

        public override void Flush()
        {
            Pass([], ends: true);
            Next.Flush();
        }

        private void Pass(byte[] bytes, bool ends)
        {
            var characters = new char[Encoding.UTF8.GetMaxCharCount(bytes.Length)];
            int count = _utf8.GetChars(bytes, characters, flush: ends);
            if (count > 0 || ends)
                Next.Push(new string(characters, 0, count), ends);
        }
    }
}
