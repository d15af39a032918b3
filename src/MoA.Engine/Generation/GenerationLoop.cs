using System.Diagnostics;
using MoA.Engine.Kernels;
using MoA.Engine.Models;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Generation;

/// <summary>
/// Advances any number of runs together. Every step is one forward pass over the last token of each run that is decoding and
/// what its <see cref="PromptLookup"/> drafts, and, in the rows left, pieces of the prompts of those that are not yet; runs join
/// and leave at any step, also from what sees a run's tokens. One thread at a time: another one gets an exception at once.
/// </summary>
internal sealed class GenerationLoop
{
    private static readonly Comparer<GenerationRun> LeastLeft =
        Comparer<GenerationRun>.Create(static (one, other) => one.RestOfPrompt.Length.CompareTo(other.RestOfPrompt.Length));

    private readonly Lock _gate = new();
    private readonly Transformer _transformer;
    private readonly ForwardBatch _batch;
    private readonly List<GenerationRun> _active = [];
    private readonly List<(GenerationRun Run, int Row)> _ready = [];
    private readonly List<(GenerationRun Run, int First, int Tokens)> _prefilled = [];
    private readonly List<GenerationRun> _reading = [];
    private readonly DraftCost _draftCost = new();
    private readonly PromptScorer _scorer;
    private float[] _logits = [];
    private bool _stepping;
    private bool _pieceWaits; // a piece of a prompt that must be read whole has the next pass to itself

    /// <summary>A loop over a model.</summary>
    public GenerationLoop(Transformer transformer)
    {
        ArgumentNullException.ThrowIfNull(transformer);
        _transformer = transformer;
        _batch = transformer.CreateBatch();
        _scorer = new PromptScorer(transformer, _batch);
    }

    /// <summary>Most tokens of prompts in a step; by default as many as a pass takes, 0 for steps without.</summary>
    internal int MaxPromptTokens { get; set; } = int.MaxValue;

    /// <summary>Runs that have not ended.</summary>
    public int ActiveRuns => _active.Count;

    /// <summary>
    /// Lets a run join at the next step. What is wrong with a run is found here, so that it cannot break a step that others
    /// share.
    /// </summary>
    /// <exception cref="InvalidInputException">A token of the prompt is not in the vocabulary.</exception>
    /// <exception cref="ArgumentException">The run has ended or does not fit its sequence, the sequence was made for another
    /// model, or another run continues the same one.</exception>
    /// <exception cref="ObjectDisposedException">The run's sequence was disposed.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the loop.</exception>
    public void Add(GenerationRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        Enter();
        try
        {
            Check(run);
            _active.Add(run);
        }
        finally
        {
            _gate.Exit();
        }
    }

    /// <summary>Drops a run that nobody waits for any more; its caches hold what was read of its prompt, and what it wrote but for the last token.</summary>
    /// <exception cref="InvalidOperationException">Another thread is using the loop.</exception>
    public bool Remove(GenerationRun run)
    {
        Enter();
        try
        {
            return _active.Remove(run);
        }
        finally
        {
            _gate.Exit();
        }
    }

    /// <summary>
    /// One forward pass. Returns the number of tokens that went through it, drafts in vain not counted. After an exception the runs stand in the middle
    /// of a token: drop them all. After a cancelled step those whose caches are not cut off can go on.
    /// </summary>
    /// <param name="cancellation">Checked between the layers of a pass that reads prompts.</param>
    /// <exception cref="ObjectDisposedException">The model or a run's sequence was disposed.</exception>
    /// <exception cref="InvalidOperationException">Another thread is using the loop or the model, or a step is asked for
    /// within one.</exception>
    public int Step(CancellationToken cancellation = default)
    {
        Enter();
        bool within = _stepping;
        try
        {
            if (within)
                throw new InvalidOperationException("A step cannot be taken within a step.");
            _stepping = true;
            return StepAlone(cancellation);
        }
        finally
        {
            _stepping = within;
            _gate.Exit();
        }
    }

    /// <summary>Runs all to their ends.</summary>
    public void RunToEnd(CancellationToken cancellation = default)
    {
        while (ActiveRuns > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            _ = Step(cancellation);
        }
    }

    // A lock, not a guard: what sees a run's tokens may add and remove runs within a step.
    private void Enter()
    {
        if (!_gate.TryEnter())
            throw new InvalidOperationException("Another thread is using the loop: one at a time.");
    }

    private void Check(GenerationRun run)
    {
        if (run.Finish != FinishReason.None)
            throw new ArgumentException("The run has ended; make another one.", nameof(run));
        run.Sequence.CheckFor(_transformer.Config);
        // The last new token is drawn but never read, so it needs no room.
        if ((long)run.Sequence.Length + run.RestOfPrompt.Length + Math.Max(run.MaxNewTokens, 1) - 1 > run.Sequence.Capacity)
            throw new ArgumentException("The sequence has no room for the prompt and the new tokens.", nameof(run));
        if (_active.Exists(other => other.Sequence == run.Sequence))
            throw new ArgumentException("Another run continues this sequence.", nameof(run));
        foreach (int token in run.RestOfPrompt)
            ForwardBatch.CheckToken(token, _transformer.Config);
    }

    private int StepAlone(CancellationToken cancellation)
    {
        _batch.Clear();
        _ready.Clear();
        _prefilled.Clear();
        bool forPiece = _pieceWaits;
        if (!forPiece)
            AddDecoding();
        AddPrefilling();
        if (forPiece && _batch.Rows == 0)
            AddDecoding(); // who waited has left, or no prompt is to be read now
        int rows = _batch.Rows;
        if (rows == 0)
            return 0;
        long start = Stopwatch.GetTimestamp();
        _transformer.Forward(_batch, MayBeCutOff() ? cancellation : default);
        foreach ((GenerationRun run, int first, int tokens) in _prefilled)
        {
            if (run.PromptLogProbabilities is not null)
                _scorer.Score(run, first, tokens);
            run.Prefilled(tokens);
        }

        Draw();
        if (_prefilled.Count == 0)
            _draftCost.Note(_ready.Count, rows - _ready.Count, Stopwatch.GetElapsedTime(start).TotalSeconds);
        rows -= Accept();
        _active.RemoveAll(static run => run.Finish != FinishReason.None);
        return rows;
    }

    // All fit: a run only begins to decode after a step in which it had a row beside those that decoded already.
    private void AddDecoding()
    {
        int most = MostTokens();
        foreach (GenerationRun run in _active)
        {
            if (!run.IsPrefilling)
                _ready.Add((run, _batch.Add(run.Sequence, run.NextTokens(most), AttentionMode.Decode)));
        }
    }

    // Drafts share what a step takes at little cost beside the runs' last tokens. A pass that reads prompts is bound by arithmetic:
    // drafts are not free there, and neither could it be cut off.
    private int MostTokens()
    {
        foreach (GenerationRun run in _active)
        {
            if (run.IsPrefilling)
                return 1;
        }

        return Math.Max(1, Math.Min(_transformer.Backend.StepTokens, _transformer.MaxRows) / Math.Max(1, _active.Count));
    }

    // Half of what may be read goes to the prompt that came first, the other half to those that have least left: short ones do not wait for
    // long ones, and none waits for ever. A piece that must be read whole is, be it more than that.
    private void AddPrefilling()
    {
        _pieceWaits = false;
        int most = Math.Min(_batch.Room, MaxPromptTokens);
        if (most == 0)
            return;
        _reading.Clear();
        foreach (GenerationRun run in _active)
        {
            if (run.IsPrefilling)
                _reading.Add(run);
        }

        if (_reading.Count == 0)
            return;
        GenerationRun first = _reading[0];
        if (first.NextPiece(most) == 0)
            most = _batch.Room;
        int share = first.NextPiece(_reading.Count == 1 ? most : (most + 1) / 2);
        int rest = most - (share > 0 ? share : first.NextPiece(most));
        _reading.Sort(1, _reading.Count - 1, LeastLeft);
        int others = 0;
        for (int i = 1; i < _reading.Count && others < rest; i++)
            others += _reading[i].NextPiece(rest - others);
        most -= AddPiece(first, most - others);
        for (int i = 1; i < _reading.Count && most > 0; i++)
            most -= AddPiece(_reading[i], most);
        _pieceWaits = _prefilled.Count == 0;
    }

    private int AddPiece(GenerationRun run, int most)
    {
        int count = run.NextPiece(most), left = run.RestOfPrompt.Length;
        if (count == 0)
            return 0;
        int first = _batch.Add(run.Sequence, run.RestOfPrompt[..count], AttentionMode.Prefill, left - count);
        _prefilled.Add((run, first, count));
        if (count == left && run.MaxNewTokens > 0)
            _ready.Add((run, first + count - 1));
        return count;
    }

    // A pass that only decodes is over before anyone could wait for it.
    private bool MayBeCutOff()
    {
        foreach ((GenerationRun run, _, int tokens) in _prefilled)
        {
            if (run.KeepsCaches && !run.Sequence.CanDrop(tokens))
                return false;
        }

        return _prefilled.Count > 0;
    }

    private void Draw()
    {
        Span<int> rows = stackalloc int[Transformer.MaxLogitRows];
        for (int done = 0, runs; done < _ready.Count; done += runs)
        {
            int count = Collect(done, rows, out runs);
            if (!TryDraw(done, runs, rows[..count]))
                DrawHere(done, runs, rows[..count]);
        }
    }

    // Lists the rows of as many runs as fit one computation of logits.
    private int Collect(int first, Span<int> rows, out int runs)
    {
        int count = 0;
        for (runs = 0; first + runs < _ready.Count; runs++)
        {
            (GenerationRun run, int row) = _ready[first + runs];
            if (count + run.Rows > rows.Length)
                break;
            for (int i = 0; i < run.Rows; i++)
                rows[count++] = row + i;
        }

        return count;
    }

    // Returns the rows that were drafted in vain.
    private int Accept()
    {
        int all = 0;
        foreach ((GenerationRun run, _) in _ready)
        {
            int drafted = run.Rows - 1, vain = run.Accept(_draftCost.Share);
            run.Sequence.TakeBack(vain, drafted);
            all += vain;
        }

        return all;
    }

    // Where nothing but the tokens is needed, logits stay on the device.
    private bool TryDraw(int first, int runs, ReadOnlySpan<int> rows)
    {
        for (int i = first; i < first + runs; i++)
        {
            if (!_ready[i].Run.CanBeDrawn)
                return false;
        }

        Span<TokenDraw> draws = stackalloc TokenDraw[Transformer.MaxLogitRows];
        Span<int> tokens = stackalloc int[Transformer.MaxLogitRows];
        for (int i = first, count = 0; i < first + runs; i++)
        {
            for (int row = 0; row < _ready[i].Run.Rows; row++)
                draws[count++] = _ready[i].Run.Describe(row);
        }

        _transformer.Draw(_batch, rows, draws[..rows.Length], tokens);
        for (int i = first, row = 0; i < first + runs; row += _ready[i].Run.Rows, i++)
            _ready[i].Run.Draw(tokens.Slice(row, _ready[i].Run.Rows));
        return true;
    }

    private void DrawHere(int first, int runs, ReadOnlySpan<int> rows)
    {
        int vocabulary = _transformer.Config.VocabularySize;
        if (_logits.Length < rows.Length * vocabulary)
            _logits = new float[rows.Length * vocabulary];
        _transformer.Logits(_batch, rows, _logits);
        using UseGuard.Use device = _transformer.Backend.Use();
        DrawJob job = new(_ready, first, _logits, vocabulary);
        _transformer.Backend.Run(ref job, runs);
    }

    /// <summary>Draws for one run an item: each has its own random numbers, penalties and likelihoods.</summary>
    private readonly struct DrawJob(List<(GenerationRun Run, int Row)> runs, int first, float[] logits, int vocabulary) : IParallelJob
    {
        // The logits are those of the runs' rows, one run behind the other.
        public void Run(int index, int worker)
        {
            int row = 0;
            for (int i = first; i < first + index; i++)
                row += runs[i].Run.Rows;
            GenerationRun run = runs[first + index].Run;
            run.Draw(logits.AsSpan(row * vocabulary, run.Rows * vocabulary), vocabulary);
        }
    }
}
