namespace MoA.Serving.Structured.Automata;

/// <summary>Whole numbers that a number divides; signs are passed over.</summary>
internal sealed class RemainderTerminal(int divisor) : Terminal
{
    private static readonly byte[] Digits =
        [.. Enumerable.Range(0, 256).Select(value => (byte)(value is '-' or (>= '0' and <= '9') ? value : 0))];

    public override IReadOnlyList<byte> Classes => Digits;

    public override int Next(int state, byte value) => value switch
    {
        (byte)'-' => state,
        >= (byte)'0' and <= (byte)'9' => ((state * 10) + value - '0') % divisor,
        _ => Dead,
    };

    public override bool IsFinal(int state) => state == 0;
}
