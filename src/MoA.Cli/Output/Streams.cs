namespace MoA.Cli.Output;

/// <summary>Where a command reads and writes: results to <paramref name="Output"/>, everything else to <paramref name="Error"/>.</summary>
internal sealed record Streams(TextReader Input, TextWriter Output, TextWriter Error);
