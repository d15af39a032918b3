using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Evaluation.Retrieval;
using MoA.Evaluation.Ruler;
using MoA.Evaluation.Tasks;
using MoA.Search.Units;

namespace MoA.Evaluation.Tests.Tasks;

/// <summary>Questions that a policy does not see before it has chosen what to keep of the context.</summary>
public sealed class HiddenQuestionTests(DemoModel demo) : IClassFixture<DemoModel>
{
    /// <summary>The answer is that of the rule written down: the context is read, then the question's and the answer's tokens come one by one.</summary>
    [Theory]
    [InlineData("dense")]
    [InlineData("streaming-llm:density=0.5")]
    [InlineData("h2o:density=0.5")]
    [InlineData("snapkv:density=0.5")]
    [InlineData("pyramidkv:density=0.5")]
    [InlineData("infllm:density=0.5")]
    [InlineData("expected-attention:density=0.5")]
    [InlineData("adakv:density=0.5")]
    [InlineData("tova:density=0.5")]
    [InlineData("keydiff:density=0.5")]
    public void The_question_goes_through_the_caches_that_the_context_left(string text)
    {
        AttentionPolicy policy = PolicyReader.Read(text, null, demo.Model.Config);
        EvaluationItem[] items = [.. Retrieval().Items, .. new RulerSets(demo.Model, new RulerOptions { Items = 1 }).Create(RulerSets.Select(["vt"])[0], 512, 0).Items];
        foreach (EvaluationItem item in items)
        {
            Question question = new(item.Prompt, 12, demo.Model.StopTokens, item.Id) { ContextTokens = item.QuestionStart };
            GroupAnswer answer = Assert.Single(AnswersUnit.Compute(demo.Model, policy, ElementType.F32, [question], CancellationToken.None).Answers);
            Assert.Equal(Literally(policy, item, 12), answer.Tokens);
        }
    }

    /// <summary>Tokens that end an answer end nothing where they stand in the question, as those that end a turn do in many templates.</summary>
    [Fact]
    public void The_question_alone_is_hidden_and_ends_nothing()
    {
        EvaluationSet set = Retrieval(), hidden = set.WithHiddenQuestions();
        Assert.Equal((null, "hidden"), (set.Dataset, hidden.Dataset));
        foreach (EvaluationItem item in hidden.Items)
        {
            string question = demo.Model.RequireTokenizer().Decode(item.Prompt.AsSpan(item.QuestionStart), skipSpecialTokens: true);
            Assert.StartsWith("What is the <REGISTER_CONTENT> in line ", question.TrimStart('\n'), StringComparison.Ordinal);
            int[] answer = Answer([]), others = [.. item.Prompt[item.QuestionStart..].Except(answer)];
            Assert.NotEmpty(answer);
            Assert.NotEmpty(others);
            Assert.Equal(answer, Answer(others));

            int[] Answer(int[] stops) => AnswersUnit.Compute(
                demo.Model, new DensePolicy(), ElementType.F32,
                [new Question(item.Prompt, 12, stops.ToHashSet(), item.Id) { ContextTokens = item.QuestionStart }], CancellationToken.None).Answers[0].Tokens;
        }

        // Dense attention keeps everything, whenever it is asked.
        string folder = demo.NewPath();
        EvaluationRun run = new(demo.Model, new EvaluationSettings { Folder = folder, CacheType = ElementType.F32 });
        Assert.Equal(run.Run(set, PolicyChoice.Dense).Accuracy, run.Run(hidden, PolicyChoice.Dense).Accuracy);
        Assert.Equal(2, Directory.GetDirectories(folder).Length);
        Assert.Throws<InvalidInputException>(() => (set with { Items = [set.Items[0] with { QuestionStart = 0 }] }).WithHiddenQuestions());
    }

    /// <summary>What SnapKV keeps of a context is chosen by the question where it is shown.</summary>
    [Fact]
    public void A_policy_that_chooses_by_attention_answers_otherwise()
    {
        EvaluationSet set = RetrievalEvaluation.ItemsOf(demo.Model, RetrievalEvaluation.CreateSet(demo.Model, 512, 20, 3), "test");
        PolicyChoice choice = PolicyChoice.Read("snapkv:density=0.5", null, demo.Model.Config);
        EvaluationRun run = new(demo.Model, new EvaluationSettings { Folder = demo.NewPath() });
        Assert.True(run.Run(set.WithHiddenQuestions(), choice).Accuracy < run.Run(set, choice).Accuracy);
    }

    private EvaluationSet Retrieval() => RetrievalEvaluation.ItemsOf(demo.Model, RetrievalEvaluation.CreateSet(demo.Model, 400, 2, 1), "test");

    private int[] Literally(AttentionPolicy policy, EvaluationItem item, int most)
    {
        Transformer transformer = demo.Model.Transformer;
        using SequenceCache cache = transformer.CreateSequence(policy, item.Prompt.Length + most, ElementType.F32);
        ForwardBatch batch = transformer.CreateBatch();
        float[] logits = new float[transformer.Config.VocabularySize];
        Pass(item.Prompt[..item.QuestionStart], AttentionMode.Prefill);
        foreach (int token in item.Prompt[item.QuestionStart..])
            Pass([token], AttentionMode.Decode);
        List<int> answer = [];
        while (answer.Count < most)
        {
            answer.Add(Array.IndexOf(logits, logits.Max()));
            if (demo.Model.StopTokens.Contains(answer[^1]))
                break;
            Pass([answer[^1]], AttentionMode.Decode);
        }

        return [.. answer];

        void Pass(int[] tokens, AttentionMode mode)
        {
            for (int done = 0; done < tokens.Length;)
            {
                batch.Clear();
                int count = Math.Min(batch.Room, tokens.Length - done), first = batch.Add(cache, tokens.AsSpan(done, count), mode);
                transformer.Forward(batch);
                transformer.Logits(batch, [first + count - 1], logits);
                done += count;
            }
        }
    }
}
