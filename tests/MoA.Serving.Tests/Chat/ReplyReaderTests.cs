using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Tokenization;
using MoA.Serving.Chat;
using MoA.Serving.Chat.Replies;
using MoA.Tests;

namespace MoA.Serving.Tests.Chat;

/// <summary>Replies in the ways in which the families write them, cut anywhere; what they hold is worked out by hand.</summary>
public class ReplyReaderTests
{
    private const string Think = "{{ '<think></think>' }}";

    private static readonly Tokenizer Demo = Tokenizer.Load(RepositoryFiles.DemoModel);

    private static readonly ToolDefinition[] Tools =
    [
        new("get_weather", "The weather", """{"type": "object", "properties": {"city": {"type": "string"}}}"""),
        new("now", null, null),
    ];

    private static readonly string[] Templates =
    [
        "<tool_call>" + Think, "[TOOL_CALLS]", "[TOOL_CALLS][ARGS][THINK][/THINK]", "<|tool_call|>", "<|python_tag|>", "<|channel|>", "", "<｜tool▁call▁begin｜>" + Think, "<tool_call><function=", "[func_name1(",
    ];

    // Marks that are no part of any text where they are known.
    private static readonly string[] Unwritten = ["<think>", "[THINK]", "<｜tool", "STOP"];

    /// <summary>A prompt may end within the text or the thoughts.</summary>
    [Theory]
    [InlineData("<tool_call>", "Text", " and <tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>", " and|now({})")]
    [InlineData("", "Text", "{\"name\": \"now\", \"arguments\": {}}", "{\"name\": \"now\", \"arguments\": {}}")]
    [InlineData("<think></think>", "WithinThoughts", " more</think>\n\nYes", "Yes|( more)")]
    [InlineData("<|channel|>", "Text", " more<|return|>", " more")]
    [InlineData("<|channel|>", "Text", " assistant to=functions.now", " assistant to=functions.now")]
    [InlineData("<|channel|>", "WithinThoughts", " more<|end|><|start|>assistant<|channel|>final<|message|>Yes<|return|>", "Yes|( more)")]
    public void A_reply_goes_on_where_the_prompt_ends(string template, string start, string reply, string expected)
    {
        foreach (int length in (int[])[1, 1000])
            Assert.Equal(Sorted(expected.Split('|')), Show(Read(template, Cut(reply, length), Tools, start: Enum.Parse<ReplyStart>(start)).Message));
    }

    public static TheoryData<string, string, string> Calls() => new()
    {
        // Hermes, Qwen
        { "<tool_call>", "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Zürich\"}}\n</tool_call>", "get_weather({\"city\": \"Zürich\"})" },
        { "<tool_call>", "Let me see.\n\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {}}\n</tool_call>\n", "Let me see.|now({})|get_weather({})" },
        { "<tool_call>", "<tool_call>{\"arguments\": {\"a\": [1, {}]}, \"name\": \"get_weather\"}</tool_call> Done. ", "Done.|get_weather({\"a\": [1, {}]})" },
        { "<tool_call>", "A<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>\nB", "A\n\nB|now({})" },
        { "<tool_call>", "<tool_call>{\"name\": \"get_weather\", \"arguments\": {\"city\": \"</tool_call>}\\\"\"}}</tool_call>", "get_weather({\"city\": \"</tool_call>}\\\"\"})" },
        { "<tool_call>", "<tool_call>{\"name\": \"get_weather\", \"arguments\": {\"a\": 1}</tool_call>", "get_weather({\"a\": 1})" },
        { "<tool_call>", "<tool_call>{\"name\": \"get_weather\", \"arguments\": {\"a\": 1.5e3}}", "get_weather({\"a\": 1.5e3})" },
        { "<tool_call>", "<tool_call>{\"name\": \"get_weather\", \"arguments\": {\"city\": \"a\nb\tc\"}}</tool_call>", "get_weather({\"city\": \"a\\nb\\tc\"})" },
        { "<tool_call>", "<tool_call>{\"name\": \"get_weather\", \"arguments\": \"{\\\"city\\\": \\\"x\\\"}\"}</tool_call>", "get_weather({\"city\": \"x\"})" },
        { "<tool_call>", "<tool_call>{\"type\": \"function\", \"id\": 12, \"function\": {\"name\": \"get_weather\", \"arguments\": {}}}</tool_call>", "get_weather({})" },
        { "<tool_call>", "<tool_call>{\"name\": \"now\"}</tool_call>", "now({})" },
        { "<tool_call>", "<tool_call>{\"n\\u0061me\": \"n\\u006fw\", \"arguments\": null}</tool_call>", "now({})" },
        // Mistral
        { "[TOOL_CALLS]", "[TOOL_CALLS] [{\"name\": \"get_weather\", \"arguments\": {\"city\": \"x\"}, \"id\": \"abcdefghi\"}, {\"name\": \"now\", \"arguments\": {}}]", "get_weather({\"city\": \"x\"})|now({})" },
        { "[TOOL_CALLS]", "[TOOL_CALLS][{\"arguments\": {\"a\": 1}, \"name\": \"get_weather\"}]", "get_weather({\"a\": 1})" },
        { "[TOOL_CALLS][ARGS]", "Text[TOOL_CALLS]get_weather[ARGS]{\"city\": \"x\"}[TOOL_CALLS]now[ARGS]{}", "Text|get_weather({\"city\": \"x\"})|now({})" },
        { "[TOOL_CALLS][ARGS]", "[TOOL_CALLS]get_weather[CALL_ID]abcdefghi[ARGS]{\"city\": \"[TOOL_CALLS]\"}", "get_weather({\"city\": \"[TOOL_CALLS]\"})" },
        { "[TOOL_CALLS]", "[TOOL_CALLS]now{}", "now({})" },
        // Llama
        { "<|python_tag|>", "{\"name\": \"get_weather\", \"parameters\": {\"city\": \"x\"}}", "get_weather({\"city\": \"x\"})" },
        { "<|python_tag|>", "<|python_tag|>{\"type\": \"function\", \"name\": \"get_weather\", \"parameters\": {\"city\": \"x\"}}", "get_weather({\"city\": \"x\"})" },
        { "<|python_tag|>", "\n\n{\"name\": \"now\", \"parameters\": {}}; {\"name\": \"get_weather\", \"parameters\": {\"a\": -0.5}}", "now({})|get_weather({\"a\": -0.5})" },
        // Granite, Phi
        { "<|tool_call|>", "<|tool_call|>[{\"name\": \"get_weather\", \"arguments\": {\"city\": \"x\"}}, {\"name\": \"now\", \"arguments\": {}}]", "get_weather({\"city\": \"x\"})|now({})" },
        { "<|tool_call|>", "<|tool_call|>[{\"name\": \"get_weather\", \"arguments\": {\"city\": \"x\"}}]<|/tool_call|>", "get_weather({\"city\": \"x\"})" },
        { "<|tool_call|>", "functools[{\"name\": \"now\", \"arguments\": {}}]", "now({})" },
        // DeepSeek
        { "<｜tool▁call▁begin｜>", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{\"city\": \"x\"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>now\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>", "get_weather({\"city\": \"x\"})|now({})" },
        { "<｜tool▁call▁begin｜>", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{\"city\": \"x\"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>", "get_weather({\"city\": \"x\"})" },
        // gpt-oss
        { "<|channel|>", "<|channel|>analysis<|message|>Hm. A tool.<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{\"city\":\"x\"}<|call|>", "(Hm. A tool.)|get_weather({\"city\":\"x\"})" },
        { "<|channel|>", " to=functions.now<|channel|>commentary json<|message|>{}<|call|>more", "now({})" },
        { "<|channel|>", "<|channel|>commentary to=functions.now<|message|><|call|>", "now({})" },
        { "<|channel|>", "<|channel|>commentary<|message|>First I look.<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather<|message|>\n{\"a\": 1}\n<|call|>", "First I look.|get_weather({\"a\": 1})" },
        { "<|channel|>", "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>analysis<|message|>b<|end|><|start|>assistant<|channel|>final<|message|>{\"x\": 1}\n<|return|>", "{\"x\": 1}\n|(a\n\nb)" },
        { "<|channel|>", "Hello there", "Hello there" },
        // Qwen3-Coder
        { "<function=", "<tool_call>\n<function=get_weather>\n<parameter=city>\nZürich\n</parameter>\n</function>\n</tool_call>", "get_weather({\"city\": \"Zürich\"})" },
        { "<function=", "Let me see.\n\n<tool_call>\n<function=now>\n</function>\n</tool_call>\n<tool_call>\n<function=get_weather>\n<parameter=city>\na \"b\"\n\n</p <x>\n\n</parameter>\n</function>\n</tool_call>", "Let me see.|now({})|get_weather({\"city\": \"a \\\"b\\\"\\n\\n</p <x>\\n\"})" },
        { "<function=", "<function=get_weather><parameter=city>x</parameter><parameter=more>1</parameter></function> Done.", "Done.|get_weather({\"city\": \"x\", \"more\": \"1\"})" },
        { "<function=", "<tool_call><function=now></function><function=get_weather><parameter=city></parameter></function></tool_call>", "now({})|get_weather({\"city\": \"\"})" },
        // Python
        { "[func_name1(", "[get_weather(city=\"Zürich\"), now()]", "get_weather({\"city\": \"Zürich\"})|now({})" },
        { "[func_name1(", "\n[ get_weather( city = 'it\\'s \"x\"\\n\\x41' , a=-1.5e3, b = [1,(True, None),{'k': {}},], c=.5, d=+1_000, ) ]\n", "get_weather({\"city\": \"it's \\\"x\\\"\\nA\", \"a\": -1.5e3, \"b\": [1, [true, null], {\"k\": {}}], \"c\": 0.5, \"d\": 1000})" },
        { "[func_name1(", "<|python_start|>[now(), get_weather(city=\"x\")]<|python_end|>", "now({})|get_weather({\"city\": \"x\"})" },
        // Any other
        { "", "{\"name\": \"get_weather\", \"arguments\": {\"city\": \"x\"}}\n{\"name\": \"now\", \"arguments\": {}}", "get_weather({\"city\": \"x\"})|now({})" },
        { "", "[{\"name\": \"get_weather\", \"arguments\": {\"city\": \"x\"}}]", "get_weather({\"city\": \"x\"})" },
        { "", "```json\n{\"name\": \"now\", \"arguments\": {}}\n```", "now({})" },
        // Thoughts
        { "<tool_call>" + Think, "<think>\nA tool helps.\n\n</think>\n\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>", "(A tool helps.)|now({})" },
        { "<tool_call>" + Think, "<think>\n\n</think>\n\nHello <think> there\n", "Hello <think> there\n" },
        { "<tool_call>" + Think, " <think>a <tool_call> b", "(a <tool_call> b)" },
        { "[TOOL_CALLS][ARGS][THINK][/THINK]", "[THINK]a[/THINK]b", "b|(a)" },
        { Think, "<think>a</think>\n{\"name\": \"now\", \"arguments\": {}}", "(a)|now({})" },
    };

    [Theory]
    [MemberData(nameof(Calls))]
    public void Calls_thoughts_and_text_are_told_apart(string template, string reply, string expected)
    {
        foreach (int cut in (int[])[1, 2, 3, 7, int.MaxValue])
            Assert.Equal(Sorted(expected.Split('|')), Show(Read(template, Cut(reply, cut), Tools).Message));
    }

    [Theory]
    [InlineData("<tool_call>", "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"a\": }}\n</tool_call> x")]
    [InlineData("<tool_call>", "<tool_call>\n{\"name\": \"get_whether\", \"arguments\": {\"a\": 1}}\n</tool_call>")]
    [InlineData("<tool_call>", "<tool_call>\n{\"name\": \"get_weather\"}\n</tool_call>")]
    [InlineData("<tool_call>", "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": [1]}\n</tool_call>")]
    [InlineData("<tool_call>", "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": \"Paris\"}\n</tool_call>")]
    [InlineData("<tool_call>", "<tool_call>\n{\"name\": [\"now\"], \"arguments\": {}}\n</tool_call>")]
    [InlineData("<tool_call>", "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Pa")]
    [InlineData("<tool_call>", "<tool_call>get_weather</tool_call>")]
    [InlineData("<tool_call>", "so <tool_cal is no <tool_call but <")]
    [InlineData("<tool_call>", "  leading and trailing \n\n")]
    [InlineData("[TOOL_CALLS]", "[TOOL_CALLS] nothing of the kind")]
    [InlineData("[TOOL_CALLS]", "[TOOL_CALLS]get_whether[ARGS]{\"a\": 1}")]
    [InlineData("[TOOL_CALLS]", "[TOOL [TOOL_CALL")]
    [InlineData("<|python_tag|>", "{\"answer\": 42}")]
    [InlineData("<|python_tag|>", "{ curly")]
    [InlineData("<|python_tag|>", "[1] says so")]
    [InlineData("<|python_tag|>", "<|python_tag|>print(1)")]
    [InlineData("<|python_tag|>", "See {\"name\": \"now\", \"parameters\": {}}")]
    [InlineData("<|tool_call|>", "<|tool_call|>[]<|/tool_call|>")]
    [InlineData("", "```json\n{\"a\": 1}\n```")]
    [InlineData("", "")]
    [InlineData("<function=", "<tool_call>\n<function=get_whether>\n</function>\n</tool_call>")]
    [InlineData("<function=", "<tool_call>\n<function=get_weather>\n<parameter=city>\nPa")]
    [InlineData("<function=", "<tool_call>\n<function=get_weather>\ncity\n</function>\n</tool_call>")]
    [InlineData("<function=", "<tool_call><function=get_weather><parameter=a>1</parameter><parameter=a>2</parameter></function></tool_call>")]
    [InlineData("<function=", "a <function b <tool_call {\"name\": \"now\"}")]
    [InlineData("[func_name1(", "[now] or [now(), later")]
    [InlineData("[func_name1(", "[1, 2]")]
    [InlineData("[func_name1(", "[]")]
    [InlineData("[func_name1(", "[get_weather(city=Paris)]")]
    [InlineData("[func_name1(", "[get_weather(\"Paris\")]")]
    [InlineData("[func_name1(", "[get_weather(city=\"Pa\", city=\"Pa\")]")]
    [InlineData("[func_name1(", "[get_weather(city={1: 2})]")]
    [InlineData("[func_name1(", "[get_weather(city=01)]")]
    [InlineData("[func_name1(", "[get_weather(city=\"Pa")]
    [InlineData("[func_name1(", "{\"a\": 1}")]
    [InlineData("<tool_call>" + Think, "no <think>thoughts</think> here")]
    public void What_is_no_call_stays_text(string template, string reply)
    {
        foreach (int cut in (int[])[1, 2, 3, 7, int.MaxValue])
            Assert.Equal(reply.Length > 0 ? [reply] : [], Show(Read(template, Cut(reply, cut), Tools).Message));
    }

    [Fact]
    public void Calls_that_are_complete_stay_where_a_later_one_is_broken()
    {
        Assert.Equal(
            ["now({})", "{\"name\": \"get_weather\", \"arguments\": nothing}]"],
            Show(Read("[TOOL_CALLS]", ["[TOOL_CALLS] [{\"name\": \"now\", \"arguments\": {}}, {\"name\": \"get_weather\", \"arguments\": nothing}]"], Tools).Message));
    }

    [Fact]
    public void Channels_of_unknown_functions_are_text()
    {
        Assert.Equal(
            ["to=functions.rm {\"a\":1}"], Show(Read("<|channel|>", ["<|channel|>commentary to=functions.rm <|constrain|>json<|message|>{\"a\":1}<|call|>"], Tools).Message));
        Assert.Equal(
            ["to=functions.get_weather {\"a\":nothing"], Show(Read("<|channel|>", ["<|channel|>commentary to=functions.get_weather<|message|>{\"a\":nothing"], Tools).Message));
    }

    [Theory]
    [InlineData("<tool_call>", "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>")]
    [InlineData("<|python_tag|>", "{\"name\": \"now\", \"parameters\": {}}")]
    [InlineData("[TOOL_CALLS]", "[TOOL_CALLS] [{\"name\": \"now\", \"arguments\": {}}]")]
    public void Without_tools_nothing_is_a_call(string template, string reply) => Assert.Equal([reply], Show(Read(template, Cut(reply, 1), []).Message));

    [Fact]
    public void A_call_comes_piece_by_piece()
    {
        (ReplySink sink, ReplyReader reader) = Begin("<tool_call>", Tools, [], int.MaxValue);
        var pieces = new List<ChatPiece>();
        foreach (string part in (string[])["So. \n<tool", "_call>{\"name\": \"get_wea", "ther\", \"arguments\": ", "{\"ci", "ty\": \"x\"", "}", "}</tool_call>"])
        {
            reader.Push(part);
            pieces.Add(sink.Take());
        }

        Assert.Equal(["So.", "", "", "", "", "", ""], pieces.Select(piece => piece.Text));
        Assert.Equal(
            [new ToolCallPiece(0, "id1", "get_weather", "{\"ci"), new(0, null, null, "ty\": \"x\""), new(0, null, null, "}")], pieces.SelectMany(piece => piece.ToolCalls));
    }

    [Fact]
    public void An_answer_of_json_is_held_back_no_longer_than_it_may_be_a_call()
    {
        (ReplySink sink, ReplyReader reader) = Begin("", Tools, [], int.MaxValue);
        reader.Push("{\"answer");
        Assert.True(sink.Take().IsEmpty);
        reader.Push("\": 4");
        Assert.Equal("{\"answer\": 4", sink.Take().Text);
    }

    [Fact]
    public void Stop_strings_end_text_and_nothing_else()
    {
        string[] stops = ["STOP", "}"];
        foreach (int cut in (int[])[1, 2, 5, int.MaxValue])
        {
            const string Calls = "<think>STOP</think><tool_call>{\"name\": \"get_weather\", \"arguments\": {\"a\": \"STOP\"}}</tool_call>";
            Assert.Equal(["(STOP)", "get_weather({\"a\": \"STOP\"})"], Show(Read("<tool_call>" + Think, Cut(Calls, cut), Tools, stops).Message));
            (ChatMessage message, ReplySink sink, _) = Read("<tool_call>", Cut("a ST b STOP c <tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>", cut), Tools, stops);
            Assert.Equal(["a ST b "], Show(message));
            Assert.Equal("STOP", sink.StopText);
        }
    }

    [Fact]
    public void One_call_is_enough_where_only_one_is_wanted()
    {
        foreach (string template in (string[])["<tool_call>", "[TOOL_CALLS]"])
        {
            string reply = template == "<tool_call>"
                ? "<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call><tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>x"
                : "[TOOL_CALLS][{\"name\": \"now\", \"arguments\": {}}, {\"name\": \"now\", \"arguments\": {}}]";
            (ChatMessage message, _, ReplyReader reader) = Read(template, Cut(reply, 4), Tools, [], mostCalls: 1);
            Assert.Equal(["now({})"], Show(message));
            Assert.True(reader.IsComplete);
        }
    }

    [Fact]
    public void Any_text_is_read_alike_however_it_is_cut()
    {
        string[] parts =
        [
            "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[ARGS]", "<|python_tag|>", "<|tool_call|>", "<|/tool_call|>", "functools", "```json", "```", "<think>", "</think>", "[THINK]",
            "<|channel|>", "<|message|>", "<|start|>", "<|end|>", "<|call|>", "<|constrain|>", "analysis", "final", "commentary to=functions.now", " to=functions.get_weather", "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>",
            "{\"name\": \"get_weather\", \"arguments\": {\"city\": \"x\"}}", "{\"name\": \"now\", \"arguments\": {}}", "{\"name\": \"", "get_weather", "now", "\"", ", ", "\"arguments\": ", "\"parameters\": ", "{", "}", "[", "]", "{}",
            "\"a\": 1", "1.5e", "null", "tru", "\\", "\\u12", "\n", " ", "STOP", "text", "é🚀", "<", "|", ";", "\u0001",
            "<function=now>", "<function=get_weather>", "<parameter=city>", "<parameter=a>\n", "\n</parameter>", "</parameter>\n", "</function>", "\n</function>\n</tool_call>",
            "[get_weather(", "[now()]", "city=", "a='", "'", "(", ")", ")]", "True", "[1, (2,)]", "\\x41", "\\ud83d\\ude80",
        ];
        Gen<string> replies = Gen.Elements(parts).ListOf().Select(list => string.Concat(list));
        Gen<string> wild = Gen.OneOf(replies, replies.Select(reply => new string([.. reply.Where((_, i) => i % 7 != 3)])));
        Prop.ForAll(
            wild.ToArbitrary(), Gen.Elements(Templates).ToArbitrary(), Gen.Choose(0, int.MaxValue).ToArbitrary(),
            (reply, template, seed) =>
            {
                Random random = new(seed);
                (ChatMessage whole, ReplySink all, _) = Read(template, [reply], Tools, ["STOP"]);
                (ReplySink sink, ReplyReader reader) = Begin(template, Tools, ["STOP"], int.MaxValue);
                var pieces = new List<ChatPiece>();
                for (int at = 0; at < reply.Length;)
                {
                    int length = Math.Min(random.Next(1, 6), reply.Length - at);
                    reader.Push(reply.Substring(at, length));
                    pieces.Add(sink.Take());
                    at += length;
                }

                reader.End();
                pieces.Add(sink.Take());
                ChatMessage message = sink.ToMessage();
                Assert.Equal(Show(whole), Show(message));
                Assert.Equal(message.Content, string.Concat(pieces.Select(piece => piece.Text)));
                Assert.Equal(message.Reasoning ?? "", string.Concat(pieces.Select(piece => piece.Reasoning)));
                ToolCallPiece[] calls = [.. pieces.SelectMany(piece => piece.ToolCalls)];
                foreach (ToolCall call in message.ToolCalls)
                {
                    ToolCallPiece begin = Assert.Single(calls, piece => piece.Id == call.Id);
                    Assert.Equal(call.Name, begin.Name);
                    Assert.Equal(call.Arguments, string.Concat(calls.Where(piece => piece.Index == begin.Index).Select(piece => piece.Arguments)));
                    using JsonDocument json = JsonDocument.Parse(call.Arguments);
                    Assert.Equal(JsonValueKind.Object, json.RootElement.ValueKind);
                    Assert.Contains(Tools, tool => tool.Name == call.Name);
                }

                if (message.ToolCalls.Count == 0 && template != "<|channel|>" && !Unwritten.Any(mark => reply.Contains(mark, StringComparison.Ordinal)))
                    Assert.Equal(reply, message.Content);
                Assert.Equal(Joined(all.Take()), calls.GroupBy(piece => piece.Index).Select(call => string.Concat(call.Select(piece => piece.Name + piece.Arguments))));
            }).Holds();
    }

    /// <summary>A text is of the type that the schema gives it, as vLLM's parser of Qwen3-Coder reads it.</summary>
    [Theory]
    [InlineData("text", "12", "\"12\"")]
    [InlineData("text", "null", "\"null\"")]
    [InlineData("unknown", "true", "\"true\"")]
    [InlineData("any", "[1]", "\"[1]\"")]
    [InlineData("count", "12", "12")]
    [InlineData("count", " -3 ", "-3")]
    [InlineData("count", "3.5", "\"3.5\"")]
    [InlineData("count", "many", "\"many\"")]
    [InlineData("size", "3.5", "3.5")]
    [InlineData("size", "3", "3")]
    [InlineData("flag", "True", "true")]
    [InlineData("flag", "false", "false")]
    [InlineData("list", "[1, {\"a\": null}]", "[1, {\"a\": null}]")]
    [InlineData("list", "['a', None]", "[\"a\", null]")]
    [InlineData("list", "a, b", "\"a, b\"")]
    [InlineData("object", "{\n  \"a\": 1\n}", "{\n  \"a\": 1\n}")]
    [InlineData("maybe", "null", "null")]
    [InlineData("maybe", "None", "null")]
    [InlineData("maybe", "x", "\"x\"")]
    [InlineData("either", "5", "5")]
    [InlineData("either", "x y", "\"x y\"")]
    [InlineData("kind", "2", "2")]
    [InlineData("kind", "one", "\"one\"")]
    [InlineData("referred", "7", "7")]
    public void Arguments_of_XML_are_of_the_schemas_types(string key, string written, string expected)
    {
        ToolDefinition[] tools =
        [
            new("f", null, """
                {"type": "object", "properties": {"text": {"type": "string"}, "any": {}, "count": {"type": "integer"}, "size": {"type": "number"}, "flag": {"type": "boolean"},
                "list": {"type": "array"}, "object": {"type": "object"}, "maybe": {"type": ["string", "null"]}, "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                "kind": {"enum": ["one", 2]}, "referred": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "integer"}}}
                """),
        ];
        string reply = $"<tool_call>\n<function=f>\n<parameter={key}>\n{written}\n</parameter>\n</function>\n</tool_call>";
        ToolCall call = Assert.Single(Read("<function=", Cut(reply, 3), tools).Message.ToolCalls);
        Assert.Equal($"{{\"{key}\": {expected}}}", call.Arguments);
    }

    /// <summary>How the templates of Qwen3-Coder and of Llama 4 (Python) write a call of an earlier turn is how a model writes the next one.</summary>
    [Theory]
    [InlineData("""
        {%- for m in messages %}{%- for tool_call in m.tool_calls %}{%- set tool_call = tool_call.function %}{{- '<tool_call>\n<function=' + tool_call.name + '>\n' }}
        {%- for args_name, args_value in tool_call.arguments|items %}{{- '<parameter=' + args_name + '>\n' }}
        {%- set args_value = args_value | tojson | safe if args_value is mapping or (args_value is sequence and args_value is not string) else args_value | string %}
        {{- args_value }}{{- '\n</parameter>\n' }}{%- endfor %}{{- '</function>\n</tool_call>' }}{%- endfor %}{%- endfor %}
        """)]
    [InlineData("""
        {#- You MUST put it in the format of [func_name1(params_name1=params_value1, ...)] #}{%- for m in messages %}{{- '[' }}{%- for tool_call in m.tool_calls %}
        {%- set tool_call = tool_call.function %}{{- tool_call.name + '(' -}}{%- for param in tool_call.arguments %}{{- param + '=' -}}{{- "%s" | format(tool_call.arguments[param] | tojson) -}}
        {%- if not loop.last %}, {% endif %}{%- endfor %}{{- ')' -}}{% if not loop.last %}, {% endif %}{%- endfor %}{{- ']' -}}{%- endfor %}
        """)]
    public void Calls_that_a_template_writes_are_read(string template)
    {
        ToolDefinition[] tools = [new("f", null, """{"type": "object", "properties": {"s": {"type": "string"}, "n": {"type": "integer"}, "o": {"type": "object"}, "b": {"type": "boolean"}}}""")];
        const string Arguments = """{"s": "a\n\"b\" 'c' <d> 5", "n": -7, "o": {"k": [1, "x", null]}, "b": true}""";
        ChatMessage message = new(ChatRole.Assistant, "") { ToolCalls = [new("id1", "f", Arguments)] };
        string text = new ChatTemplate(template, "", "").Render([message], addGenerationPrompt: false);
        ToolCall call = Assert.Single(Read(template, Cut(text, 4), tools).Message.ToolCalls);
        Assert.True(JsonElement.DeepEquals(JsonDocument.Parse(Arguments).RootElement, JsonDocument.Parse(call.Arguments).RootElement), call.Arguments);
    }

    [Fact]
    public void Text_without_marks_is_as_it_was()
    {
        Gen<string> texts = Gen.Elements(" ", "\n", "a", "<", "[", "TOOL_", "|", "hink>", "{", "\"").ListOf().Select(list => string.Concat(list));
        Prop.ForAll(texts.ToArbitrary(), Gen.Elements(Templates).ToArbitrary(), (text, template) =>
        {
            ChatMessage message = Read(template, Cut(text, 2), Tools).Message;
            // An answer in channels may begin with white space before its header.
            Assert.Equal(template == "<|channel|>" ? text.Trim() : text, template == "<|channel|>" ? message.Content.Trim() : message.Content);
            Assert.Empty(message.ToolCalls);
        }).Holds();
    }

    private static IEnumerable<string> Joined(ChatPiece piece) => piece.ToolCalls.Select(call => call.Name + call.Arguments);

    private static string[] Show(ChatMessage message) => Sorted(new[] { message.Content, message.Reasoning is null ? "" : $"({message.Reasoning})" }
        .Concat(message.ToolCalls.Select(call => $"{call.Name}({call.Arguments})")));

    private static string[] Sorted(IEnumerable<string> parts) => [.. parts.Where(part => part.Length > 0).Order(StringComparer.Ordinal)];

    private static IEnumerable<string> Cut(string text, int length) => text.Chunk(length).Select(part => new string(part));

    private static (ReplySink Sink, ReplyReader Reader) Begin(
        string template, ToolDefinition[] tools, string[] stops, int mostCalls, ReplyStart start = ReplyStart.Beginning)
    {
        int ids = 0;
        ReplySink sink = new(stops, () => $"id{++ids}");
        ReplyFormat format = ReplyFormat.Of(template, Demo);
        Dictionary<string, ToolDefinition> names = tools.ToDictionary(tool => tool.Name);
        return (sink, format.IsHarmony
            ? new HarmonyReplyReader(format, names, _ => true, start, sink, mostCalls)
            : new MarkedReplyReader(format, names, _ => true, start, sink, mostCalls));
    }

    private static (ChatMessage Message, ReplySink Sink, ReplyReader Reader) Read(
        string template, IEnumerable<string> reply, ToolDefinition[] tools, string[]? stops = null, int mostCalls = int.MaxValue,
        ReplyStart start = ReplyStart.Beginning)
    {
        (ReplySink sink, ReplyReader reader) = Begin(template, tools, stops ?? [], mostCalls, start);
        foreach (string part in reply)
            reader.Push(part);
        reader.End();
        return (sink.ToMessage(), sink, reader);
    }
}
