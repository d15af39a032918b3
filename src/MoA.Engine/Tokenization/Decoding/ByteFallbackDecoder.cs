using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace MoA.Engine.Tokenization.Decoding;

/// <summary>
/// Joins byte tokens (<c>&lt;0x0A&gt;</c>) to characters. A character is passed on with its last byte; every byte that
/// belongs to none becomes a U+FFFD of its own.
/// </summary>
internal sealed class ByteFallbackDecoder : TokenDecoder
{
    public override DecodingStage Start(DecodingStage next) => new Stage(next);

    /// <summary>The byte that a token stands for; null for any other token.</summary>
    public static byte? ReadByte(string token) =>
        token is ['<', '0', 'x', char high, char low, '>'] && char.IsAsciiHexDigit(high) && char.IsAsciiHexDigit(low)
            ? byte.Parse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
            : null;

    private sealed class Stage(DecodingStage next) : WholeTokenStage(next)
    {
        // The bytes of an incomplete character.
        private readonly List<byte> _open = [];

        protected override void PushToken(string token)
        {
            if (ReadByte(token) is byte value)
            {
                _open.Add(value);
                PassCharacters();
                return;
            }

            PassBroken(_open.Count);
            Next.Push(token, endsToken: true);
        }

        public override void PushAdded(string token)
        {
            PassBroken(_open.Count);
            Next.PushAdded(token);
        }

        public override void Flush()
        {
            PassBroken(_open.Count);
            Next.Flush();
        }

        private void PassCharacters()
        {
            while (_open.Count > 0)
            {
                OperationStatus status = Rune.DecodeFromUtf8(CollectionsMarshal.AsSpan(_open), out Rune character, out int length);
                if (status == OperationStatus.NeedMoreData)
                    return;
                if (status == OperationStatus.InvalidData)
                {
                    PassBroken(length);
                    continue;
                }

                _open.RemoveRange(0, length);
                Next.Push(character.ToString(), endsToken: true);
            }
        }

        private void PassBroken(int bytes)
        {
            _open.RemoveRange(0, bytes);
            for (int i = 0; i < bytes; i++)
                Next.Push("\uFFFD", endsToken: true);
        }
    }
}
