using System.ComponentModel;
using System.Text.Json;
using Microsoft.Extensions.AI;
using MoA.Engine;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Generation;
using MoA.Engine.Tokenization;
using MoA.Extensions.AI;
using MoA.Extensions.AI.Mapping;
using MoA.Serving.Chat;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;
using ChatRole = Microsoft.Extensions.AI.ChatRole;
using EngineMessage = MoA.Engine.Tokenization.ChatMessage;

namespace MoA.Serving.Tests.ExtensionsAI;

/// <summary>What stands for what on the two sides of the client.</summary>
public sealed class MappingTests(DemoModel demo) : IClassFixture<DemoModel>
{
    [Fact]
    public void A_conversation_with_tools_becomes_the_template_s_messages()
    {
        ChatMessage[] messages =
        [
            new(ChatRole.User, "How warm is it in Bern, and where am I?"),
            new(ChatRole.Assistant,
            [
                new TextReasoningContent("Two "), new TextReasoningContent("calls."), new TextContent("Let me see."),
                new FunctionCallContent("1", "weather", new Dictionary<string, object?> { ["town"] = "Bern", ["days"] = 2, ["exact"] = null }),
                new FunctionCallContent("2", "where"),
                new UsageContent(new UsageDetails { InputTokenCount = 3 }),
            ]),
            new(ChatRole.Tool, [new FunctionResultContent("1", new { Celsius = 9.5 }), new FunctionResultContent("2", "at \"home\"")]),
            new(ChatRole.Tool,
            [
                new FunctionResultContent("a", null), new FunctionResultContent("b", JsonDocument.Parse("\"text\"").RootElement),
                new FunctionResultContent("c", JsonDocument.Parse("[1, 2]").RootElement), new FunctionResultContent("d", new TextContent("part")),
                new FunctionResultContent("e", new List<AIContent> { new TextContent("x"), new TextContent("y") }), new FunctionResultContent("f", true),
            ]),
            new(new ChatRole("critic"), "Hm."),
            new(ChatRole.User, []),
        ];
        List<EngineMessage> read = MessageReader.Read(messages, " ");
        Assert.Equal(["user", "assistant", "tool", "tool", "tool", "tool", "tool", "tool", "tool", "tool", "critic", "user"], read.Select(message => message.Role.Name));
        Assert.Equal(("Let me see.", "Two calls."), (read[1].Content, read[1].Reasoning));
        Assert.Equal(
            [new ToolCall("1", "weather", """{"town":"Bern","days":2,"exact":null}"""), new ToolCall("2", "where", "{}")],
            read[1].ToolCalls);
        Assert.Equal([("1", "weather"), ("2", "where"), ("a", null)], read[2..5].Select(message => (message.ToolCallId!, message.Name)));
        Assert.Equal(9.5, JsonDocument.Parse(read[2].Content).RootElement.EnumerateObject().Single().Value.GetDouble());
        Assert.Equal("at \"home\"", read[3].Content);
        Assert.Equal(["", "text", JsonSerializer.Serialize(new[] { 1, 2 }, AIJsonUtilities.DefaultOptions), "part", "xy", "true"], read[4..10].Select(message => message.Content));
        Assert.Equal("", read[11].Content);
    }

    [Fact]
    public void Instructions_stand_before_everything()
    {
        Assert.Equal([("system", "Be brief."), ("user", "Hi")], MessageReader.Read([new(ChatRole.User, "Hi")], "Be brief.").Select(message => (message.Role.Name, message.Content)));
        EngineMessage joined = Assert.Single(MessageReader.Read([new(ChatRole.System, "Be kind.")], "Be brief."));
        Assert.Equal(("system", "Be brief.\n\nBe kind."), (joined.Role.Name, joined.Content));
    }

    public static TheoryData<string, AIContent> NotText => new()
    {
        { "DataContent", new DataContent("data:image/png;base64,AAAA") },
        { "UriContent", new UriContent("https://example.org/a.png", "image/png") },
        { "HostedFileContent", new HostedFileContent("f") },
        { "ErrorContent", new ErrorContent("e") },
        { "DataContent", new FunctionResultContent("1", new DataContent("data:image/png;base64,AAAA")) },
        { "DataContent", new FunctionResultContent("1", new AIContent[] { new DataContent("data:image/png;base64,AAAA") }) },
        { "System.IntPtr", new FunctionResultContent("1", (nint)1) },
    };

    [Theory]
    [MemberData(nameof(NotText))]
    public void What_is_no_text_is_refused_by_name(string name, AIContent content)
    {
        NotSupportedException failure = Assert.Throws<NotSupportedException>(() => MessageReader.Read([new(ChatRole.User, [new TextContent("See:"), content])], null));
        Assert.Contains(name, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Calls_and_thoughts_are_the_assistant_s()
    {
        Assert.Contains("FunctionCallContent stands in a message of the role 'user'",
            Assert.Throws<InvalidInputException>(() => MessageReader.Read([new(ChatRole.User, [new FunctionCallContent("1", "f")])], null)).Message, StringComparison.Ordinal);
        _ = Assert.Throws<InvalidInputException>(() => MessageReader.Read([new(ChatRole.System, [new TextReasoningContent("t")])], null));
    }

    [Fact]
    public async Task Options_become_a_request()
    {
        await using ModelService service = new(demo.Model, new ServiceOptions { CacheType = ElementType.F32, CacheBytes = 64 << 20 });
        using MoAChatClient client = new(service);
        RequestReader reader = new(service);
        AIFunction weather = AIFunctionFactory.Create([Description("The weather of a town")] (string town, int days = 1) => town, "weather");
        JsonElement schema = AIJsonUtilities.CreateJsonSchema(typeof(int[]));
        ChatRequest request = reader.Read(client, [new(ChatRole.User, "Hi")], new ChatOptions
        {
            Tools = [weather, AIFunctionFactory.CreateDeclaration("plain", null, JsonDocument.Parse("{}").RootElement)],
            ToolMode = ChatToolMode.RequireSpecific("weather"),
            AllowMultipleToolCalls = false,
            ResponseFormat = ChatResponseFormat.ForJsonSchema(schema, "numbers"),
            Reasoning = new() { Effort = ReasoningEffort.ExtraHigh },
            MaxOutputTokens = 9,
        });
        Assert.Equal([("weather", "The weather of a town"), ("plain", null)], request.Tools.Select(tool => (tool.Name, tool.Description)));
        JsonElement parameters = JsonDocument.Parse(request.Tools[0].Parameters!).RootElement;
        Assert.Equal(["town"], parameters.GetProperty("required").EnumerateArray().Select(name => name.GetString()));
        Assert.False(parameters.GetProperty("additionalProperties").GetBoolean());
        Assert.Equal("integer", parameters.GetProperty("properties").GetProperty("days").GetProperty("type").GetString());
        Assert.Equal((new ToolChoice(ToolChoiceKind.Required, "weather"), false), (request.ToolChoice, request.ParallelToolCalls));
        Assert.Equal((true, "array"), (request.Format.IsJson, JsonDocument.Parse(request.Format.Schema!).RootElement.GetProperty("type").GetString()));
        Assert.Equal((true, "high", 9), (request.Thinks, request.ReasoningEffort, request.MaxNewTokens));

        ChatRequest plain = reader.Read(client, [new(ChatRole.User, "Hi")], null);
        Assert.Equal((ToolChoice.Auto, true, AnswerFormat.Text, null, null, null),
            (plain.ToolChoice, plain.ParallelToolCalls, plain.Format, plain.Thinks, plain.ReasoningEffort, plain.MaxNewTokens));
        ChatRequest other = reader.Read(client, [new(ChatRole.User, "Hi")], new ChatOptions
        {
            ToolMode = ChatToolMode.None,
            ResponseFormat = ChatResponseFormat.Json,
            Reasoning = new() { Effort = ReasoningEffort.None },
        });
        Assert.Equal((ToolChoice.None, AnswerFormat.JsonObject, false, null), (other.ToolChoice, other.Format, other.Thinks, other.ReasoningEffort));
    }

    [Fact]
    public void An_answer_becomes_contents_whole_and_streamed()
    {
        Usage usage = new(10, 4, 6, 4096, 0.25, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero) { ReasoningTokens = 2, ReadAgain = "why" };
        ChatOutcome outcome = new(new EngineMessage(MoA.Engine.Tokenization.ChatRole.Assistant, "Text")
        {
            Reasoning = "Thought",
            ToolCalls = [new ToolCall("id", "weather", """{"town":"Bern","days":2}"""), new ToolCall("bad", "weather", """{"town":""")],
        }, ChatFinish.ToolCalls, usage, "stop");
        AnswerWriter writer = new("m", null);
        ChatResponse whole = writer.Response(outcome);
        ChatResponse streamed = new[]
        {
            writer.Update(new ChatPiece { Reasoning = "Thou" }), writer.Update(new ChatPiece { Reasoning = "ght", Text = "Te" }), writer.Update(new ChatPiece { Text = "xt" }),
            writer.Update(new ChatPiece()), writer.Update(new ChatPiece { ToolCalls = [new ToolCallPiece(0, "id", "weather", "{")] }), writer.Last(outcome),
        }.OfType<ChatResponseUpdate>().ToChatResponse();
        foreach (ChatResponse response in new[] { whole, streamed })
        {
            IList<AIContent> contents = Assert.Single(response.Messages).Contents;
            Assert.Equal([typeof(TextReasoningContent), typeof(TextContent), typeof(FunctionCallContent), typeof(FunctionCallContent)], contents.Select(content => content.GetType()));
            Assert.Equal(("Thought", "Text"), (((TextReasoningContent)contents[0]).Text, response.Text));
            FunctionCallContent call = (FunctionCallContent)contents[2];
            Assert.Equal(("id", "weather", "Bern", 2), (call.CallId, call.Name, ((JsonElement)call.Arguments!["town"]!).GetString(), ((JsonElement)call.Arguments["days"]!).GetInt32()));
            Assert.NotNull(((FunctionCallContent)contents[3]).Exception);
            Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);
            UsageDetails details = response.Usage!;
            Assert.Equal((10, 6, 16, 4, 2, 4096), (details.InputTokenCount, details.OutputTokenCount, details.TotalTokenCount, details.CachedInputTokenCount,
                details.ReasoningTokenCount, details.AdditionalCounts!["moa.kv.bytes"]));
            AdditionalPropertiesDictionary properties = response.Messages[0].AdditionalProperties!;
            Assert.Equal((0.25, "stop", "why"), (properties[MoAChatClient.DensityKey], properties["stop_sequence"], properties["moa.read_again"]));
        }

        AnswerWriter silent = new("m", new ChatOptions { Reasoning = new() { Output = ReasoningOutput.None } });
        Assert.DoesNotContain(silent.Response(outcome).Messages[0].Contents, content => content is TextReasoningContent);
        Assert.Null(silent.Update(new ChatPiece { Reasoning = "Thought" }));
    }

    /// <summary>The wrapper of Microsoft.Extensions.AI that tells OpenTelemetry finds the model's name, usage and end in what the client says.</summary>
    [Fact]
    public async Task The_telemetry_wrapper_reads_what_the_client_says()
    {
        await using ModelService service = new(demo.Model, new ServiceOptions { CacheType = ElementType.F32, CacheBytes = 64 << 20, Name = "wrapped" });
        string source = $"test-{service.Instance}";
        List<System.Diagnostics.Activity> spans = [];
        using System.Diagnostics.ActivityListener listener = new()
        {
            ShouldListenTo = other => other.Name == source || other.Name == Telemetry.ServingTelemetry.Name,
            Sample = (ref _) => System.Diagnostics.ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = span =>
            {
                lock (spans)
                    spans.Add(span);
            },
        };
        System.Diagnostics.ActivitySource.AddActivityListener(listener);
        using IChatClient client = new MoAChatClient(service).AsBuilder().UseOpenTelemetry(sourceName: source).Build();
        ChatResponse response = await client.GetStreamingResponseAsync(DemoModel.Question, new ChatOptions { Temperature = 0 }).ToChatResponseAsync();
        System.Diagnostics.Activity outer, inner;
        lock (spans)
        {
            outer = Assert.Single(spans, span => span.Source.Name == source);
            inner = Assert.Single(spans, span => Equals(span.GetTagItem(Telemetry.ServingTelemetry.InstanceTag), service.Instance));
        }

        Assert.Equal(("chat wrapped", "moa", "wrapped"), (outer.DisplayName, outer.GetTagItem("gen_ai.provider.name"), outer.GetTagItem("gen_ai.response.model")));
        Assert.Equal(Convert.ToInt64(outer.GetTagItem("gen_ai.usage.output_tokens"), null), response.Usage!.OutputTokenCount);
        Assert.Equal((outer.SpanId, "chat wrapped"), (inner.ParentSpanId, inner.DisplayName));
    }
}
