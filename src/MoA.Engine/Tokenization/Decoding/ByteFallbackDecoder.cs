using System.Globalization;
using System.Text;

namespace MoA.Engine.Tokenization.Decoding;

/// <summary>
/// Joins runs of byte tokens (<c>&lt;0x0A&gt;</c>) to text. A run that is no valid UTF-8 as a whole becomes one U+FFFD per
/// byte, so a run is passed on only when it has ended.
/// </summary>
internal sealed class ByteFallbackDecoder : TokenDecoder
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public override DecodingStage Start(DecodingStage next) => new Stage(next);

    /// <summary>The byte that a token stands for; null for any other token.</summary>
    public static byte? ReadByte(string token) =>
        token is ['<', '0', 'x', char high, char low, '>'] && char.IsAsciiHexDigit(high) && char.IsAsciiHexDigit(low)
            ? byte.Parse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
            : null;

    private sealed class Stage(DecodingStage next) : WholeTokenStage(next)
    {
        private readonly List<byte> _run = [];

        protected override void PushToken(string token)
        {
            if (ReadByte(token) is byte value)
            {
                _run.Add(value);
                return;
            }

            EndRun();
            Next.Push(token, endsToken: true);
        }

        public override void Flush()
        {
            EndRun();
            Next.Flush();
        }

        private void EndRun()
        {
            if (_run.Count == 0)
                return;
            try
            {
                Next.Push(StrictUtf8.GetString([.. _run]), endsToken: true);
            }
            catch (DecoderFallbackException)
            {
                for (int i = 0; i < _run.Count; i++)
                    Next.Push("\uFFFD", endsToken: true);
            }

            _run.Clear();
        }
    }
}
