namespace MoA.Engine.Tokenization.Patterns;

/// <summary>Turns a parsed pattern into instructions for <see cref="PatternMatcher"/>.</summary>
internal sealed class PatternCompiler
{
    private const int MaximumLength = 20_000;

    private readonly List<PatternInstruction> _program = [];

    private PatternCompiler()
    {
    }

    public static PatternInstruction[] Compile(string source)
    {
        var compiler = new PatternCompiler();
        compiler.Emit(PatternParser.Parse(source), source);
        compiler._program.Add(new(PatternOperation.Accept));
        return [.. compiler._program];
    }

    private void Emit(PatternNode node, string source)
    {
        if (_program.Count > MaximumLength)
            throw new InvalidInputException($"the pattern '{source}' is too large when its repetitions are written out");
        switch (node)
        {
            case SetNode set:
                _program.Add(new(PatternOperation.Set, set.Set));
                break;
            case ConcatenationNode { Parts: var parts }:
                foreach (PatternNode part in parts)
                    Emit(part, source);
                break;
            case AlternationNode { Choices: var choices }:
                EmitAlternation(choices, source);
                break;
            case RepetitionNode repetition:
                EmitRepetition(repetition, source);
                break;
            case AtomicNode { Body: var body }:
                EmitBody(PatternOperation.Atomic, body, negative: false, source);
                break;
            case LookAheadNode look:
                EmitBody(PatternOperation.LookAhead, look.Body, look.Negative, source);
                break;
            case LookBehindNode look:
                _program.Add(new(PatternOperation.LookBehind, look.Set, Negative: look.Negative));
                break;
            case AnchorNode { Anchor: var anchor }:
                _program.Add(new(PatternOperation.Anchor, First: (int)anchor));
                break;
        }
    }

    private void EmitAlternation(IReadOnlyList<PatternNode> choices, string source)
    {
        var jumps = new List<int>();
        for (int i = 0; i < choices.Count; i++)
        {
            bool last = i == choices.Count - 1;
            int fork = last ? -1 : Reserve();
            Emit(choices[i], source);
            if (last)
                break;
            jumps.Add(Reserve());
            _program[fork] = new(PatternOperation.Fork, First: fork + 1, Second: _program.Count);
        }

        foreach (int jump in jumps)
            _program[jump] = new(PatternOperation.Jump, First: _program.Count);
    }

    private void EmitRepetition(RepetitionNode repetition, string source)
    {
        (PatternNode body, int minimum, int maximum, bool lazy) = repetition;
        if (body is ConcatenationNode { Parts: [var only] })
            body = only;
        if (body is SetNode { Set: var set })
        {
            PatternOperation operation = lazy ? PatternOperation.RepeatLazy : PatternOperation.RepeatGreedy;
            _program.Add(new(operation, set, minimum, maximum));
            return;
        }

        for (int i = 0; i < minimum; i++)
            Emit(body, source);
        if (maximum == int.MaxValue)
        {
            int fork = Reserve();
            Emit(body, source);
            _program.Add(new(PatternOperation.Jump, First: fork));
            _program[fork] = Fork(fork + 1, _program.Count, lazy);
            return;
        }

        var forks = new List<int>();
        for (int i = minimum; i < maximum; i++)
        {
            forks.Add(Reserve());
            Emit(body, source);
        }

        foreach (int fork in forks)
            _program[fork] = Fork(fork + 1, _program.Count, lazy);
    }

    private void EmitBody(PatternOperation operation, PatternNode body, bool negative, string source)
    {
        int start = Reserve();
        Emit(body, source);
        _program.Add(new(PatternOperation.Accept));
        _program[start] = new(operation, First: _program.Count, Negative: negative);
    }

    private static PatternInstruction Fork(int body, int exit, bool lazy) =>
        lazy ? new(PatternOperation.Fork, First: exit, Second: body) : new(PatternOperation.Fork, First: body, Second: exit);

    private int Reserve()
    {
        _program.Add(default);
        return _program.Count - 1;
    }
}
