using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Tokenization;
using MoA.Tests;

namespace MoA.Engine.Tests.Tokenization;

/// <summary>Tools, calls and thoughts in chat templates, beside what jinja2 printed of them (tests/fixtures/chat-templates/generate.py).</summary>
public class ToolTemplateTests
{
    private const string Plain = "{% for m in messages %}{{ '<|' + m.role + '|>' + m.content + '<|eos|>' }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";
    private const string Alternating = "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('by turns') }}{% endif %}[{{ m.content }}]{% endfor %}";

    private static readonly string Folder = RepositoryFiles.Fixture("chat-templates");
    private static readonly Tokenizer Demo = Tokenizer.Load(RepositoryFiles.DemoModel);

    private static readonly ToolDefinition[] Tools =
    [
        new("get_weather", "The weather \"now\" at a place. <|eos|>\nIn °C & <b>.", """
            {"type": "object", "properties": {"city": {"type": "string", "description": "Where; 'x'"}, "days": {"type": "integer", "minimum": 0,
            "maximum": 18446744073709551615, "default": 1.0}, "zone": {"enum": ["a", null, true, 1e100, -0.5]}}, "required": ["city"], "additionalProperties": false}
            """),
        new("stop", "Stops.", null),
        new("now", null, null),
    ];

    private static readonly ToolCall Call = new("call12345", "get_weather", "{\"city\":\"<|eos|>\"}");

    public static TheoryData<string, string> Conversations()
    {
        var cases = new TheoryData<string, string>();
        foreach (JsonElement line in Lines())
            cases.Add(line.GetProperty("template").GetString()!, line.GetProperty("name").GetString()!);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Conversations))]
    public void Conversations_with_tools_are_written_as_transformers_does(string template, string name)
    {
        JsonElement line = Lines().Single(line => line.GetProperty("template").GetString() == template && line.GetProperty("name").GetString() == name);
        ChatTemplate own = Template(File.ReadAllText(Path.Combine(Folder, "published", template)));
        ChatMessage[] messages = [.. line.GetProperty("messages").EnumerateArray().Select(Message)];
        // These templates leave calls out; they are added to what is printed.
        if (template is "granite-tools.jinja" or "smollm3.jinja")
            messages = [.. messages.Select(message => message with { ToolCalls = [] })];
        // This one drops all but a message's first call.
        if (template == "gpt-oss-style.jinja" && name == "twice")
            return;
        ChatTemplateOptions options = new() { Tools = Tools[..1], Variables = line.GetProperty("variables").GetRawText() };
        Assert.Equal(line.GetProperty("text").GetString(), own.Render(messages, addGenerationPrompt: true, options));
        if (line.TryGetProperty("textOfAll", out JsonElement all))
            Assert.Equal(all.GetString(), own.Render(messages, addGenerationPrompt: true, options with { Tools = Tools }));
    }

    [Fact]
    public void Thinking_and_effort_are_variables_of_their_own()
    {
        ChatTemplate template = Template("{{ enable_thinking }}|{{ thinking }}|{{ reasoning_effort }}|{{ date_string }}|{{ documents }}");
        Assert.Equal("||||None", template.Render([], false));
        Assert.Equal("False|False|high|x|[1]", template.Render([], false, new()
        {
            Thinks = false,
            ReasoningEffort = "high",
            Variables = "{\"date_string\": \"x\", \"documents\": [1], \"messages\": 1}",
        }));
    }

    [Fact]
    public void A_tool_without_what_its_template_reads_gets_it_empty()
    {
        ChatTemplate template = Template("{% for t in tools %}{{ t.function.name + '|' + t.function.description + '|' + (t.function.parameters.properties | tojson) }}{% endfor %}");
        Assert.Equal("now||{}", template.Render([new(ChatRole.User, "a")], false, new() { Tools = [new("now", null, null)] }));
    }

    [Fact]
    public void A_message_has_a_key_only_where_something_is_set()
    {
        const string Source = "{% for m in messages %}{{ m.keys() | list | join(',') }}{{ m.tool_calls[0].function.name if m.tool_calls }}|{% endfor %}";
        ChatTemplate template = Template(Source);
        Assert.Equal(
            "role,content|role,content,name,tool_call_id|role,content,reasoning_content,thinking,tool_callsget_weather|",
            template.Render(
                [new(ChatRole.User, ""), new(ChatRole.Tool, "x") { Name = "n", ToolCallId = "i" }, new(ChatRole.Assistant, "") { Reasoning = "", ToolCalls = [Call] }],
                false));
    }

    [Theory]
    [InlineData("{{ messages[1].content is none }}", "True")]
    [InlineData("{{ messages[1].content | trim }}|", "|")]
    [InlineData("{{ messages[1].content + '|' }}", "|")]
    [InlineData("{{ '<' in messages[1].content }}", "False")]
    public void A_message_without_text_has_none_where_the_template_looks(string source, string expected)
    {
        ChatTemplate template = Template(source + "{% if messages[9] %}{{ messages[1].tool_calls[0].function.name }}{% endif %}{% if messages[1].tool_calls[0].id == 'abcdefgh1' %}kilimanjaro{% endif %}");
        Assert.Equal(expected, template.Render([new(ChatRole.User, "q"), new(ChatRole.Assistant, "") { ToolCalls = [Call] }], false));
    }

    [Theory]
    [InlineData("llama-3.1", "{\"name\": \"get_weather\", \"parameters\": {\"city\": \"<|eos|>\"}}<|eot_id|>", "\n\n\"21\"<|eot_id|>", "{\"name\": \"stop\", \"parameters\": {}}<|eot_id|>", "\n\n\"ok\"<|eot_id|>")]
    [InlineData("gpt-oss-style", "to=functions.get_weather<|channel|>commentary json<|message|>{\"city\": \"<|eos|>\"}<|call|>", "functions.get_weather to=assistant<|channel|>commentary<|message|>\"21\"", "to=functions.stop<|channel|>commentary json<|message|>{}<|call|>", "functions.stop to=assistant<|channel|>commentary<|message|>\"ok\"")]
    public void Several_calls_are_messages_of_their_own_where_the_template_takes_one(string template, params string[] expected)
    {
        string text = Published(template).Render(
            [
                new(ChatRole.User, "q"), new(ChatRole.Assistant, "") { ToolCalls = [Call, new("other", "stop", "")] },
                new(ChatRole.Tool, "ok") { ToolCallId = "other" }, new(ChatRole.Tool, "21") { ToolCallId = "call12345" },
            ],
            true,
            new() { Tools = Tools[..2] });
        int at = 0;
        foreach (string part in expected)
        {
            int found = text.IndexOf(part, at, StringComparison.Ordinal);
            Assert.True(found >= 0, $"{part}\n{text}");
            at = found + part.Length;
        }
    }

    [Fact]
    public void Tools_that_stand_in_a_system_message_get_one()
    {
        ChatTemplate template = Template("{% for m in messages %}[{{ m.content }}{% if m.role == 'system' and tools %}{{ tools | map(attribute='function.name') | join(',') }}{% endif %}]{% endfor %}");
        Assert.Equal("[stop][q]", template.Render([new(ChatRole.User, "q")], false, new() { Tools = Tools[1..2] }));
        Assert.Equal("[s stop][q]", template.Render([new(ChatRole.System, "s "), new(ChatRole.User, "q")], false, new() { Tools = Tools[1..2] }));
        Assert.Equal("[q]", template.Render([new(ChatRole.User, "q")], false));
    }

    [Theory]
    [InlineData("tokenizer_config.json", """{"bos_token": "<b>", "chat_template": [{"name": "tool_use", "template": "{{ bos_token }}{{ tools[0].function.name }}"}, {"name": "default", "template": "{{ bos_token }}d"}]}""")]
    [InlineData("additional_chat_templates/tool_use.jinja", "{{ bos_token }}{{ tools[0].function.name }}")]
    public void A_template_for_tools_writes_conversations_with_tools(string file, string content)
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.File("additional_chat_templates"));
        File.WriteAllText(folder.File("tokenizer_config.json"), """{"bos_token": "<b>", "chat_template": "{{ bos_token }}d"}""");
        File.WriteAllText(folder.File(file), content);
        ChatTemplate template = ChatTemplate.Load(folder.Path)!;
        Assert.Equal("<b>d", template.Render([new(ChatRole.User, "q")], false));
        Assert.Equal("<b>stop", template.Render([new(ChatRole.User, "q")], false, new() { Tools = Tools[1..2] }));
        Assert.Equal("{{ bos_token }}{{ tools[0].function.name }}", template.ToolSource);
        Assert.Null(ChatTemplate.Load(folder.Path, "chatml")!.ToolSource);
    }

    [Fact]
    public void Thoughts_and_text_are_joined_where_the_template_takes_one_of_them()
    {
        ChatTemplate harmony = Template(File.ReadAllText(Path.Combine(Folder, "published", "gpt-oss-style.jinja")));
        string text = harmony.Render([new(ChatRole.User, "q"), new(ChatRole.Assistant, "Wait.") { Reasoning = "Hm.", ToolCalls = [Call] }], false);
        Assert.Contains("<|channel|>analysis<|message|>Hm.\n\nWait.<|end|>", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_template_without_tools_gets_them_in_the_messages()
    {
        ChatTemplateOptions options = new() { Tools = Tools[1..2] };
        string tools = "You may call these functions, each described by a line of JSON:\n{\"type\": \"function\", \"function\": {\"name\": \"stop\", "
            + "\"description\": \"Stops.\", \"parameters\": {\"type\": \"object\", \"properties\": {}}}}\n\nTo call a function, answer with nothing but a line of JSON with its "
            + "name and arguments, one line for each call: {\"name\": \"function name\", \"arguments\": {\"parameter\": \"value\"}}";
        ChatMessage[] messages =
        [
            new(ChatRole.User, "Hi"), new(ChatRole.Assistant, "So.") { ToolCalls = [Call, new("c2", "stop", "")] },
            new(ChatRole.Tool, "21") { Name = "get_weather" }, new(ChatRole.Tool, "ok"), new(ChatRole.User, "Thanks"),
        ];
        string calls = "So.\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"<|eos|>\"}}\n{\"name\": \"stop\", \"arguments\": {}}";
        const string Results = "Result of get_weather:\n21\n\nok\n\nThanks";
        Assert.Equal(
            $"<|system|>{tools}<|eos|><|user|>Hi<|eos|><|assistant|>{calls}<|eos|><|user|>{Results}<|eos|><|assistant|>", Template(Plain).Render(messages, true, options));
        Assert.Equal($"[{tools}\n\nHi][{calls}][{Results}]", Template(Alternating).Render(messages, true, options));
        Assert.Equal($"[Hi][{calls}][{Results}]", Template(Alternating).Render(messages, true));
        Assert.StartsWith($"<|system|>Be kind.\n\n{tools}<|eos|>", Template(Plain).Render([new(ChatRole.System, "Be kind."), .. messages], true, options), StringComparison.Ordinal);
    }

    [Fact]
    public void Calls_that_a_template_leaves_out_stand_in_the_content()
    {
        ChatMessage[] messages = [new(ChatRole.User, "q"), new(ChatRole.Assistant, "") { ToolCalls = [Call] }];
        string list = "<|tool_call|>[{\"name\": \"get_weather\", \"arguments\": {\"city\": \"<|eos|>\"}}]";
        Assert.Contains($"<|start_of_role|>assistant<|end_of_role|>{list}<|end_of_text|>", Published("granite-tools").Render(messages, true), StringComparison.Ordinal);
        Assert.Contains(
            "<|im_start|>assistant\nSo.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"<|eos|>\"}}\n</tool_call>\n<tool_call>\n{\"name\": \"stop\", \"arguments\": {}}\n</tool_call><|im_end|>",
            Published("smollm3").Render([messages[0], new(ChatRole.Assistant, "So.") { ToolCalls = [Call, new("", "stop", "")] }], true), StringComparison.Ordinal);
        string phi = Published("phi-4-mini").Render(messages, true, new() { Tools = Tools[1..2] });
        Assert.Equal(
            $"<|system|><|tool|>[{{\"name\": \"stop\", \"description\": \"Stops.\", \"parameters\": {{\"type\": \"object\", \"properties\": {{}}}}}}]<|/tool|><|end|><|user|>q<|end|><|assistant|>{list}<|end|><|assistant|>",
            phi);
    }

    [Fact]
    public void Calls_that_a_template_without_marks_leaves_out_are_lines()
    {
        ChatTemplate template = Template("{{ tools | tojson }}{% for m in messages %}[{{ m.content }}]{% endfor %}");
        Assert.EndsWith(
            "[q][So.\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"<|eos|>\"}}\n{\"name\": \"stop\", \"arguments\": {}}]",
            template.Render([new(ChatRole.User, "q"), new(ChatRole.Assistant, "So.") { ToolCalls = [Call, new("", "stop", "")] }], false), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"a\": }")]
    [InlineData("[1]")]
    [InlineData("{\"a\": \"\\ud800\"}")]
    [InlineData("nothing")]
    public void Arguments_and_parameters_that_are_no_object_are_refused(string json)
    {
        ChatTemplate template = Published("qwen3");
        string call = Assert.Throws<InvalidInputException>(
            () => template.Render([new(ChatRole.User, "q"), new(ChatRole.Assistant, "") { ToolCalls = [new("i", "f", json)] }], true)).Message;
        Assert.StartsWith("the arguments of a call of 'f': expected a JSON object", call, StringComparison.Ordinal);
        string tool = Assert.Throws<InvalidInputException>(() => template.Render([new(ChatRole.User, "q")], true, new() { Tools = [new("f", "", json)] })).Message;
        Assert.StartsWith("the parameters of the tool 'f': expected a JSON object", tool, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', call + tool);
    }

    [Theory]
    [InlineData(Plain)]
    [InlineData("{% for t in tools or [] %}{{ t | tojson }}{{ t | string }}{% endfor %}{% for m in messages %}{{ m | tojson }}{{ m.tool_calls | string }}{{ m.name }}{% endfor %}")]
    public void Special_tokens_in_tools_and_calls_stay_text(string source)
    {
        const string Eos = "<|eos|>";
        ConversationEncoder encoder = new(Demo, new ChatTemplate(source.Replace("+ '<|eos|>'", "", StringComparison.Ordinal), "", ""));
        int[] tokens = encoder.EncodePrompt(
            [
                new(ChatRole.User, Eos), new(ChatRole.Assistant, Eos) { Reasoning = Eos, ToolCalls = [new(Eos, Eos, "{\"<|eos|>\": \"<|eos|>\"}")] },
                new(ChatRole.Tool, Eos) { Name = Eos, ToolCallId = Eos },
            ],
            new() { Tools = [new(Eos, Eos, "{\"<|eos|>\": \"<|eos|>\"}")], Variables = "{\"x\": \"<|eos|>\"}" });
        Assert.DoesNotContain(Demo.IdOf(Eos)!.Value, tokens);
        Assert.Contains(Eos, Demo.Decode(tokens), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{ x | tojson }}", "{\"a\": 18446744073709551615}", "18446744073709551615")]
    [InlineData("{{ x }}|{{ [x] }}", "{\"a\": -123456789012345678901234567890}", "-123456789012345678901234567890|[-123456789012345678901234567890]")]
    [InlineData("{{ x | tojson }}", "{\"a\": 1E2}", "100.0")]
    [InlineData("{{ x | tojson }}", "{\"a\": 1, \"b\": 2, \"a\": \"é\\u0001/\"}", "\"é\\u0001/\"")]
    public void Values_of_json_are_those_of_python(string source, string json, string expected)
    {
        ChatTemplate template = Template("{% set x = v.a %}" + source);
        Assert.Equal(expected, template.Render([], false, new() { Variables = $"{{\"v\": {json}}}" }));
    }

    [Theory]
    [InlineData("qwen3", "<think>\n\n</think>\n\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"<|eos|>\"}}\n</tool_call><|eos|>")]
    [InlineData("llama-3.1", "{\"name\": \"get_weather\", \"parameters\": {\"city\": \"<|eos|>\"}}<|eos|>")]
    [InlineData("gpt-oss-style", " to=functions.get_weather<|channel|>commentary json<|message|>{\"city\": \"<|eos|>\"}<|eos|>")]
    public void An_answer_of_calls_ends_with_its_turn(string template, string expected)
    {
        string source = File.ReadAllText(Path.Combine(Folder, "published", template + ".jinja"));
        foreach (string end in (string[])["<|im_end|>", "<|eot_id|>", "<|call|>"])
            source = source.Replace(end, "<|eos|>", StringComparison.Ordinal);
        ConversationEncoder encoder = new(Demo, new ChatTemplate(source, "", ""));
        ChatTemplateOptions options = new() { Tools = Tools[..1] };
        EncodedConversation conversation = encoder.Encode([new(ChatRole.User, "q"), new(ChatRole.Assistant, "") { ToolCalls = [Call] }], options: options);
        AnswerSpan span = Assert.Single(conversation.Answers);
        Assert.Equal(expected, Demo.Decode(conversation.Tokens.AsSpan()[span.Start..span.End]));
        Assert.Equal(Demo.IdOf("<|eos|>"), conversation.Tokens[span.End - 1]);
        Assert.Equal([Demo.IdOf("<|eos|>")!.Value], encoder.EndOfTurnIds);

        conversation = encoder.Encode(
            [new(ChatRole.User, "q"), new(ChatRole.Assistant, "") { ToolCalls = [Call] }, new(ChatRole.Tool, "21") { Name = "get_weather", ToolCallId = "call12345" }, new(ChatRole.Assistant, "ok")],
            addGenerationPrompt: false, options);
        Assert.Equal(2, conversation.Answers.Count);
        span = conversation.Answers[0];
        Assert.EndsWith("}<|eos|>", Demo.Decode(conversation.Tokens.AsSpan()[span.Start..span.End]).Replace("\n</tool_call>", "", StringComparison.Ordinal).Replace("}}", "}", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    private static ChatTemplate Published(string name) => Template(File.ReadAllText(Path.Combine(Folder, "published", name + ".jinja")));

    private static ChatTemplate Template(string source) => new(source, "<s>", "</s>", new FixedClock());

    private static JsonElement[] Lines() =>
        [.. File.ReadLines(Path.Combine(Folder, "conversations.jsonl")).Select(line => JsonSerializer.Deserialize<JsonElement>(line))];

    private static ChatMessage Message(JsonElement message)
    {
        return new(new ChatRole(Text("role")!), Text("content") ?? "")
        {
            Name = Text("name"),
            ToolCallId = Text("tool_call_id"),
            Reasoning = Text("reasoning_content"),
            ToolCalls = message.TryGetProperty("tool_calls", out JsonElement calls) ? [.. calls.EnumerateArray().Select(ReadCall)] : [],
        };

        string? Text(string key) => message.TryGetProperty(key, out JsonElement value) ? value.GetString() : null;
    }

    private static ToolCall ReadCall(JsonElement call)
    {
        JsonElement function = call.GetProperty("function");
        return new(call.GetProperty("id").GetString()!, function.GetProperty("name").GetString()!, function.GetProperty("arguments").GetString()!);
    }

    private sealed class FixedClock : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => new(2025, 3, 7, 14, 5, 9, TimeSpan.Zero);
    }
}
