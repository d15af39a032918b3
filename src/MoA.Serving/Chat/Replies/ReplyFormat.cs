using MoA.Engine.Tokenization;

namespace MoA.Serving.Chat.Replies;

/// <summary>How a model writes thoughts and calls; its chat template and its special tokens tell.</summary>
internal sealed record ReplyFormat
{
    private const string ListMark = "<|tool_call|>";

    private static readonly CallShape Line = new()
    {
        BeforeName = "{\"name\": \"",
        BeforeArguments = "\", \"arguments\": ",
        AfterArguments = "}",
        Between = "\n",
    };

    private static readonly CallMarks Fence = new("```json", null);

    private static readonly ReplyFormat Plain = new() { Shape = Line, CallsAtStart = [Fence], TakesBareCalls = true };

    private static readonly ReplyFormat Harmony = new()
    {
        IsHarmony = true,
        Shape = new()
        {
            Opening = "<|channel|>commentary to=functions.",
            BeforeName = "",
            BeforeArguments = " <|constrain|>json<|message|>",
            AfterArguments = "<|call|>",
        },
        Inner = ["<|start|>", "<|channel|>", "<|constrain|>", "<|message|>", "<|end|>", "<|call|>", "<|return|>"],
    };

    private static readonly ReplyFormat MistralLists = new()
    {
        HasShortIds = true,
        Calls = [new("[TOOL_CALLS]", null, TakesNames: true)],
        Inner = ["[ARGS]", "[CALL_ID]"],
        Shape = Line with { Opening = "[TOOL_CALLS][", Between = ", ", Closing = "]" },
    };

    private static readonly ReplyFormat MistralSpacedLists = MistralLists with { Shape = MistralLists.Shape with { Opening = "[TOOL_CALLS] [" } };

    private static readonly ReplyFormat MistralNames = MistralLists with
    {
        Shape = new() { BeforeName = "[TOOL_CALLS]", BeforeArguments = "[ARGS]", AfterArguments = "", Between = "" },
    };

    private static readonly ReplyFormat Tags = new()
    {
        Calls = [new("<tool_call>", "</tool_call>")],
        Shape = Line with { BeforeName = "<tool_call>\n" + Line.BeforeName, AfterArguments = "}\n</tool_call>" },
    };

    private static readonly ReplyFormat Xml = new()
    {
        Syntax = CallSyntax.Xml,
        Calls = [new("<tool_call>", "</tool_call>"), new(XmlCallReader.Function, "</tool_call>")],
        Shape = new() { BeforeName = "<tool_call>\n<function=", BeforeArguments = ">\n", AfterArguments = "</function>\n</tool_call>", Between = "\n" },
    };

    private static readonly ReplyFormat Python = new()
    {
        Syntax = CallSyntax.Python,
        Calls = [new("<|python_start|>", "<|python_end|>"), new("<|python_tag|>", null), new("<|tool_call_start|>", "<|tool_call_end|>")],
        TakesBareCalls = true,
        Shape = new() { Opening = "[", BeforeName = "", BeforeArguments = "(", AfterArguments = ")", Between = ", ", Closing = "]" },
    };

    private static readonly ReplyFormat Lists = new()
    {
        Calls = [new(ListMark, "<|/tool_call|>"), new("<tool_call>", "</tool_call>")],
        CallsAtStart = [new("functools", null)],
        Shape = Line with { Opening = ListMark + "[", Between = ", ", Closing = "]" },
    };

    private static readonly ReplyFormat DeepSeek = new()
    {
        Calls = [new("<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", TakesNames: true)],
        Ignored = ["<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"],
        Inner = ["<｜tool▁sep｜>"],
        TakesBareCalls = true,
        CallsAtStart = [Fence],
        Shape = new()
        {
            Opening = "<｜tool▁calls▁begin｜>",
            BeforeName = "<｜tool▁call▁begin｜>function<｜tool▁sep｜>",
            BeforeArguments = "\n```json\n",
            AfterArguments = "\n```<｜tool▁call▁end｜>",
            Between = "\n",
            Closing = "<｜tool▁calls▁end｜>",
        },
    };

    private static readonly ReplyFormat Llama = Plain with
    {
        Calls = [new("<|python_tag|>", null)],
        Shape = Line with { BeforeArguments = "\", \"parameters\": ", Between = null },
    };

    // The first whose mark stands in the template; else the first whose mark is a token, where that says enough.
    private static readonly (string Mark, bool IsToken, ReplyFormat Format)[] Table =
    [
        ("<|channel|>", false, Harmony),
        ("[ARGS]", false, MistralNames),
        ("[TOOL_CALLS] [", false, MistralSpacedLists),
        ("[TOOL_CALLS]", false, MistralLists),
        (ListMark, true, Lists),
        (XmlCallReader.Function, false, Xml),
        ("<tool_call>", false, Tags),
        ("<｜tool▁call▁begin｜>", false, DeepSeek),
        ("[func_name1(", false, Python),
        ("<|tool_call_start|>", true, Python with { Shape = Python.Shape with { Opening = "<|tool_call_start|>[", Closing = "]<|tool_call_end|>" } }),
        ("<|python_tag|>", true, Llama),
    ];

    private static readonly CallMarks[] KnownThoughts = [new("<think>", "</think>"), new("[THINK]", "[/THINK]")];

    /// <summary>Whether everything stands in channels, as gpt-oss writes.</summary>
    public bool IsHarmony { get; init; }

    /// <summary>In what the arguments of calls are written.</summary>
    public CallSyntax Syntax { get; init; }

    /// <summary>What stands around calls, anywhere in an answer.</summary>
    public IReadOnlyList<CallMarks> Calls { get; init; } = [];

    /// <summary>What stands around calls only where an answer begins with it.</summary>
    public IReadOnlyList<CallMarks> CallsAtStart { get; init; } = [];

    /// <summary>Whether an answer that begins as JSON may be calls.</summary>
    public bool TakesBareCalls { get; init; }

    /// <summary>Marks between calls that say nothing.</summary>
    public IReadOnlyList<string> Ignored { get; init; } = [];

    /// <summary>Marks within a call.</summary>
    public IReadOnlyList<string> Inner { get; init; } = [];

    /// <summary>What stands around thoughts; null where none are told apart.</summary>
    public CallMarks? Thoughts { get; init; }

    /// <summary>Whether a call's id must be nine letters and digits.</summary>
    public bool HasShortIds { get; init; }

    /// <summary>How calls are to be written.</summary>
    public required CallShape Shape { get; init; }

    /// <summary>How a model writes.</summary>
    /// <param name="template">Its chat template's source.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    public static ReplyFormat Of(string template, Tokenizer tokenizer)
    {
        ReplyFormat format = Table.FirstOrDefault(row => IsWritten(row.Mark)).Format ?? Table.FirstOrDefault(row => row.IsToken && IsToken(row.Mark)).Format ?? Plain;
        return format with
        {
            Thoughts = format.IsHarmony ? null : KnownThoughts.FirstOrDefault(marks => IsWritten(marks.Close!)) ?? KnownThoughts.FirstOrDefault(marks => IsToken(marks.Close!)),
        };

        bool IsWritten(string mark) => template.Contains(mark, StringComparison.Ordinal);

        bool IsToken(string mark) => tokenizer.IdOf(mark) is not null;
    }

    /// <summary>Whether anything tells thoughts from text.</summary>
    public bool KnowsThoughts => IsHarmony || Thoughts is not null;

    /// <summary>Where in a reply a prompt ends that asks for one.</summary>
    public ReplyStart StartAfter(Tokenizer tokenizer, ReadOnlySpan<int> prompt)
    {
        const int Tail = 16;
        bool thinks = Thoughts is not null && tokenizer.Decode(prompt[Math.Max(0, prompt.Length - Tail)..]).TrimEnd().EndsWith(Thoughts.Open, StringComparison.Ordinal);
        return thinks ? ReplyStart.Thoughts : ReplyStart.Beginning;
    }

    /// <summary>Every mark.</summary>
    public IEnumerable<string> AllMarks() =>
        Calls.Concat(CallsAtStart).Append(Thoughts).SelectMany(marks => new[] { marks?.Open, marks?.Close }).Concat(Ignored).Concat(Inner).OfType<string>();

    /// <summary>The calls that a mark begins; null where it begins none.</summary>
    public CallMarks? Find(string mark, bool isStart) =>
        Calls.FirstOrDefault(marks => marks.Open == mark) ?? (isStart ? CallsAtStart.FirstOrDefault(marks => marks.Open == mark) : null);
}
