using System.Runtime.InteropServices;
using System.Text;

namespace MoA.Serving.Structured.Automata;

/// <summary>Turns regular expressions into automata over bytes: Thompson's construction, then that of subsets.</summary>
internal sealed class ExpressionAutomaton
{
    private const int MostNodes = 40_000;

    private readonly List<Node> _nodes = [];
    private readonly List<int> _reached = [];
    private int _round;
    private readonly bool _escapes;
    private readonly CompileBudget _budget;

    private ExpressionAutomaton(bool escapes, CompileBudget budget) => (_escapes, _budget) = (escapes, budget);

    /// <summary>The texts that an expression matches as a whole, in UTF-8; null if there are none.</summary>
    public static TableTerminal? OfText(Expression expression, CompileBudget budget)
    {
        ExpressionAutomaton automaton = new(escapes: false, budget);
        int start = automaton.NewNode(), end = automaton.Build(expression, start);
        return automaton.Determine(start, end, quotes: false);
    }

    /// <summary>The same for text of the library's own that needs no budget.</summary>
    public static TableTerminal OfText(string pattern) =>
        OfText(ExpressionReader.Read(pattern, pattern), new CompileBudget())!;

    /// <summary>
    /// The JSON strings whose text an expression matches somewhere (as <c>pattern</c> has it), quotes included; null if there are none. Each
    /// text is written in one way: only quotes, backslashes and control characters are escaped.
    /// </summary>
    public static TableTerminal? OfStrings(Expression expression, CompileBudget budget)
    {
        ExpressionAutomaton automaton = new(escapes: true, budget);
        Expression anything = new Expression.Repeat(new Expression.Set(CharacterRanges.Every), 0, null);
        int start = automaton.NewNode();
        int found = automaton.Build(expression, automaton.Build(anything, start));
        return automaton.Determine(start, automaton.Build(anything, found), quotes: true);
    }

    // Builds what leads from a node to the one returned.
    private int Build(Expression expression, int from)
    {
        switch (expression)
        {
            case Expression.Set set:
                return BuildSet(set.Characters, from);
            case Expression.Sequence sequence:
                return sequence.Parts.Aggregate(from, (node, part) => Build(part, node));
            case Expression.Choice choice:
                int end = NewNode();
                foreach (Expression option in choice.Options)
                    _nodes[Build(option, Linked(from))].Empty.Add(end);
                return end;
            case Expression.Anchor anchor:
                int behind = NewNode();
                (anchor.IsStart ? _nodes[from].AtStart : _nodes[from].AtEnd).Add(behind);
                return behind;
            default:
                return BuildRepeat((Expression.Repeat)expression, from);
        }
    }

    private int BuildRepeat(Expression.Repeat repeat, int from)
    {
        int node = from;
        for (int i = 0; i < repeat.Least; i++)
            node = Build(repeat.Part, node);
        if (repeat.Most is not int most)
        {
            int loop = Linked(node);
            _nodes[Build(repeat.Part, Linked(loop))].Empty.Add(loop);
            return Linked(loop);
        }

        int end = NewNode();
        for (int i = repeat.Least; i < most; i++)
        {
            _nodes[node].Empty.Add(end);
            node = Build(repeat.Part, Linked(node));
        }

        _nodes[node].Empty.Add(end);
        return end;
    }

    private int BuildSet(CharacterRanges characters, int from)
    {
        int end = NewNode();
        foreach ((int first, int last) in characters.Ranges)
        {
            if (!_escapes)
            {
                AddRange(from, end, first, last);
                continue;
            }

            foreach ((int rawFirst, int rawLast) in CharacterRanges.Of((first, last)).Intersect(JsonText.Raw).Ranges)
                AddRange(from, end, rawFirst, rawLast);
            foreach (int c in JsonText.Escaped.Where(c => c >= first && c <= last))
                AddBytes(from, end, Encoding.ASCII.GetBytes(JsonText.Escape(c)));
        }

        return end;
    }

    // The bytes of a range of characters in UTF-8, cut where their number changes and so that each byte runs through a range of its own.
    private void AddRange(int from, int end, int first, int last)
    {
        foreach (int cut in (ReadOnlySpan<int>)[0x7F, 0x7FF, 0xFFFF])
        {
            if (first <= cut && cut < last)
            {
                AddRange(from, end, first, cut);
                AddRange(from, end, cut + 1, last);
                return;
            }
        }

        for (int bits = 6; bits <= 18 && last > 0x7F; bits += 6)
        {
            int low = (1 << bits) - 1;
            if ((first & ~low) == (last & ~low))
                break;
            if ((first & low) != 0)
            {
                AddRange(from, end, first, first | low);
                AddRange(from, end, (first | low) + 1, last);
                return;
            }

            if ((last & low) != low)
            {
                AddRange(from, end, first, (last & ~low) - 1);
                AddRange(from, end, last & ~low, last);
                return;
            }
        }

        Span<byte> lowest = stackalloc byte[4], highest = stackalloc byte[4];
        int length = new Rune(first).EncodeToUtf8(lowest);
        _ = new Rune(last).EncodeToUtf8(highest);
        int node = from;
        for (int i = 0; i < length; i++)
        {
            int to = i == length - 1 ? end : NewNode();
            _nodes[node].Bytes.Add((lowest[i], highest[i], to));
            node = to;
        }
    }

    private void AddBytes(int from, int end, byte[] bytes)
    {
        int node = from;
        for (int i = 0; i < bytes.Length; i++)
        {
            int to = i == bytes.Length - 1 ? end : NewNode();
            _nodes[node].Bytes.Add((bytes[i], bytes[i], to));
            node = to;
        }
    }

    private int Linked(int from)
    {
        int node = NewNode();
        _nodes[from].Empty.Add(node);
        return node;
    }

    private int NewNode()
    {
        _budget.Spend(_nodes.Count > MostNodes ? long.MaxValue / 2 : 1);
        _nodes.Add(new Node());
        return _nodes.Count - 1;
    }

    private TableTerminal? Determine(int start, int end, bool quotes)
    {
        (byte[] classOf, int classes) = FindClasses(quotes);
        byte quote = classOf['"'];
        List<int[]> next = [];
        List<bool> final = [];
        int firstSet = quotes ? 2 : 0; // before them the opening quote and what stands behind the closing one
        Dictionary<string, int> known = [];
        List<int[]> sets = [];
        if (quotes)
        {
            next.AddRange([Row(classes), Row(classes)]);
            final.AddRange([false, true]);
            next[0][quote] = firstSet;
        }

        _ = NumberOf(Close([start], atStart: true, atEnd: false));
        for (int i = 0; i < sets.Count; i++)
        {
            int[] row = Row(classes);
            List<int>?[] moves = Moves(sets[i], classOf, classes);
            for (int c = 0; c < classes; c++)
            {
                if (moves[c] is List<int> targets)
                    row[c] = NumberOf(Close(targets, atStart: false, atEnd: false));
            }

            bool ends = Close(sets[i], atStart: i == 0, atEnd: true).Contains(end);
            if (quotes && ends)
                row[quote] = 1;
            next.Add(row);
            final.Add(!quotes && ends);
        }

        return TableTerminal.Create(classOf, classes, next, final, _budget);

        int NumberOf(int[] set)
        {
            // Only the first stands at the text's start, where anchors hold: it is told from an equal set further on.
            string key = (sets.Count == 0 ? "^" : "") + new string(MemoryMarshal.Cast<int, char>(set));
            if (known.TryGetValue(key, out int number))
                return number;
            if (sets.Count + firstSet >= TableTerminal.MostStates)
                _budget.Spend(long.MaxValue / 2);
            known[key] = number = sets.Count + firstSet;
            sets.Add(set);
            return number;
        }
    }

    private static int[] Row(int classes)
    {
        int[] row = new int[classes];
        Array.Fill(row, Terminal.Dead);
        return row;
    }

    // Bytes that no edge tells apart.
    private (byte[] ClassOf, int Classes) FindClasses(bool quotes)
    {
        bool[] begins = new bool[257];
        begins[0] = true;
        if (quotes)
            begins['"'] = begins['"' + 1] = true;
        foreach ((byte first, byte last, _) in _nodes.SelectMany(node => node.Bytes))
            begins[first] = begins[last + 1] = true;
        byte[] classOf = new byte[256];
        int classes = 0;
        for (int value = 0; value < 256; value++)
        {
            classes += begins[value] ? 1 : 0;
            classOf[value] = (byte)(classes - 1);
        }

        return (classOf, classes);
    }

    // The nodes that each class of bytes leads to.
    private List<int>?[] Moves(int[] set, byte[] classOf, int classes)
    {
        List<int>?[] moves = new List<int>?[classes];
        foreach (int node in set)
        {
            foreach ((byte first, byte last, int to) in _nodes[node].Bytes)
            {
                _budget.Spend(classOf[last] - classOf[first] + 1);
                for (int c = classOf[first]; c <= classOf[last]; c++)
                    (moves[c] ??= []).Add(to);
            }
        }

        return moves;
    }

    // All nodes that are reached without a byte.
    private int[] Close(IReadOnlyList<int> nodes, bool atStart, bool atEnd)
    {
        _round++;
        _reached.Clear();
        Reach(nodes);
        for (int i = 0; i < _reached.Count; i++)
        {
            Node here = _nodes[_reached[i]];
            _budget.Spend(1 + here.Empty.Count);
            Reach(here.Empty);
            if (atStart)
                Reach(here.AtStart);
            if (atEnd)
                Reach(here.AtEnd);
        }

        int[] sorted = [.. _reached];
        Array.Sort(sorted);
        return sorted;
    }

    private void Reach(IReadOnlyList<int> nodes)
    {
        for (int i = 0; i < nodes.Count; i++)
        {
            if (_nodes[nodes[i]].Round == _round)
                continue;
            _nodes[nodes[i]].Round = _round;
            _reached.Add(nodes[i]);
        }
    }

    private sealed class Node
    {
        /// <summary>The last round of <see cref="Close"/> that reached it.</summary>
        public int Round { get; set; }

        public List<(byte First, byte Last, int To)> Bytes { get; } = [];

        public List<int> Empty { get; } = [];

        public List<int> AtStart { get; } = [];

        public List<int> AtEnd { get; } = [];
    }
}
