using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tokenization;
using MoA.Tests;

namespace MoA.Engine.Tests.Generation;

/// <summary>Whatever is drafted, the text is the one that single steps write, token by token.</summary>
public sealed class LookupGenerationTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private static readonly HashSet<int> NoStops = [];

    private static readonly ElasticRule Quarter = new(0, 0.25);

    private readonly LanguageModel _model = demo.Model;

    public static TheoryData<string> Policies => ["dense", "plan", "streaming-llm", "two-class"];

    [Theory]
    [MemberData(nameof(Policies))]
    public void Retrieval_answers_are_equal(string policy)
    {
        foreach (string line in new[] { "blunt-otter", "tidy-lake", "calm-river", "brave-stone", "quiet-field" })
        {
            int[] prompt = _model.RequireConversations().EncodePrompt(
                [new ChatMessage(ChatRole.User, DemoModel.Question.Replace("in line calm-river", "in line " + line, StringComparison.Ordinal))]);
            GenerationResult result = AssertEqual(prompt, new GenerationOptions { MaxNewTokens = 60 }, policy);
            Assert.Equal(FinishReason.Stop, result.Finish);
            Assert.Equal(result.Tokens.Length - 1, result.Lookup!.Value.Steps + result.Lookup.Value.Accepted);
            Assert.True(result.Lookup.Value.Drafted > 0); // how many more depends on what they cost
        }
    }

    /// <summary>
    /// Hundreds of tokens, most of them copies of others; the rings of the plans turn many times, among accepted and rejected drafts.
    /// </summary>
    [Theory]
    [MemberData(nameof(Policies))]
    public void Texts_that_repeat_themselves_are_equal(string policy)
    {
        foreach (string sampling in new[] { "greedy", "drawn", "filtered", "penalties" })
        {
            for (ulong seed = 1; seed <= 3; seed++)
            {
                GenerationOptions options = new() { MaxNewTokens = 400, Sampling = Sampling(sampling, seed), LogProbabilities = seed == 2 ? 3 : null };
                _ = AssertEqual(Copies(seed), options, policy);
            }
        }
    }

    /// <summary>Grouped heads with a rule each, and other formats of the rows.</summary>
    [Theory]
    [InlineData("llama-gqa-llama3", ElementType.F32)]
    [InlineData("llama-gqa-llama3", ElementType.BF16)]
    [InlineData("mistral", ElementType.BF16)]
    [InlineData("qwen3", ElementType.F32)]
    public void Runs_side_by_side_are_equal(string name, ElementType type)
    {
        using LoadedModel model = HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", name));
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using Transformer transformer = new(model, backend, maxRows: 48);
        int vocabulary = model.Config.VocabularySize;
        int[][] plain = Run(false), drafted = Run(true);
        Assert.Equal(plain, drafted);

        int[][] Run(bool lookup)
        {
            Random random = new(5);
            GenerationLoop loop = new(transformer);
            List<GenerationRun> runs = [];
            List<SequenceCache> sequences = [];
            List<PromptLookup> lookups = [];
            for (int i = 0; i < 5; i++)
            {
                int[] piece = [.. Enumerable.Range(0, 20 + 7 * i).Select(_ => random.Next(vocabulary))];
                int[] prompt = [.. Enumerable.Repeat(piece, 6).SelectMany(tokens => tokens)];
                ElasticRule[][] rules = [.. Enumerable.Range(0, model.Config.Layers).Select(layer =>
                    Enumerable.Range(0, model.Config.QueryHeads).Select(head => new ElasticRule(64 * (2 + (layer + head + i) % 3), 0)).ToArray())];
                sequences.Add(transformer.CreateSequence(new PlanPolicy(new AttentionPlan(rules, HeadKind.Query)), prompt.Length + 200, type));
                SamplingOptions sampling = i % 2 == 0 ? SamplingOptions.Greedy : new SamplingOptions { Temperature = 0.3, TopK = 5, Seed = (ulong)i };
                lookups.Add(new PromptLookup(sequences[i].Capacity));
                runs.Add(new GenerationRun(
                    sequences[i], prompt, 150 + i, new Sampler(sampling, vocabulary), NoStops,
                    lookup: lookup ? lookups[i] : null)
                { LogProbabilities = i == 3 ? 2 : null });
                loop.Add(runs[i]);
                _ = loop.Step(); // they join one after the other
            }

            while (loop.ActiveRuns > 0)
                Assert.InRange(loop.Step(), 1, 48);
            Assert.Equal(lookup, lookups.Sum(drafter => drafter.Counts.Accepted) > 0);
            for (int i = 0; i < runs.Count; i++)
            {
                Assert.Equal(runs[i].Output.Count, 150 + i);
                Assert.Equal(i == 3 ? 153 : 0, runs[i].Scores.Count);
                Assert.Equal(sequences[i].Capacity - 200 + 150 + i - 1, sequences[i].Length);
                sequences[i].Dispose();
            }

            return [.. runs.Select(run => run.Output.ToArray())];
        }
    }

    /// <summary>A text that ends within accepted drafts: nothing after its end is shown, counted or kept.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(23)]
    [InlineData(100)]
    public void Ends_where_it_would_without(int maxNewTokens)
    {
        int[] prompt = Copies(1);
        GenerationResult whole = AssertEqual(prompt, new GenerationOptions { MaxNewTokens = 120 }, "plan");
        _ = AssertEqual(prompt, new GenerationOptions { MaxNewTokens = maxNewTokens, LogProbabilities = 1 }, "plan");
        string end = whole.Text[(whole.Text.Length / 2)..(whole.Text.Length / 2 + 5)];
        GenerationResult stopped = AssertEqual(
            prompt, new GenerationOptions { MaxNewTokens = 120, Stop = [end], LogProbabilities = 1 }, "plan");
        Assert.Equal(FinishReason.Stop, stopped.Finish);
        Assert.DoesNotContain(end, stopped.Text);
        Assert.Equal(stopped.Tokens.Length, stopped.LogProbabilities.Count);
    }

    [Fact]
    public void Turns_of_a_conversation_are_equal_and_go_on_where_the_caches_end()
    {
        GenerationOptions options = new() { MaxNewTokens = 60 };
        using ChatSession plain = new(_model, Policy("plan"), options), drafted = new(_model, Policy("plan"), options with { Lookup = true });
        foreach (string question in new[] { DemoModel.Question, "What is the <REGISTER_CONTENT> in line tidy-lake?", DemoModel.Question })
        {
            GenerationResult expected = plain.Ask(question), result = drafted.Ask(question);
            Assert.Equal(expected.Tokens, result.Tokens);
            Assert.Equal(plain.CachedTokens, drafted.CachedTokens);
            Assert.False(drafted.ReadAgain);
            Assert.True(result.Lookup!.Value.Drafted > 0);
        }
    }

    [Fact]
    public void Caches_that_cannot_take_tokens_back_take_no_drafts()
    {
        H2oPolicy policy = new(Quarter);
        Assert.Contains("h2o", _model.WhyNoLookup(policy), StringComparison.Ordinal);
        Assert.Null(_model.WhyNoLookup(new DensePolicy()));
        using SequenceCache sequence = _model.Transformer.CreateSequence(policy, 400);
        GenerationResult result = new TextGenerator(_model).Run(sequence, Copies(1), new GenerationOptions { MaxNewTokens = 20, Lookup = true });
        Assert.Null(result.Lookup);
        using SequenceCache empty = _model.Transformer.CreateSequence(policy, 400);
        _ = Assert.Throws<ArgumentException>(() => _model.Transformer.CreateBatch().Add(empty, [1, 2], AttentionMode.Decode));
    }

    /// <summary>A device whose steps take one token of a sequence gets no drafts, and the model says so.</summary>
    [Fact]
    public void A_device_without_drafts_gets_none()
    {
        using HookedBackend backend = new(ComputeBackend.CreateCpu(1));
        using LanguageModel model = LanguageModel.Load(RepositoryFiles.DemoModel, backend);
        Assert.Contains(backend.Description, model.WhyNoLookup(new DensePolicy()), StringComparison.Ordinal);
        using SequenceCache sequence = model.Transformer.CreateSequence(new DensePolicy(), 400);
        Assert.Null(new TextGenerator(model).Run(sequence, Copies(1), new GenerationOptions { MaxNewTokens = 5, Lookup = true }).Lookup);
    }

    private static SamplingOptions Sampling(string name, ulong seed) => name switch
    {
        "greedy" => SamplingOptions.Greedy,
        "drawn" => new SamplingOptions { Temperature = 1, Seed = seed },
        "filtered" => new SamplingOptions { Temperature = 0.7, TopK = 8, TopP = 0.9, MinP = 0.02, Seed = seed },
        _ => new SamplingOptions { Temperature = 0.5, RepetitionPenalty = 1.05, FrequencyPenalty = 0.05, PenaltyLastN = 30, Seed = seed },
    };

    private static AttentionPolicy Policy(string name) => name switch
    {
        "dense" => new DensePolicy(),
        "plan" => new PlanPolicy(new AttentionPlan(
            [.. Enumerable.Range(0, 4).Select(layer => Enumerable.Range(0, 8).Select(head => new ElasticRule(64 * (2 + (layer + head) % 4), 0)).ToArray())],
            HeadKind.Query)),
        "streaming-llm" => new StreamingLlmPolicy(Quarter),
        _ => TwoClassPolicy.OfRetrievalShare(
            TwoClassPolicy.DuoName, [.. Enumerable.Range(0, 4).Select(layer => Enumerable.Range(0, 8).Select(head => (double)(head * 5 % 8 + layer)).ToArray())],
            Quarter, 0.2),
    };

    // The same few tokens over and over, and parts of them in between.
    private static int[] Copies(ulong seed)
    {
        Random random = new((int)seed);
        int[] piece = [.. Enumerable.Range(0, 30).Select(_ => random.Next(60, 1000))];
        return [.. Enumerable.Range(0, 8).SelectMany(i => piece.Skip(i % 3 * 4))];
    }

    private GenerationResult AssertEqual(int[] prompt, GenerationOptions options, string policy)
    {
        GenerationResult expected = Run(options), result = Run(options with { Lookup = true });
        Assert.Equal(expected.Tokens, result.Tokens);
        Assert.Equal((expected.Text, expected.Finish), (result.Text, result.Finish));
        Assert.Equal(expected.LogProbabilities.Select(token => token.Token), result.LogProbabilities.Select(token => token.Token));
        Assert.Equal( // bit for bit
            expected.LogProbabilities.Select(token => token.LogProbability), result.LogProbabilities.Select(token => token.LogProbability));
        return result;

        GenerationResult Run(GenerationOptions asked)
        {
            using SequenceCache sequence = _model.Transformer.CreateSequence(Policy(policy), prompt.Length + asked.MaxNewTokens);
            string shown = "";
            GenerationResult run = new TextGenerator(_model).Run(sequence, prompt, asked, piece => shown += piece);
            Assert.Equal(run.Text, shown);
            Assert.Equal(prompt.Length + run.Tokens.Length - 1, sequence.Length);
            return run;
        }
    }
}
