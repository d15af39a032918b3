using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;

namespace MoA.Serving.Structured;

/// <summary>
/// Makes constraints for the answers of one model: what is written under them is valid by construction. What a format compiles to is
/// remembered, within bounds. Safe to share between threads.
/// </summary>
internal sealed class StructuredOutput
{
    private const int MostGrammars = 128;
    private const long MostBytes = 64 << 20;

    private readonly Tokenizer _tokenizer;
    private readonly IReadOnlySet<int> _stopTokens;
    private readonly Lazy<TokenTrie> _trie;
    private readonly Lazy<bool> _dropsSpace;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, LinkedListNode<(string Key, Grammar Grammar, long Bytes)>> _known = [];
    private readonly LinkedList<(string Key, Grammar Grammar, long Bytes)> _recent = new();
    private long _bytes;

    /// <summary>For one model.</summary>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="stopTokens">The tokens that end its answers.</param>
    public StructuredOutput(Tokenizer tokenizer, IReadOnlySet<int> stopTokens)
    {
        (_tokenizer, _stopTokens) = (tokenizer, stopTokens);
        _trie = new(() => new TokenTrie(tokenizer, stopTokens));
        _dropsSpace = new(() => _trie.Value.Tokens.FirstOrDefault(token => _trie.Value.BytesOf(token)[0] == ' ', -1) is >= 0 and var token &&
            !tokenizer.Decode([token]).StartsWith(' '));
    }

    /// <summary>A constraint for one answer that is JSON.</summary>
    /// <param name="schema">The schema that it satisfies; null: an object of any kind.</param>
    /// <exception cref="InvalidInputException">The schema is malformed, says something that is not supported, or nothing satisfies it.</exception>
    public TokenConstraint Json(string? schema) => Create(new OutputFormat.Json(schema));

    /// <summary>A constraint for one answer of a format.</summary>
    /// <exception cref="InvalidInputException">A schema in it is malformed, says something that is not supported, or nothing satisfies it.</exception>
    public GrammarConstraint Create(OutputFormat format) => new GrammarConstraint(Compile(format));

    /// <summary>What a format compiles to.</summary>
    internal Grammar Compile(OutputFormat format)
    {
        string key = format.Key;
        lock (_gate)
        {
            if (_known.TryGetValue(key, out LinkedListNode<(string Key, Grammar Grammar, long Bytes)>? known))
            {
                _recent.Remove(known);
                _recent.AddFirst(known);
                return known.Value.Grammar;
            }
        }

        // Outside the lock: nobody waits for another's schema.
        if (_stopTokens.Count == 0)
            throw new InvalidInputException("the model names no token that ends an answer, so that JSON could not end");
        CompileBudget budget = new();
        Grammar grammar = new(new OutputCompiler(_tokenizer, budget).Compile(format, _dropsSpace.Value), _trie.Value, _stopTokens);
        Remember(key, grammar, budget.Bytes + (key.Length * sizeof(char)));
        return grammar;
    }

    private void Remember(string key, Grammar grammar, long bytes)
    {
        lock (_gate)
        {
            if (_known.ContainsKey(key))
                return;
            _known[key] = _recent.AddFirst((key, grammar, bytes));
            _bytes += bytes;
            while (_recent.Count > MostGrammars || (_bytes > MostBytes && _recent.Count > 1))
            {
                _bytes -= _recent.Last!.Value.Bytes;
                _ = _known.Remove(_recent.Last.Value.Key);
                _recent.RemoveLast();
            }
        }
    }
}
