using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace MoA.Serving.Chat;

/// <summary>
/// The tokens in which answers were written. A client sends an answer back as text, which may be cut into tokens in other ways; as it was written it
/// is in kept caches. Any thread may use it.
/// </summary>
internal sealed class WrittenAnswers
{
    private const int Most = 8192;
    private const long MostTokens = 16 << 20;

    private readonly Lock _gate = new();
    private readonly Dictionary<UInt128, int[]> _answers = [];
    private readonly Queue<UInt128> _order = [];
    private long _tokens;

    /// <summary>Remembers an answer.</summary>
    public void Add(WrittenAnswer answer)
    {
        (UInt128 key, int[] tokens) = (answer.Key, answer.Tokens as int[] ?? [.. answer.Tokens]);
        lock (_gate)
        {
            if (_answers.TryGetValue(key, out int[]? known))
                _tokens -= known.Length;
            else
                _order.Enqueue(key);
            _answers[key] = tokens;
            _tokens += tokens.Length;
            while ((_order.Count > Most || _tokens > MostTokens) && _answers.Remove(_order.Dequeue(), out int[]? oldest))
                _tokens -= oldest.Length;
        }
    }

    /// <summary>The tokens of an answer of which the text is known; null if it was not written here.</summary>
    /// <param name="before">All tokens before it.</param>
    /// <param name="text">Its text without special tokens.</param>
    public int[]? Find(ReadOnlySpan<int> before, string text)
    {
        UInt128 key = Key(before, text);
        lock (_gate)
            return _answers.GetValueOrDefault(key);
    }

    /// <summary>By what an answer is found.</summary>
    /// <param name="before">All tokens before it.</param>
    /// <param name="text">Its text without special tokens; templates trim it.</param>
    public static UInt128 Key(ReadOnlySpan<int> before, string text)
    {
        XxHash128 hash = new();
        hash.Append(MemoryMarshal.AsBytes(before));
        hash.Append(MemoryMarshal.AsBytes(text.AsSpan().Trim()));
        return hash.GetCurrentHashAsUInt128();
    }
}
