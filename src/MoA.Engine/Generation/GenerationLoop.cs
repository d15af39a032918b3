using MoA.Engine.Kernels;
using MoA.Engine.Models;

namespace MoA.Engine.Generation;

/// <summary>
/// Advances any number of runs together. Every step is one forward pass over one token of each run that is decoding and,
/// in the rows left, pieces of the prompts of those that are not yet; runs join and leave at any step.
/// </summary>
public sealed class GenerationLoop
{
    private readonly Transformer _transformer;
    private readonly ForwardBatch _batch;
    private readonly List<GenerationRun> _active = [];
    private readonly List<(GenerationRun Run, int Row)> _ready = [];
    private readonly int[] _token = new int[1];

    /// <summary>A loop over a model.</summary>
    public GenerationLoop(Transformer transformer)
    {
        ArgumentNullException.ThrowIfNull(transformer);
        _transformer = transformer;
        _batch = transformer.CreateBatch();
    }

    /// <summary>Runs that have not ended.</summary>
    public int ActiveRuns => _active.Count;

    /// <summary>
    /// Lets a run join at the next step. What is wrong with a run is found here, so that it cannot break a step that others
    /// share.
    /// </summary>
    /// <exception cref="InvalidInputException">A token of the prompt is not in the vocabulary.</exception>
    /// <exception cref="ArgumentException">The run does not fit its sequence, or another run continues the same one.</exception>
    public void Add(GenerationRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        // The last new token is drawn but never read, so it needs no room.
        if ((long)run.Sequence.Length + run.RestOfPrompt.Length + run.MaxNewTokens - 1 > run.Sequence.Capacity)
            throw new ArgumentException("The sequence has no room for the prompt and the new tokens.", nameof(run));
        if (_active.Exists(other => other.Sequence == run.Sequence))
            throw new ArgumentException("Another run continues this sequence.", nameof(run));
        foreach (int token in run.RestOfPrompt)
            ForwardBatch.CheckToken(token, _transformer.Config);
        _active.Add(run);
    }

    /// <summary>Drops a run that nobody waits for any more.</summary>
    public bool Remove(GenerationRun run) => _active.Remove(run);

    /// <summary>
    /// One forward pass. Returns the number of tokens that went through it. After an exception the runs stand in the middle
    /// of a token: drop them all.
    /// </summary>
    public int Step()
    {
        _batch.Clear();
        _ready.Clear();
        AddDecoding();
        AddPrefilling();
        if (_batch.Rows == 0)
            return 0;
        _transformer.Forward(_batch);
        Sample();
        _active.RemoveAll(static run => run.Finish != FinishReason.None);
        return _batch.Rows;
    }

    /// <summary>Runs all to their ends.</summary>
    public void RunToEnd(CancellationToken cancellation = default)
    {
        while (ActiveRuns > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            _ = Step();
        }
    }

    // All fit: a run only begins to decode after a step in which it had a row beside those that decoded already.
    private void AddDecoding()
    {
        foreach (GenerationRun run in _active)
        {
            if (run.IsPrefilling)
                continue;
            _token[0] = run.LastToken;
            _ready.Add((run, _batch.Add(run.Sequence, _token, AttentionMode.Decode)));
        }
    }

    // First come, first served.
    private void AddPrefilling()
    {
        foreach (GenerationRun run in _active)
        {
            int count = Math.Min(_batch.Room, run.RestOfPrompt.Length);
            if (count == 0)
                continue;
            int first = _batch.Add(run.Sequence, run.RestOfPrompt[..count], AttentionMode.Prefill);
            run.Prefilled(count);
            if (!run.IsPrefilling)
                _ready.Add((run, first + count - 1));
        }
    }

    private void Sample()
    {
        int vocabulary = _transformer.Config.VocabularySize;
        Span<int> rows = stackalloc int[Transformer.MaxLogitRows];
        for (int done = 0; done < _ready.Count; done += rows.Length)
        {
            int count = Math.Min(rows.Length, _ready.Count - done);
            for (int i = 0; i < count; i++)
                rows[i] = _ready[done + i].Row;
            ReadOnlySpan<float> logits = _transformer.Logits(rows[..count]);
            for (int i = 0; i < count; i++)
                _ready[done + i].Run.Accept(logits.Slice(i * vocabulary, vocabulary));
        }
    }
}
