using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Generation;
using MoA.Engine.Tokenization;
using MoA.Serving.Chat;
using MoA.Serving.Chat.Replies;
using MoA.Serving.Structured;

namespace MoA.Serving.Tests.Chat;

/// <summary>Answers that must call tools, or be JSON, in the way of every family, drawn at temperature 1 from a model that knows nothing of either.</summary>
public sealed class AnswerConstraintTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private const string Schema = """
        {"type": "object", "properties": {"city": {"enum": ["Paris", "Zürich"]}, "days": {"type": "integer", "minimum": 1, "maximum": 3}},
         "required": ["city", "days"], "additionalProperties": false}
        """;

    private static readonly ToolDefinition[] Tools = [new("get_weather", "The weather", Schema), new("now", null, null)];

    private readonly LanguageModel _model = demo.Model;

    public static TheoryData<string> Templates() =>
        new("<tool_call>", "<tool_call><think></think>", "[TOOL_CALLS]", "[TOOL_CALLS][ARGS]", "<|tool_call|>", "<|python_tag|>", "<｜tool▁call▁begin｜><think></think>", "<|channel|>", "", "<tool_call><function=", "<think></think><function=", "[func_name1(");

    [Theory]
    [MemberData(nameof(Templates))]
    public void Required_calls_are_written_as_the_family_writes_them(string template)
    {
        ReplyFormat format = ReplyFormat.Of(template, _model.RequireTokenizer());
        ChatRequest request = new() { Messages = [], Tools = Tools, ToolChoice = ToolChoice.Required, Thinks = false };
        for (ulong seed = 1; seed <= 6; seed++)
        {
            ChatMessage message = Write(format, request, seed);
            Assert.Equal("", message.Content);
            Assert.InRange(message.ToolCalls.Count, 1, 16);
            Assert.All(message.ToolCalls, CheckCall);
            message = Write(format, request with { ParallelToolCalls = false }, seed);
            CheckCall(Assert.Single(message.ToolCalls));
            message = Write(format, request with { ToolChoice = new(ToolChoiceKind.Required, "get_weather") }, seed);
            Assert.Equal("get_weather", Assert.Single(message.ToolCalls).Name);
            message = Write(format, request with { ToolChoice = ToolChoice.None, Format = AnswerFormat.JsonSchema(Schema) }, seed);
            CheckArguments(message.Content);
            message = Write(format, request with { ToolChoice = ToolChoice.Auto, Format = AnswerFormat.JsonSchema(Schema) }, seed);
            if (message.ToolCalls.Count == 0)
                CheckArguments(message.Content);
            else
                Assert.All(message.ToolCalls, CheckCall);
        }
    }

    /// <summary>Where each parameter is written by itself, those that are not required may be left out, and values keep to their schemas.</summary>
    [Theory]
    [InlineData("<function=", "<tool_call>\n<function=f>\n<parameter=a>\nany\n</text>\n</parameter>\n<parameter=c>\n{\"x\": 2}\n</parameter>\n</function>\n</tool_call>", true)]
    [InlineData("<function=", "<tool_call>\n<function=f>\n<parameter=a>\n\n</parameter>\n<parameter=b>\ntwo\n</parameter>\n</function>\n</tool_call>", true)]
    [InlineData("<function=", "<tool_call>\n<function=f>\n<parameter=b>\ntwo\n</parameter>\n</function>\n</tool_call>", false)]
    [InlineData("<function=", "<tool_call>\n<function=f>\n<parameter=a>\n\n</parameter>\n<parameter=b>\nthree\n</parameter>\n</function>\n</tool_call>", false)]
    [InlineData("<function=", "<tool_call>\n<function=f>\n<parameter=a>\n\n</parameter>\n<parameter=c>\n{\"x\": 3}\n</parameter>\n</function>\n</tool_call>", false)]
    [InlineData("<function=", "<tool_call>\n<function=g>\n</function>\n</tool_call>\n<tool_call>\n<function=g>\n<parameter=d>\n1\n</parameter>\n</function>\n</tool_call>", true)]
    [InlineData("[func_name1(", "[f(a=\"x\"), g(), g(e=true), f(a=\"\", b=\"one\", c={\"x\": 1})]", true)]
    [InlineData("[func_name1(", "[f(a=\"x\", c={\"x\": 2})]", true)]
    [InlineData("[func_name1(", "[f()]", false)]
    [InlineData("[func_name1(", "[f(, a=\"x\")]", false)]
    [InlineData("[func_name1(", "[f(a=\"x\", c={\"x\": 3})]", false)]
    [InlineData("[func_name1(", "[g(d=1.5)]", false)]
    [InlineData("[func_name1(", "[]", false)]
    public void Parameters_that_are_written_by_themselves_keep_to_their_schemas(string template, string reply, bool takes)
    {
        const string First = """
            {"type": "object", "properties": {"a": {"type": "string"}, "b": {"enum": ["one", "two"]}, "c": {"$ref": "#/$defs/c"}}, "required": ["a"],
             "$defs": {"c": {"type": "object", "properties": {"x": {"enum": [1, 2]}}, "required": ["x"], "additionalProperties": false}}}
            """;
        const string Second = """{"type": "object", "properties": {"d": {"type": "integer"}, "e": {"type": "boolean"}}}""";
        ReplyFormat format = ReplyFormat.Of(template, _model.RequireTokenizer());
        ChatRequest request = new() { Messages = [], Tools = [new("f", null, First), new("g", null, Second)], ToolChoice = ToolChoice.Required };
        Assert.Equal(takes, Takes(AnswerConstraint.For(format, request, ReplyStart.Beginning)!, reply));
        Assert.False(Takes(AnswerConstraint.For(format, request with { ParallelToolCalls = false }, ReplyStart.Beginning)!, reply + reply));
        request = request with { Tools = [new("h", null, """{"anyOf": [{"type": "object"}]}""")] };
        Assert.Contains("'h': the word 'anyOf'", Assert.Throws<InvalidInputException>(() => AnswerConstraint.For(format, request, ReplyStart.Beginning)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<tool_call><think></think>", "hm.</think>\n\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>", true)]
    [InlineData("<tool_call><think></think>", "<think>hm.</think><tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>", false)]
    [InlineData("<tool_call><think></think>", "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>", false)]
    [InlineData("<|channel|>", "<|channel|>analysis<|message|>hm.<|end|><|start|>assistant<|channel|>commentary to=functions.now <|constrain|>json<|message|>{}<|call|>", false)]
    [InlineData("[TOOL_CALLS][ARGS][THINK][/THINK]", "[THINK]hm.[/THINK]\n[TOOL_CALLS]now[ARGS]{}", false)]
    public void Thoughts_may_come_first(string template, string reply, bool thinks)
    {
        ReplyFormat format = ReplyFormat.Of(template, _model.RequireTokenizer());
        ChatRequest request = new() { Messages = [], Tools = Tools, ToolChoice = ToolChoice.Required };
        Assert.True(Takes(AnswerConstraint.For(format, request, thinks ? ReplyStart.Thoughts : ReplyStart.Beginning)!, reply));
        Assert.False(Takes(AnswerConstraint.For(format, request, thinks ? ReplyStart.Thoughts : ReplyStart.Beginning)!, "So: " + reply[^10..]));
    }

    [Fact]
    public void Any_text_may_be_written_where_nothing_is_asked_for()
    {
        ReplyFormat format = ReplyFormat.Of("<think></think>", _model.RequireTokenizer());
        Assert.Null(AnswerConstraint.For(format, new() { Messages = [], Tools = Tools }, ReplyStart.Thoughts));
        Assert.Null(AnswerConstraint.For(format, new() { Messages = [], Tools = Tools, ToolChoice = ToolChoice.None }, ReplyStart.Beginning));
    }

    [Fact]
    public async Task A_service_makes_the_model_call()
    {
        await using ModelService service = new(_model, new ServiceOptions { CacheType = ElementType.F32, CacheBytes = 64 << 20 });
        ChatRequest request = new()
        {
            Messages = [new(ChatRole.User, "How is the weather?")],
            Tools = Tools,
            ToolChoice = new(ToolChoiceKind.Required, "get_weather"),
            MaxNewTokens = 400,
        };
        await using ChatReply reply = service.Chat(request);
        var calls = new List<ToolCallPiece>();
        await foreach (ChatPiece piece in reply)
        {
            Assert.Equal("", piece.Text);
            calls.AddRange(piece.ToolCalls);
        }

        ChatOutcome outcome = await reply.Outcome;
        Assert.Equal(ChatFinish.ToolCalls, outcome.Finish);
        ToolCall call = Assert.Single(outcome.Message.ToolCalls);
        CheckCall(call);
        Assert.Equal((call.Id, call.Name, call.Arguments), (calls[0].Id, calls[0].Name, string.Concat(calls.Select(piece => piece.Arguments))));

        // The conversation goes on with the tool's answer.
        ChatRequest next = request with
        {
            Messages = [.. request.Messages, outcome.Message, new(ChatRole.Tool, "21") { ToolCallId = call.Id, Name = call.Name }],
            ToolChoice = ToolChoice.None,
            Format = AnswerFormat.JsonSchema(Schema),
        };
        ChatOutcome answer = await service.Chat(next).Outcome;
        Assert.Equal(ChatFinish.Stop, answer.Finish);
        CheckArguments(answer.Message.Content);
        Assert.Contains("Result of get_weather:\n21", service.Render(next), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_choice_that_fits_no_tool_is_refused()
    {
        await using ModelService service = new(_model, new ServiceOptions { CacheBytes = 64 << 20 });
        ChatRequest request = new() { Messages = [new(ChatRole.User, "a")], ToolChoice = ToolChoice.Required };
        Assert.Contains("there are no tools", Assert.Throws<InvalidInputException>(() => service.Chat(request)).Message, StringComparison.Ordinal);
        request = request with { Tools = Tools, ToolChoice = new(ToolChoiceKind.Required, "rm") };
        Assert.Contains("'rm' is required; the tools are get_weather, now", Assert.Throws<InvalidInputException>(() => service.Chat(request)).Message, StringComparison.Ordinal);
    }

    private static void CheckCall(ToolCall call)
    {
        if (call.Name == "now")
            Assert.Equal("{}", call.Arguments);
        else
            CheckArguments(call.Arguments);
    }

    private static void CheckArguments(string json)
    {
        using JsonDocument arguments = JsonDocument.Parse(json);
        Assert.Contains(arguments.RootElement.GetProperty("city").GetString(), (string[])["Paris", "Zürich"]);
        Assert.InRange(arguments.RootElement.GetProperty("days").GetInt32(), 1, 3);
        Assert.Equal(2, arguments.RootElement.EnumerateObject().Count());
    }

    // An answer under a constraint, each token drawn evenly from those allowed.
    private ChatMessage Write(ReplyFormat format, ChatRequest request, ulong seed)
    {
        Tokenizer tokenizer = _model.RequireTokenizer();
        Random random = new((int)seed);
        TokenConstraint constraint = new StructuredOutput(tokenizer, _model.StopTokens).Create(AnswerConstraint.For(format, request, ReplyStart.Beginning)!);
        ReplyParser parser = new(format, tokenizer, [], ReplyStart.Beginning, request.ToolChoice.Kind == ToolChoiceKind.None ? [] : request.Tools, []);
        ulong[] allowed = new ulong[(_model.Config.VocabularySize + 63) / 64];
        for (int i = 0; i < 2000; i++)
        {
            Array.Clear(allowed);
            constraint.Allow(allowed);
            int[] tokens = [.. Enumerable.Range(0, _model.Config.VocabularySize).Where(token => (allowed[token / 64] >> (token % 64) & 1) != 0)];
            int token = tokens[random.Next(tokens.Length)];
            constraint.Accept(token);
            parser.Push(token);
            if (!_model.StopTokens.Contains(token))
                continue;
            parser.End();
            return parser.Message;
        }

        throw new InvalidOperationException("The answer does not end.");
    }

    private bool Takes(OutputFormat format, string reply)
    {
        Tokenizer tokenizer = _model.RequireTokenizer();
        TokenConstraint constraint = new StructuredOutput(tokenizer, _model.StopTokens).Create(format);
        ulong[] allowed = new ulong[(_model.Config.VocabularySize + 63) / 64];
        foreach (int token in (int[])[.. tokenizer.Encode(reply, addSpecialTokens: false, parseSpecialTokens: true), _model.StopTokens.First()])
        {
            Array.Clear(allowed);
            constraint.Allow(allowed);
            if ((allowed[token / 64] >> (token % 64) & 1) == 0)
                return false;
            constraint.Accept(token);
        }

        return true;
    }
}
