using System.Text;

namespace MoA.Engine.Tokenization.Decoding;

/// <summary>
/// Removes up to <paramref name="start"/> of a character from the front and up to <paramref name="stop"/> from the end of
/// every token.
/// </summary>
internal sealed class StripDecoder(string content, int start, int stop) : TokenDecoder
{
    public override DecodingStage Start(DecodingStage next) => new Stage(next, content, start, stop);

    private sealed class Stage(DecodingStage next, string content, int start, int stop) : DecodingStage
    {
        private int _stripped;
        private int _held;

        public override void Push(string fragment, bool endsToken)
        {
            int from = 0;
            while (_stripped < start && StandsAt(fragment, from))
            {
                from += content.Length;
                _stripped++;
            }

            if (from < fragment.Length)
                _stripped = start;
            next.Push(HoldTrailing(fragment[from..]), endsToken);
            if (!endsToken)
                return;
            _stripped = 0;
            _held = 0;
        }

        public override void Flush() => next.Flush();

        private bool StandsAt(string text, int at) => string.CompareOrdinal(text, at, content, 0, content.Length) == 0;

        // What can be passed on: all but the last `stop` of the characters at the end, which may prove to be the token's end.
        private string HoldTrailing(string text)
        {
            int end = text.Length;
            int trailing = 0;
            while (trailing < stop && end >= content.Length && StandsAt(text, end - content.Length))
            {
                end -= content.Length;
                trailing++;
            }

            bool onlyContent = end == 0;
            int held = onlyContent ? _held + trailing : trailing;
            int released = onlyContent ? Math.Max(0, held - stop) : _held;
            _held = Math.Min(held, stop);
            var passed = new StringBuilder();
            for (int i = 0; i < released; i++)
                passed.Append(content);
            return passed.Append(text, 0, end).ToString();
        }
    }
}
