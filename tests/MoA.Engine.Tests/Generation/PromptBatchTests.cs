using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Tokenization;

namespace MoA.Engine.Tests.Generation;

/// <summary>Many prompts at once against each alone.</summary>
public sealed class PromptBatchTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private static readonly string[] Lines = ["blunt-otter", "tidy-lake", "calm-river", "brave-stone", "quiet-field"];
    private static readonly string[] Numbers = ["40893", "23743", "17265", "31982", "48120"];

    private readonly LanguageModel _model = demo.Model;

    /// <summary>Far more prompts than run at once, of many lengths, answers of 1 to 40 tokens.</summary>
    [Theory]
    [InlineData(64, 1L << 40)]
    [InlineData(3, 1L << 40)]
    [InlineData(64, 2_500_000)] // two or three sequences' caches
    [InlineData(64, 1)] // one at a time
    public void Every_prompt_gets_its_own_answer(int most, long cacheBytes)
    {
        PromptRequest[] requests = [.. Enumerable.Range(0, 40).Select(i => new PromptRequest(
            Prompt(i), new GenerationOptions { MaxNewTokens = i % 7 == 3 ? 1 + i % 5 : 40 }))];
        long before = _model.Transformer.Backend.Allocator.AllocatedBytes, largest = 0;
        List<PromptResult> results = [];
        new PromptBatch(_model, new DensePolicy()) { MaxSequences = most, CacheBytes = cacheBytes }.Run(
            requests, results.Add, _ => largest = Math.Max(largest, _model.Transformer.Backend.Allocator.AllocatedBytes - before));
        Assert.Equal(Enumerable.Range(0, 40), results.Select(result => result.Index).Order());
        foreach (PromptResult result in results)
        {
            string answer = $"The <REGISTER_CONTENT> in line {Lines[result.Index % 5]} is <{Numbers[result.Index % 5]}>.";
            int tokens = requests[result.Index].Options.MaxNewTokens;
            if (tokens < 40)
                Assert.Equal((FinishReason.Length, tokens), (result.Generation.Finish, result.Generation.Tokens.Length));
            Assert.StartsWith(result.Generation.Text, answer, StringComparison.Ordinal);
            Assert.Equal(tokens == 40, result.Generation.Text == answer);
            long rows = (requests[result.Index].Prompt.Length + tokens + 63) / 64 * 64;
            Assert.Equal(2L * 4 * 8 * 32 * 2 * rows, result.KvBytes);
        }

        long single = results.Max(result => result.KvBytes);
        Assert.InRange(largest, single, Math.Max(cacheBytes, single) + (4 << 20)); // scratch memory may grow beside the caches
        if (cacheBytes == 1)
            Assert.Equal(Enumerable.Range(0, 40), results.Select(result => result.Index));
    }

    /// <summary>A place is taken as soon as it is free: one long answer among short ones does not hold them up.</summary>
    [Fact]
    public void Nobody_waits_for_the_slowest()
    {
        PromptRequest[] requests = [.. Enumerable.Range(0, 12).Select(i => new PromptRequest(
            [.. Prompt(i).Take(30)], new GenerationOptions { MaxNewTokens = i == 0 ? 60 : 4 }))];
        List<int> ended = [];
        int steps = 0;
        new PromptBatch(_model, new DensePolicy()) { MaxSequences = 2 }.Run(
            requests, result => ended.Add(result.Generation.Tokens.Length == 60 ? 0 : result.Index), _ => steps++);
        Assert.Equal(12, ended.Count);
        Assert.InRange(steps, 44, 62); // 11 short ones after each other beside the long one
    }

    [Fact]
    public void Cancelling_gives_back_all_caches_and_keeps_what_was_told()
    {
        long before = _model.Transformer.Backend.Allocator.AllocatedBytes;
        using CancellationTokenSource source = new();
        int results = 0;
        PromptBatch batch = new(_model, new DensePolicy()) { MaxSequences = 4 };
        PromptRequest[] requests = [.. Enumerable.Range(0, 10).Select(i => new PromptRequest(Prompt(i), new GenerationOptions { MaxNewTokens = 40 }))];
        _ = Assert.ThrowsAny<OperationCanceledException>(() => batch.Run(
            requests,
            _ =>
            {
                results++;
                source.Cancel();
            },
            cancellation: source.Token));
        Assert.InRange(results, 1, 4);
        Assert.InRange(_model.Transformer.Backend.Allocator.AllocatedBytes - before, 0, 4 << 20);
        List<PromptResult> again = [];
        batch.Run(requests[..2], again.Add);
        Assert.Equal(2, again.Count);
    }

    [Fact]
    public void A_prompt_beyond_the_context_is_named()
    {
        PromptRequest[] requests = [new([1, 2], new GenerationOptions { MaxNewTokens = 1 }), new(new int[4096], new GenerationOptions())];
        InvalidInputException failure = Assert.Throws<InvalidInputException>(() => new PromptBatch(_model, new DensePolicy()).Run(requests, _ => { }));
        Assert.Contains("prompt 2: 4097 tokens", failure.Message, StringComparison.Ordinal);
    }

    // A record of all lines, after as many others as make it a length of its own, and a question about one.
    private int[] Prompt(int index)
    {
        string further = string.Concat(Enumerable.Range(0, index % 9).Select(i => $"line old-hill: REGISTER_CONTENT is <{10007 + 31 * i}>\n"));
        return _model.RequireConversations().EncodePrompt([new ChatMessage(ChatRole.User,
            "Below is a record of lines. Remember the REGISTER_CONTENT of each line.\n" + further +
            string.Concat(Lines.Zip(Numbers, (line, number) => $"line {line}: REGISTER_CONTENT is <{number}>\n")) +
            $"What is the <REGISTER_CONTENT> in line {Lines[index % 5]}?")]);
    }
}
