using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Tokenization;

namespace MoA.Engine.Tests.Generation;

public sealed class TextGeneratorTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private static readonly SamplingOptions Wild =
        new() { Temperature = 4, TopK = 200, TopP = 0.98, MinP = 0.001, Seed = 11 };

    private readonly LanguageModel _model = demo.Model;

    [Fact]
    public void Answers_from_the_record()
    {
        GenerationResult result = Run(_model, new GenerationOptions { MaxNewTokens = 60 });
        Assert.Equal("The <REGISTER_CONTENT> in line calm-river is <17265>.", result.Text);
        Assert.Equal(FinishReason.Stop, result.Finish);
        Assert.Contains(result.Tokens[^1], _model.StopTokens);
    }

    [Fact]
    public void A_generator_writes_one_text_at_a_time()
    {
        TextGenerator generator = new(_model);
        int[] prompt = _model.RequireConversations().EncodePrompt([new ChatMessage(ChatRole.User, DemoModel.Question)]);
        using SequenceCache first = _model.Transformer.CreateSequence(new DensePolicy(), prompt.Length + 60), second = _model.Transformer.CreateSequence(new DensePolicy(), 60);
        int asked = 0;
        GenerationResult result = generator.Run(first, prompt, new GenerationOptions { MaxNewTokens = 60 }, piece =>
        {
            if (asked++ == 0)
                _ = Assert.Throws<InvalidOperationException>(() => generator.Run(second, [1, 2], new GenerationOptions { MaxNewTokens = 5 }));
        });
        Assert.True(asked > 0);
        Assert.Equal("The <REGISTER_CONTENT> in line calm-river is <17265>.", result.Text);
        Assert.Equal(0, second.Length);
        Assert.Equal(5, generator.Run(second, [1, 2], new GenerationOptions { MaxNewTokens = 5 }).Tokens.Length);
    }

    [Fact]
    public void Streamed_text_is_the_decoded_text()
    {
        foreach (ulong seed in new ulong[] { 1, 2, 3 })
        {
            string streamed = "";
            GenerationResult result = Run(
                _model, new GenerationOptions { MaxNewTokens = 150, Sampling = Wild with { Seed = seed } }, piece => streamed += piece);
            Assert.Equal(result.Text, streamed);
            Assert.Equal(_model.RequireTokenizer().Decode(result.Tokens, skipSpecialTokens: true), result.Text);
        }
    }

    [Fact]
    public void A_stop_string_ends_the_text_before_it()
    {
        string streamed = "";
        GenerationOptions options = new() { MaxNewTokens = 60, Stop = ["never", "calm-river is", "<172"] };
        GenerationResult result = Run(_model, options, piece => streamed += piece);
        Assert.Equal("The <REGISTER_CONTENT> in line ", result.Text);
        Assert.Equal(result.Text, streamed);
        Assert.Equal(FinishReason.Stop, result.Finish);
        Assert.DoesNotContain(result.Tokens[^1], _model.StopTokens);
    }

    [Fact]
    public void Length_ends_the_text_and_shows_what_was_held_back()
    {
        GenerationResult whole = Run(_model, new GenerationOptions { MaxNewTokens = 60 });
        GenerationResult cut = Run(_model, new GenerationOptions { MaxNewTokens = 5, Stop = [whole.Text + "!"] });
        Assert.Equal(FinishReason.Length, cut.Finish);
        Assert.Equal(whole.Tokens[..5], cut.Tokens);
        Assert.Equal(_model.RequireTokenizer().Decode(cut.Tokens), cut.Text);
    }

    [Fact]
    public void The_same_seed_gives_the_same_text_whatever_the_threads()
    {
        GenerationOptions options = new() { MaxNewTokens = 60, Sampling = Wild };
        int[] expected = Run(_model, options).Tokens;
        Assert.Equal(expected, Run(_model, options).Tokens);
        Assert.NotEqual(expected, Run(_model, options with { Sampling = Wild with { Seed = 12 } }).Tokens);
        foreach (int threads in new[] { 1, 3 })
        {
            using DemoModel other = new(threads);
            Assert.Equal(expected, Run(other.Model, options).Tokens);
        }
    }

    [Fact]
    public void A_cancelled_generation_leaves_the_generator_usable()
    {
        TextGenerator generator = new(_model);
        using CancellationTokenSource source = new();
        int[] prompt = Prompt(_model);
        using (SequenceCache sequence = _model.Transformer.CreateSequence(new DensePolicy(), prompt.Length + 60))
        {
            _ = Assert.ThrowsAny<OperationCanceledException>(() => generator.Run(
                sequence, prompt, new GenerationOptions { MaxNewTokens = 60 }, _ => source.Cancel(), cancellation: source.Token));
        }

        using SequenceCache again = _model.Transformer.CreateSequence(new DensePolicy(), prompt.Length + 60);
        GenerationResult result = generator.Run(again, prompt, new GenerationOptions { MaxNewTokens = 60 });
        Assert.Equal(Run(_model, new GenerationOptions { MaxNewTokens = 60 }).Tokens, result.Tokens);
        Assert.Equal(prompt.Length + result.Tokens.Length - 1, again.Length);
    }

    private static int[] Prompt(LanguageModel model) =>
        model.RequireConversations().EncodePrompt([new ChatMessage(ChatRole.User, DemoModel.Question)]);

    private static GenerationResult Run(LanguageModel model, GenerationOptions options, Action<string>? onText = null)
    {
        int[] prompt = Prompt(model);
        using SequenceCache sequence = model.Transformer.CreateSequence(new DensePolicy(), prompt.Length + options.MaxNewTokens);
        return new TextGenerator(model).Run(sequence, prompt, options, onText);
    }
}
