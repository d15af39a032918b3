using MoA.Serving.Structured.Automata;

namespace MoA.Serving.Structured.Parts;

/// <summary>
/// The terminals that every schema shares. White space is bounded: behind brackets and commas, and before closing brackets, one space, or a
/// line feed with up to 32 spaces or 8 tabs; behind a colon one space.
/// </summary>
internal static class JsonTerminals
{
    private const string Space = "(?: |\\n(?: {0,32}|\\t{1,8}))?";

    public static Terminal OpenObject { get; } = ExpressionAutomaton.OfText("\\{" + Space);

    public static Terminal CloseObject { get; } = ExpressionAutomaton.OfText(Space + "\\}");

    public static Terminal EmptyObject { get; } = new LiteralTerminal("{}"u8);

    public static Terminal OpenArray { get; } = ExpressionAutomaton.OfText("\\[" + Space);

    public static Terminal CloseArray { get; } = ExpressionAutomaton.OfText(Space + "\\]");

    public static Terminal EmptyArray { get; } = new LiteralTerminal("[]"u8);

    public static Terminal Comma { get; } = ExpressionAutomaton.OfText("," + Space);

    public static Terminal Colon { get; } = ExpressionAutomaton.OfText(": ?");

    public static Terminal String { get; } = new StringTerminal();

    /// <summary>Numbers of up to 15 digits before the point, 10 behind it, and exponents of two digits.</summary>
    public static Terminal Number { get; } = ExpressionAutomaton.OfText("-?(?:0|[1-9][0-9]{0,14})(?:\\.[0-9]{1,10})?(?:[eE][+\\-]?[0-9]{1,2})?");

    public static Terminal Boolean { get; } = new LiteralTerminal([[.. "true"u8], [.. "false"u8]]);

    public static Terminal Null { get; } = new LiteralTerminal("null"u8);

    /// <summary>A space where the tokenizer would drop it.</summary>
    public static Terminal LeadingSpace { get; } = ExpressionAutomaton.OfText(" ?");
}
