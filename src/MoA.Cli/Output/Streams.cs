namespace MoA.Cli.Output;

/// <summary>
/// Where a command reads and writes: results to <paramref name="Output"/>, everything else to <paramref name="Error"/>; and what
/// may interrupt it.
/// </summary>
internal sealed record Streams(TextReader Input, TextWriter Output, TextWriter Error, Interrupts Interrupts)
{
    /// <summary>Whether a person types the input.</summary>
    public bool InputIsTerminal => ReferenceEquals(Input, Console.In) && !Console.IsInputRedirected;

    /// <summary>Whether messages and progress go to a terminal.</summary>
    public bool ErrorIsTerminal => ReferenceEquals(Error, Console.Error) && !Console.IsErrorRedirected;
}
