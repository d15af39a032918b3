using System.Text;

namespace MoA.Engine.Tokenization.Patterns;

/// <summary>
/// Runs a compiled pattern over one text by backtracking, with a limit on the number of steps so that no pattern and
/// text can run for long. Positions are UTF-16 indices; a surrogate pair is one code point throughout.
/// </summary>
internal struct PatternMatcher
{
    private readonly PatternInstruction[] _program;
    private readonly string _text;
    private Choice[] _choices = new Choice[16];
    private int _choiceCount;
    private long _steps;

    /// <param name="program">The compiled pattern.</param>
    /// <param name="text">Well-formed UTF-16.</param>
    /// <param name="steps">Steps that all matches over the text may take together.</param>
    public PatternMatcher(PatternInstruction[] program, string text, long steps)
    {
        _program = program;
        _text = text;
        _steps = steps;
    }

    /// <summary>Whether steps are left; once they are not, every match fails.</summary>
    public readonly bool HasSteps => _steps > 0;

    /// <summary>The end of the match that starts exactly at a position; -1 where there is none.</summary>
    public int Match(int start) => Run(0, start);

    private int Run(int instruction, int position)
    {
        int bottom = _choiceCount;
        while (_steps-- > 0)
        {
            if (_program[instruction].Operation == PatternOperation.Accept)
            {
                _choiceCount = bottom;
                return position;
            }

            if (!Step(ref instruction, ref position) && !TryBacktrack(bottom, ref instruction, ref position))
                return -1;
        }

        _choiceCount = bottom;
        return -1;
    }

    private bool Step(ref int instruction, ref int position)
    {
        PatternInstruction current = _program[instruction];
        switch (current.Operation)
        {
            case PatternOperation.Set:
                instruction++;
                return TryConsume(current.Set!, ref position);
            case PatternOperation.RepeatGreedy:
                return RepeatGreedy(current, ref instruction, ref position);
            case PatternOperation.RepeatLazy:
                return RepeatLazy(current, ref instruction, ref position);
            case PatternOperation.Fork:
                Push(new(current.Second, position, position, 0));
                instruction = current.First;
                return true;
            case PatternOperation.Jump:
                instruction = current.First;
                return true;
            case PatternOperation.Atomic:
                position = Run(instruction + 1, position);
                instruction = current.First;
                return position >= 0;
            case PatternOperation.LookAhead:
                bool ahead = Run(instruction + 1, position) >= 0;
                instruction = current.First;
                return ahead != current.Negative;
            case PatternOperation.LookBehind:
                instruction++;
                return (position > 0 && current.Set!.Contains(CodePointBefore(position))) != current.Negative;
            default:
                instruction++;
                return Holds((PatternAnchor)current.First, position);
        }
    }

    private bool RepeatGreedy(in PatternInstruction current, ref int instruction, ref int position)
    {
        int least = position;
        int count = 0;
        while (count < current.Second && TryConsume(current.Set!, ref position))
        {
            if (++count == current.First)
                least = position;
        }

        _steps -= count;
        instruction++;
        if (count < current.First)
            return false;
        if (position > least)
            Push(new(instruction, position, least, 0));
        return true;
    }

    private bool RepeatLazy(in PatternInstruction current, ref int instruction, ref int position)
    {
        for (int count = 0; count < current.First; count++)
        {
            if (!TryConsume(current.Set!, ref position))
                return false;
        }

        _steps -= current.First;
        if (current.Second > current.First)
            Push(new(instruction, position, position, current.Second - current.First));
        instruction++;
        return true;
    }

    // A choice is a fork, a greedy run that can give back code points down to Least, or a lazy run that can take More.
    private bool TryBacktrack(int bottom, ref int instruction, ref int position)
    {
        while (_choiceCount > bottom)
        {
            Choice choice = _choices[--_choiceCount];
            (instruction, position) = (choice.Instruction, choice.Position);
            if (choice.More > 0)
            {
                if (!TryConsume(_program[instruction].Set!, ref position))
                    continue;
                if (choice.More > 1)
                    Push(new(instruction, position, position, choice.More - 1));
                instruction++;
            }
            else if (choice.Position > choice.Least)
            {
                position -= LengthBefore(position);
                if (position > choice.Least)
                    Push(new(instruction, position, choice.Least, 0));
            }

            return true;
        }

        return false;
    }

    private readonly bool TryConsume(CodePointSet set, ref int position)
    {
        if (position >= _text.Length)
            return false;
        char first = _text[position];
        bool pair = char.IsHighSurrogate(first);
        if (!set.Contains(pair ? char.ConvertToUtf32(first, _text[position + 1]) : first))
            return false;
        position += pair ? 2 : 1;
        return true;
    }

    private readonly int LengthBefore(int position) => char.IsLowSurrogate(_text[position - 1]) ? 2 : 1;

    private readonly int CodePointBefore(int position) => Rune.GetRuneAt(_text, position - LengthBefore(position)).Value;

    private readonly bool Holds(PatternAnchor anchor, int position)
    {
        bool atEnd = position == _text.Length;
        return anchor switch
        {
            PatternAnchor.LineStart => position == 0 || (_text[position - 1] == '\n' && !atEnd),
            PatternAnchor.LineEnd => atEnd || _text[position] == '\n',
            PatternAnchor.TextStart => position == 0,
            PatternAnchor.TextEnd => atEnd,
            PatternAnchor.TextEndOrLastLineFeed =>
                atEnd || (position == _text.Length - 1 && _text[position] == '\n'),
            PatternAnchor.WordBoundary => IsWordBoundary(position),
            _ => !IsWordBoundary(position),
        };
    }

    private readonly bool IsWordBoundary(int position)
    {
        bool before = position > 0 && CodePointSet.Word.Contains(CodePointBefore(position));
        bool after = position < _text.Length && CodePointSet.Word.Contains(Rune.GetRuneAt(_text, position).Value);
        return before != after;
    }

    private void Push(Choice choice)
    {
        if (_choiceCount == _choices.Length)
            Array.Resize(ref _choices, _choices.Length * 2);
        _choices[_choiceCount++] = choice;
    }

    /// <summary>A point to return to: go on at Instruction with Position.</summary>
    private readonly record struct Choice(int Instruction, int Position, int Least, int More);
}
