using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Tokenization;
using MoA.Tests;

namespace MoA.Engine.Tests.Generation;

/// <summary>Penalties against the formulas of transformers and of OpenAI's API, and what they do to sequences.</summary>
public sealed class PenaltyTests
{
    private static readonly HashSet<int> NoStops = [];

    private static readonly float[] Logits = [2, -1, 0.5f, 3, 0];

    public static TheoryData<string, SamplingOptions, float[]> Cases() => new()
    {
        // The prompt is 0 1 1, the output 3 3 2.
        { "repetition sees all", new() { RepetitionPenalty = 2 }, [1, -2, 0.25f, 1.5f, 0] },
        { "below 1 it invites", new() { RepetitionPenalty = 0.5 }, [4, -0.5f, 1, 6, 0] },
        { "frequency counts the output", new() { FrequencyPenalty = 0.5 }, [2, -1, 0, 2, 0] },
        { "presence does not count", new() { PresencePenalty = 0.75 }, [2, -1, -0.25f, 2.25f, 0] },
        { "repetition comes first", new() { RepetitionPenalty = 2, FrequencyPenalty = 0.5, PresencePenalty = 0.25 }, [1, -2, -0.5f, 0.25f, 0] },
        { "the last two", new() { RepetitionPenalty = 2, FrequencyPenalty = 1, PenaltyLastN = 2 }, [2, -1, -0.75f, 0.5f, 0] },
        { "the last five", new() { RepetitionPenalty = 2, FrequencyPenalty = 1, PenaltyLastN = 5 }, [2, -2, -0.75f, -0.5f, 0] },
        { "none of the last", new() { RepetitionPenalty = 2, FrequencyPenalty = 1, PenaltyLastN = 0 }, Logits },
        { "no token twice", new() { NoRepeatNgramSize = 1 }, [float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity, 0] },
        { "no pair twice: nothing followed 2", new() { NoRepeatNgramSize = 2 }, Logits },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Logits_are_those_worked_out_by_hand(string name, SamplingOptions options, float[] expected)
    {
        LogitPenalties penalties = new(options, Logits.Length);
        penalties.Read([0, 1, 1]);
        foreach (int token in (int[])[3, 3, 2])
            penalties.Add(token);
        for (int time = 0; time < 2; time++) // a call leaves nothing behind
            Assert.True(expected.SequenceEqual(penalties.Apply(Logits).ToArray()), name);
    }

    [Fact]
    public void No_sequence_of_tokens_comes_twice()
    {
        LogitPenalties penalties = new(new SamplingOptions { NoRepeatNgramSize = 3 }, 5);
        penalties.Read([0, 1, 2, 0, 1]);
        Assert.Equal(new[] { 2 }, Forbidden());
        penalties.Add(3);
        Assert.Equal([], Forbidden());
        penalties.Add(0);
        penalties.Add(1);
        Assert.Equal([2, 3], Forbidden()); // after 0 1 came 2 and 3

        int[] Forbidden() => [.. penalties.Apply(Logits).ToArray().Select((logit, token) => (logit, token))
            .Where(entry => float.IsNegativeInfinity(entry.logit)).Select(entry => entry.token)];
    }

    [Fact]
    public void Any_tokens_are_penalised_as_defined()
    {
        const int vocabulary = 12;
        Gen<int[]> tokens = Gen.Choose(0, vocabulary - 1).ArrayOf();
        Gen<double> numbers = Gen.Choose(-20, 20).Select(number => number / 8.0);
        Gen<(int[] Prompt, int[] Output, double[] Logits, SamplingOptions Options)> cases =
            from prompt in tokens
            from output in tokens
            from logits in numbers.ArrayOf(vocabulary)
            from repetition in Gen.Elements(1, 0.5, 1.25, 4)
            from frequency in Gen.Elements(0, -0.5, 0.25, 2)
            from presence in Gen.Elements(0, -1, 0.125, 2)
            from last in Gen.Elements<int?>(null, 0, 1, 3, 10)
            select (prompt, output, logits, new SamplingOptions
            {
                RepetitionPenalty = repetition,
                FrequencyPenalty = frequency,
                PresencePenalty = presence,
                PenaltyLastN = last,
            });
        Prop.ForAll(cases.ToArbitrary(), test =>
        {
            LogitPenalties penalties = new(test.Options, vocabulary);
            penalties.Read(test.Prompt);
            foreach (int token in test.Output)
                penalties.Add(token);
            int last = test.Options.PenaltyLastN ?? int.MaxValue;
            int[] seen = [.. test.Prompt.Concat(test.Output).TakeLast(last)], written = [.. test.Output.TakeLast(last)];
            double[] expected = [.. test.Logits.Select((logit, token) =>
                (!seen.Contains(token) ? logit : logit < 0 ? logit * test.Options.RepetitionPenalty : logit / test.Options.RepetitionPenalty)
                - (written.Count(one => one == token) * test.Options.FrequencyPenalty)
                - (written.Contains(token) ? test.Options.PresencePenalty : 0))];
            float[] found = penalties.Apply([.. test.Logits.Select(logit => (float)logit)]).ToArray();
            Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        }).Holds(300);
    }

    [Fact]
    public void A_sampler_draws_under_its_penalties_and_allocates_nothing()
    {
        foreach (double temperature in (double[])[0, 1])
        {
            Sampler sampler = new(
                new SamplingOptions { Temperature = temperature, RepetitionPenalty = 1.1, FrequencyPenalty = 1, NoRepeatNgramSize = 2, TopK = 50 }, 1000);
            float[] logits = [.. Enumerable.Range(0, 1000).Select(token => token % 37 * 0.1f)];
            sampler.Read([1, 2, 3]);
            sampler.Reserve(500);
            _ = sampler.Next(logits);
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int step = 0; step < 400; step++)
                _ = sampler.Next(logits);
            Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        }
    }

    [Fact]
    public void A_sampler_says_when_every_token_is_forbidden()
    {
        Sampler sampler = new(new SamplingOptions { NoRepeatNgramSize = 1 }, 3);
        sampler.Read([2]);
        Assert.Equal([1, 0], new[] { sampler.Next([0, 1, 2]), sampler.Next([0, 1, 2]) });
        Assert.Contains("no-repeat-ngram-size", Assert.Throws<InvalidOperationException>(() => sampler.Next([0, 1, 2])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("repetition-penalty 0:")]
    [InlineData("repetition-penalty NaN:")]
    [InlineData("frequency-penalty 1000:")]
    [InlineData("presence-penalty -Infinity:")]
    [InlineData("penalty-last-n -2:")]
    [InlineData("no-repeat-ngram-size -1:")]
    public void Penalties_out_of_range_are_refused(string said)
    {
        SamplingOptions options = said.Split(' ')[0] switch
        {
            "repetition-penalty" => new() { RepetitionPenalty = said.Contains("NaN", StringComparison.Ordinal) ? double.NaN : 0 },
            "frequency-penalty" => new() { FrequencyPenalty = 1000 },
            "presence-penalty" => new() { PresencePenalty = double.NegativeInfinity },
            "penalty-last-n" => new() { PenaltyLastN = -2 },
            _ => new() { NoRepeatNgramSize = -1 },
        };
        Assert.StartsWith(said, Assert.Throws<InvalidInputException>(options.Check).Message, StringComparison.Ordinal);
    }

    /// <summary>Each of several sequences of other lengths, side by side, holds no token twice: not of its own prompt, nor of its output.</summary>
    [Fact]
    public void Sequences_side_by_side_are_penalised_for_their_own_tokens()
    {
        using LoadedModel model = HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", "llama-mha"));
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using Transformer transformer = new(model, backend, maxRows: 16);
        GenerationLoop loop = new(transformer);
        int[][] prompts = [.. Enumerable.Range(0, 5).Select(i => Enumerable.Range(7 * i, 1 + (9 * i)).ToArray())];
        SequenceCache[] caches = [.. prompts.Select(prompt => transformer.CreateSequence(new DensePolicy(), prompt.Length + 20))];
        GenerationRun[] runs = [.. prompts.Select((prompt, i) => new GenerationRun(caches[i], prompt, 20, new Sampler(
            new SamplingOptions { NoRepeatNgramSize = 1, Temperature = i % 2 }, model.Config.VocabularySize), NoStops))];
        foreach (GenerationRun run in runs)
            loop.Add(run);
        loop.RunToEnd();
        foreach ((int[] prompt, GenerationRun run) in prompts.Zip(runs))
            Assert.Equal(prompt.Length + 20, prompt.Concat(run.Output).Distinct().Count());
        foreach (SequenceCache cache in caches)
            cache.Dispose();
    }

    /// <summary>What the caches keep from earlier turns counts as what is read again.</summary>
    [Fact]
    public void A_second_turn_is_penalised_for_the_first()
    {
        using DemoModel demo = new();
        GenerationOptions options = new() { MaxNewTokens = 12, Sampling = new() { RepetitionPenalty = 1.3, NoRepeatNgramSize = 2 } };
        using ChatSession session = new(demo.Model, new DensePolicy(), options);
        _ = session.Ask(DemoModel.Question);
        GenerationResult second = session.Ask(DemoModel.Question);
        Assert.False(session.ReadAgain);
        int[] prompt = demo.Model.RequireConversations().EncodePrompt([.. session.Messages.Take(3)]);
        using SequenceCache cache = demo.Model.Transformer.CreateSequence(new DensePolicy(), prompt.Length + 12);
        Assert.Equal(new TextGenerator(demo.Model).Run(cache, prompt, options).Tokens, second.Tokens);
    }
}
