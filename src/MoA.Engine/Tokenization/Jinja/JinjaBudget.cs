namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Limits one rendering in steps, depth and size, so that a hostile template can neither hang nor fill the memory.</summary>
internal sealed class JinjaBudget
{
    private const int MaximumDepth = 300;
    private const int CharactersPerStep = 32;

    private readonly long _maximumCharacters;
    private long _steps;
    private int _depth;

    /// <param name="inputCharacters">Characters of the template and the messages together.</param>
    public JinjaBudget(long inputCharacters)
    {
        _steps = 2_000_000 + 20 * inputCharacters;
        _maximumCharacters = 4_000_000 + 20 * inputCharacters;
    }

    /// <summary>Takes a step.</summary>
    public void Step(int line) => Steps(line, 1);

    /// <summary>Takes several steps, such as one for every item of a list.</summary>
    public void Steps(int line, long count)
    {
        _steps -= count;
        if (_steps < 0)
            throw JinjaError.At(line, "the template takes too many steps; does it loop without end?");
    }

    /// <summary>Takes the steps for work on a text or list of this length, and refuses one that is too long.</summary>
    public void Work(int line, long length)
    {
        Limit(line, length);
        Steps(line, 1 + length / CharactersPerStep);
    }

    /// <summary>Refuses a text or list that is too long.</summary>
    public void Limit(int line, long length)
    {
        if (length > _maximumCharacters)
            throw JinjaError.At(line, $"a text of more than {_maximumCharacters} characters; the template grows without end");
    }

    /// <summary>Goes a level deeper; pair it with <see cref="Leave"/>.</summary>
    public void Enter(int line)
    {
        if (++_depth > MaximumDepth)
            throw JinjaError.At(line, $"expressions or calls more than {MaximumDepth} levels deep");
    }

    public void Leave() => _depth--;
}
