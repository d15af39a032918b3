namespace MoA.Serving.Structured.Automata;

/// <summary>An automaton as a table: for each state and class of bytes the state after it.</summary>
internal sealed class TableTerminal : Terminal
{
    /// <summary>Most states of one.</summary>
    public const int MostStates = 30_000;

    private readonly byte[] _classOf;
    private readonly int _classes;
    private readonly ushort[] _next;
    private readonly bool[] _final;
    private readonly bool[] _goesOn;

    private TableTerminal(byte[] classOf, int classes, ushort[] next, bool[] final)
    {
        (_classOf, _classes, _next, _final) = (classOf, classes, next, final);
        _goesOn = [.. Enumerable.Range(0, final.Length).Select(state => next.AsSpan(state * classes, classes).ContainsAnyExcept(ushort.MaxValue))];
    }

    /// <summary>Number of states.</summary>
    public int States => _final.Length;

    /// <summary>Makes one of an automaton whose first state is the start, without the states from which no end is reached.</summary>
    /// <param name="classOf">The class of each byte.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="next">For each state the state after each class, or <see cref="Terminal.Dead"/>.</param>
    /// <param name="final">The states that are ends.</param>
    /// <param name="budget">Counts the work.</param>
    /// <returns>The automaton, or null if no text leads to an end.</returns>
    public static TableTerminal? Create(byte[] classOf, int classes, List<int[]> next, List<bool> final, CompileBudget budget)
    {
        bool[] live = FindLive(next, final, budget);
        if (!live[0])
            return null;
        int[] number = new int[live.Length];
        int states = 0;
        for (int state = 0; state < live.Length; state++)
            number[state] = live[state] ? states++ : Dead;
        budget.Keep((long)states * classes);
        ushort[] table = new ushort[states * classes];
        Array.Fill(table, ushort.MaxValue);
        for (int state = 0; state < live.Length; state++)
        {
            for (int c = 0; live[state] && c < classes; c++)
            {
                if (next[state][c] != Dead && live[next[state][c]])
                    table[(number[state] * classes) + c] = (ushort)number[next[state][c]];
            }
        }

        return new(classOf, classes, table, [.. final.Where((_, state) => live[state])]);
    }

    /// <summary>The texts that two languages share; null if there are none.</summary>
    public static TableTerminal? Intersect(Terminal one, Terminal other, CompileBudget budget)
    {
        Dictionary<(int, int), int> known = new() { [(one.Start, other.Start)] = 0 };
        List<(int One, int Other)> pairs = [(one.Start, other.Start)];
        List<int[]> next = [];
        List<bool> final = [];
        byte[][] members = [.. Enumerable.Range(0, 256).GroupBy(value => (one.Classes[value], other.Classes[value]))
            .Select(group => group.Select(value => (byte)value).ToArray())];
        byte[] classOf = new byte[256];
        for (int c = 0; c < members.Length; c++)
        {
            foreach (byte value in members[c])
                classOf[value] = (byte)c;
        }

        for (int state = 0; state < pairs.Count; state++)
        {
            budget.Spend(members.Length);
            int[] row = new int[members.Length];
            Array.Fill(row, Dead);
            for (int c = 0; c < members.Length; c++)
            {
                (int First, int Second) pair = (one.Next(pairs[state].One, members[c][0]), other.Next(pairs[state].Other, members[c][0]));
                if (pair.First == Dead || pair.Second == Dead)
                    continue;
                if (!known.TryGetValue(pair, out int number))
                {
                    known[pair] = number = pairs.Count;
                    pairs.Add(pair);
                    if (number >= MostStates)
                        budget.Spend(long.MaxValue / 2);
                }

                row[c] = number;
            }

            next.Add(row);
            final.Add(one.IsFinal(pairs[state].One) && other.IsFinal(pairs[state].Other));
        }

        return Create(classOf, members.Length, next, final, budget);
    }

    public override IReadOnlyList<byte> Classes => _classOf;

    public override int Next(int state, byte value)
    {
        int next = _next[(state * _classes) + _classOf[value]];
        return next == ushort.MaxValue ? Dead : next;
    }

    public override bool IsFinal(int state) => _final[state];

    public override bool GoesOn(int state) => _goesOn[state];

    private static bool[] FindLive(List<int[]> next, List<bool> final, CompileBudget budget)
    {
        List<int>[] before = [.. next.Select(_ => new List<int>())];
        for (int state = 0; state < next.Count; state++)
        {
            budget.Spend(next[state].Length);
            foreach (int to in next[state])
            {
                if (to != Dead)
                    before[to].Add(state);
            }
        }

        bool[] live = [.. final];
        Stack<int> open = new(Enumerable.Range(0, live.Length).Where(state => live[state]));
        while (open.TryPop(out int state))
        {
            foreach (int from in before[state])
            {
                if (live[from])
                    continue;
                live[from] = true;
                open.Push(from);
            }
        }

        return live;
    }
}
