using MoA.Engine.Kernels;
using MoA.Engine.Models;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Generation;

/// <summary>Tells how likely the tokens of prompts were, pass by pass: the logits of some rows of a pass are there at one time, never those of a whole prompt.</summary>
internal sealed class PromptScorer(Transformer transformer, ForwardBatch batch)
{
    private readonly int[] _rows = new int[Transformer.MaxLogitRows];
    private float[] _logits = [];

    /// <summary>Scores the tokens behind those of a piece that has just gone through a pass; the last one of the prompt has none of its own behind it.</summary>
    /// <param name="run">The run.</param>
    /// <param name="first">The piece's first row in the batch.</param>
    /// <param name="count">Tokens of the piece.</param>
    public void Score(GenerationRun run, int first, int count)
    {
        int top = run.PromptLogProbabilities!.Value, vocabulary = transformer.Config.VocabularySize;
        ReadOnlyMemory<int> labels = run.LabelsOf(count);
        for (int done = 0; done < labels.Length;)
        {
            int rows = Math.Min(_rows.Length, labels.Length - done);
            for (int i = 0; i < rows; i++)
                _rows[i] = first + done + i;
            if (_logits.Length < rows * vocabulary)
                _logits = new float[rows * vocabulary];
            transformer.Logits(batch, _rows.AsSpan(0, rows), _logits);
            TokenLogProbability[] scores = new TokenLogProbability[rows];
            using (UseGuard.Use device = transformer.Backend.Use())
            {
                ScoreJob job = new(_logits, vocabulary, labels.Slice(done, rows), top, scores);
                transformer.Backend.Run(ref job, rows);
            }

            run.TakePromptScores(scores);
            done += rows;
        }
    }

    /// <summary>Scores a token an item.</summary>
    private readonly struct ScoreJob(float[] logits, int vocabulary, ReadOnlyMemory<int> labels, int top, TokenLogProbability[] scores) : IParallelJob
    {
        public void Run(int index, int worker) =>
            scores[index] = TokenLogProbability.From(logits.AsSpan(index * vocabulary, vocabulary), labels.Span[index], top);
    }
}
