using System.Text;

namespace MoA.Engine.Tokenization.Decoding;

/// <summary>Replaces every occurrence of a string within a token, also across the fragments of a fused one.</summary>
/// <param name="find">What is replaced.</param>
/// <param name="replacement">What stands there instead.</param>
/// <param name="sparesAdded">Whether added tokens stay as they are.</param>
internal sealed class ReplaceTextDecoder(string find, string replacement, bool sparesAdded = false) : TokenDecoder
{
    public override DecodingStage Start(DecodingStage next) => new Stage(next, find, replacement, sparesAdded);

    private sealed class Stage(DecodingStage next, string find, string replacement, bool sparesAdded) : DecodingStage
    {
        private string _held = "";

        public override void Push(string fragment, bool endsToken)
        {
            string text = _held.Length == 0 ? fragment : _held + fragment;
            var passed = new StringBuilder(text.Length);
            int from = 0;
            for (int at; (at = text.IndexOf(find, from, StringComparison.Ordinal)) >= 0; from = at + find.Length)
                passed.Append(text, from, at - from).Append(replacement);

            // An occurrence may begin in the last characters; a surrogate pair is not taken apart.
            int end = endsToken ? text.Length : Math.Max(from, text.Length - find.Length + 1);
            if (end > from && end < text.Length && char.IsLowSurrogate(text[end]))
                end--;
            _held = text[end..];
            next.Push(passed.Append(text, from, end - from).ToString(), endsToken);
        }

        public override void PushAdded(string token)
        {
            if (sparesAdded)
                next.PushAdded(token);
            else
                base.PushAdded(token);
        }

        public override void Flush() => next.Flush();
    }
}
