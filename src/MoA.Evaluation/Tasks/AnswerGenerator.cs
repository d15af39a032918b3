using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Evaluation.Tasks;

/// <summary>Lets a model answer a group of prompts side by side, greedily, through a policy's caches.</summary>
internal sealed class AnswerGenerator(LanguageModel model, ElementType cacheType)
{
    /// <summary>Tokens that went through the model so far.</summary>
    public long Tokens { get; private set; }

    /// <summary>The answers in the order of the items.</summary>
    public WrittenAnswer[] Write(AttentionPolicy policy, IReadOnlyList<EvaluationItem> group, CancellationToken cancellation)
    {
        GenerationLoop loop = new(model.Transformer);
        SequenceCache[] sequences = new SequenceCache[group.Count];
        try
        {
            GenerationRun[] runs = new GenerationRun[group.Count];
            for (int i = 0; i < runs.Length; i++)
            {
                EvaluationItem item = group[i];
                model.CheckLength(item.Length, item.Id);
                sequences[i] = model.Transformer.CreateSequence(policy, item.Length, cacheType);
                Sampler sampler = new(SamplingOptions.Greedy, model.Config.VocabularySize);
                IReadOnlySet<int> stops = item.StopTokens.Count == 0
                    ? model.StopTokens
                    : model.StopTokens.Union(item.StopTokens).ToHashSet();
                runs[i] = new GenerationRun(sequences[i], item.Prompt, item.MaxNewTokens, sampler, stops) { MinNewTokens = item.MinNewTokens };
                loop.Add(runs[i]);
            }

            while (loop.ActiveRuns > 0)
            {
                cancellation.ThrowIfCancellationRequested();
                Tokens += loop.Step(cancellation);
            }

            return [.. runs.Select((run, i) => new WrittenAnswer(
                model.RequireTokenizer().Decode(run.Output.ToArray(), skipSpecialTokens: true), run.Output.Count, sequences[i].Bytes))];
        }
        finally
        {
            foreach (SequenceCache? sequence in sequences)
                sequence?.Dispose();
        }
    }
}
