using MoA.Engine;

namespace MoA.Serving.Structured;

/// <summary>Bounds the time and memory that compiling one schema may take, whatever it says.</summary>
internal sealed class CompileBudget
{
    /// <summary>Steps of building automata.</summary>
    private const long MostSteps = 3_000_000;

    /// <summary>Numbers in the tables of automata, two bytes each.</summary>
    private const long MostCells = 4_000_000;

    private long _steps;
    private long _cells;

    /// <summary>What is being compiled, for messages.</summary>
    public string At { get; set; } = "schema";

    /// <summary>Bytes of tables that stay.</summary>
    public long Bytes => _cells * sizeof(ushort);

    /// <summary>Counts steps of work.</summary>
    /// <exception cref="InvalidInputException">There were too many.</exception>
    public void Spend(long steps)
    {
        _steps += steps;
        if (_steps > MostSteps)
            throw TooLarge();
    }

    /// <summary>Counts numbers of tables.</summary>
    /// <exception cref="InvalidInputException">There were too many.</exception>
    public void Keep(long cells)
    {
        _cells += cells;
        if (_cells > MostCells)
            throw TooLarge();
    }

    private InvalidInputException TooLarge() =>
        new($"{At}: the schema is too large to compile; use fewer or smaller alternatives, counts and patterns");
}
