using System.Text.Json.Nodes;
using MoA.Engine.Tokenization;
using MoA.Serving.Chat;
using MoA.Serving.Chat.Replies;
using MoA.Tests;

namespace MoA.Serving.Tests.Chat;

/// <summary>Replies as tokens, of tokenizers whose marks are special tokens.</summary>
public sealed class ReplyParserTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    private static readonly ToolDefinition[] Tools =
        [new("get_weather", "The weather", """{"type": "object", "properties": {"city": {"type": "string"}}}"""), new("now", null, null)];

    [Fact]
    public void Marks_that_are_special_tokens_are_read_and_those_written_out_are_text()
    {
        Tokenizer tokenizer = WithTokens("<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|call|>", "<|constrain|>");
        const string Reply = "<|channel|>analysis<|message|>Say <|end|> é.<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{\"city\": \"<|call|>\"}<|call|>";
        const string Marks = "<|channel|>analysis<|message|>";
        // Within thoughts and arguments the marks are written in letters.
        int[] tokens =
        [
            .. Encode(tokenizer, Marks, true), .. Encode(tokenizer, "Say <|end|> é.", false),
            .. Encode(tokenizer, "<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>", true),
            .. Encode(tokenizer, "{\"city\": \"<|call|>\"}", false), .. Encode(tokenizer, "<|call|>", true),
        ];
        Assert.Equal(Reply, tokenizer.Decode(tokens));
        ReplyParser parser = Parse("<|channel|>", tokenizer, tokens);
        Assert.Equal("Say <|end|> é.", parser.Message.Reasoning);
        Assert.Equal("", parser.Message.Content);
        ToolCall call = Assert.Single(parser.Message.ToolCalls);
        Assert.Equal(("get_weather", "{\"city\": \"<|call|>\"}"), (call.Name, call.Arguments));
        Assert.Matches("^call_[A-Za-z0-9]{24}$", call.Id);
        Assert.True(parser.IsComplete);
        Assert.Equal(Encode(tokenizer, "Say <|end|> é.", false).Length + 2, parser.ReasoningTokens);
    }

    [Fact]
    public void Calls_of_Mistral_have_short_ids_and_special_marks()
    {
        Tokenizer tokenizer = WithTokens("[TOOL_CALLS]", "[ARGS]", "[THINK]", "[/THINK]");
        int[] tokens = Encode(tokenizer, "[THINK]a[/THINK]Wait. [TOOL_CALLS]get_weather[ARGS]{\"city\": \"x\"}[TOOL_CALLS]now[ARGS]{}<|eos|>", true);
        ReplyParser parser = Parse("[TOOL_CALLS]", tokenizer, tokens);
        Assert.Equal(("a", "Wait."), (parser.Message.Reasoning, parser.Message.Content));
        Assert.Equal(["get_weather{\"city\": \"x\"}", "now{}"], parser.Message.ToolCalls.Select(call => call.Name + call.Arguments));
        Assert.All(parser.Message.ToolCalls, call => Assert.Matches("^[A-Za-z0-9]{9}$", call.Id));
        Assert.NotEqual(parser.Message.ToolCalls[0].Id, parser.Message.ToolCalls[1].Id);
    }

    [Theory]
    [InlineData("[TOOL_CALLS]get_weather[TOOL_CALLS]now[ARGS]{}", "[TOOL_CALLS]get_weather", "now{}")]
    [InlineData("[TOOL_CALLS][{\"name\": \"now\", \"arguments\": {}}][TOOL_CALLS]nothing", "[TOOL_CALLS]nothing", "now{}")]
    [InlineData("<|tool_call|>[{\"name\": \"now\", \"arguments\": {}}]<|/tool_call|>ok", "ok", "now{}")]
    [InlineData("<|tool_call|>[{\"name\": \"now\", \"arg<|/tool_call|>", "<|tool_call|>[{\"name\": \"now\", \"arg<|/tool_call|>")]
    public void A_mark_in_the_middle_breaks_a_call_off(string reply, string text, params string[] calls)
    {
        string[] marks = reply[0] == '[' ? ["[TOOL_CALLS]", "[ARGS]"] : ["<|tool_call|>", "<|/tool_call|>"];
        Tokenizer tokenizer = WithTokens(marks);
        ReplyParser parser = Parse(marks[0], tokenizer, Encode(tokenizer, reply, true));
        Assert.Equal(text, parser.Message.Content);
        Assert.Equal(calls, parser.Message.ToolCalls.Select(call => call.Name + call.Arguments));
    }

    [Fact]
    public void The_template_says_more_than_the_tokens()
    {
        Tokenizer tokenizer = WithTokens("[TOOL_CALLS]", "[ARGS]", "<|tool_call|>", "<|python_tag|>");
        Assert.Equal("<tool_call>\n{\"name\": \"", ReplyFormat.Of("<tool_call>", tokenizer).Shape.BeforeName);
        Assert.Equal("<|tool_call|>[", ReplyFormat.Of("{{ messages }}", tokenizer).Shape.Opening);
    }

    [Theory]
    [InlineData("<|assistant|>\n<think>\n", "thoughts", "answer")]
    [InlineData("<|assistant|>\n<think>\n\n</think>\n\n", null, "thoughts</think>answer")]
    [InlineData("<|assistant|>\n", null, "thoughts</think>answer")]
    public void Thoughts_may_have_begun_in_the_prompt(string prompt, string? thoughts, string text)
    {
        int[] reply = Encode(Plain, "thoughts</think>answer", false);
        ReplyParser parser = Parse(ReplyFormat.Of("<think></think>", Plain), Plain, reply, Encode(Plain, prompt, true), []);
        Assert.Equal((thoughts, text), (parser.Message.Reasoning, parser.Message.Content));
    }

    [Fact]
    public void Without_tools_and_thoughts_the_text_is_the_decoded_tokens()
    {
        const string Text = " {\"name\": \"now\"} <tool_call>é\n\n";
        int[] tokens = Encode(Plain, Text, false);
        ReplyParser parser = new(ReplyFormat.Of("<tool_call>", Plain), Plain, [], ReplyStart.Beginning, [], []);
        string text = "";
        foreach (int token in tokens)
        {
            parser.Push(token);
            text += parser.Take().Text;
        }

        Assert.Equal(Plain.Decode(tokens, skipSpecialTokens: true), text);
    }

    [Theory]
    [InlineData("<tool_call>")]
    [InlineData("[TOOL_CALLS]")]
    [InlineData("[TOOL_CALLS] [")]
    [InlineData("[TOOL_CALLS][ARGS]")]
    [InlineData("<|tool_call|>")]
    [InlineData("<|python_tag|>")]
    [InlineData("<｜tool▁call▁begin｜>")]
    [InlineData("<|channel|>")]
    [InlineData("")]
    public void Calls_in_the_shape_of_a_format_are_read_by_it(string template)
    {
        ReplyFormat format = ReplyFormat.Of(template, Plain);
        CallShape shape = format.Shape;
        string reply = shape.Opening + shape.Write("get_weather", "{\"city\": \"x\"}")
            + (shape.Between is null ? "" : shape.Between + shape.Write("now", "{}")) + shape.Closing;
        ReplyParser parser = Parse(format, Plain, Encode(Plain, reply, false), [], Tools);
        Assert.Equal(
            shape.Between is null ? ["get_weather{\"city\": \"x\"}"] : ["get_weather{\"city\": \"x\"}", "now{}"],
            parser.Message.ToolCalls.Select(call => call.Name + call.Arguments));
        Assert.Equal("", parser.Message.Content);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static Tokenizer Plain { get; } = Tokenizer.Load(RepositoryFiles.DemoModel);

    private static int[] Encode(Tokenizer tokenizer, string text, bool special) => tokenizer.Encode(text, addSpecialTokens: false, parseSpecialTokens: special);

    private static ReplyParser Parse(string template, Tokenizer tokenizer, int[] tokens) => Parse(ReplyFormat.Of(template, tokenizer), tokenizer, tokens, [], Tools);

    private static ReplyParser Parse(ReplyFormat format, Tokenizer tokenizer, int[] tokens, int[] prompt, ToolDefinition[] tools)
    {
        ReplyParser parser = new(format, tokenizer, prompt, format.StartAfter(tokenizer, prompt), tools, []);
        foreach (int token in tokens)
            parser.Push(token);
        parser.End();
        return parser;
    }

    private Tokenizer WithTokens(params string[] marks)
    {
        JsonNode json = JsonNode.Parse(File.ReadAllText(Path.Combine(RepositoryFiles.DemoModel, "tokenizer.json")))!;
        for (int i = 0; i < marks.Length; i++)
        {
            json["added_tokens"]!.AsArray().Add(new JsonObject
            {
                ["id"] = 2000 + i,
                ["content"] = marks[i],
                ["single_word"] = false,
                ["lstrip"] = false,
                ["rstrip"] = false,
                ["normalized"] = false,
                ["special"] = true,
            });
        }

        string file = Path.Combine(_folder, "tokenizer.json");
        File.WriteAllText(file, json.ToJsonString());
        return Tokenizer.Load(file);
    }
}
