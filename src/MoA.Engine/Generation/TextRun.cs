using System.Diagnostics;
using System.Text;
using MoA.Engine.KvCache;
using MoA.Engine.Tokenization;

namespace MoA.Engine.Generation;

/// <summary>A run whose tokens become text as they come, up to a stop string.</summary>
internal sealed class TextRun
{
    private readonly StringBuilder _text = new();
    private readonly StopStringScanner _scanner;
    private readonly StreamingDecoder? _decoder;
    private readonly Action<string>? _onText;
    private readonly PromptLookup? _lookup;
    private readonly long _start = Stopwatch.GetTimestamp();
    private TimeSpan? _firstToken;

    /// <summary>Describes a run; as many tokens are written as the options say and the caches hold.</summary>
    public TextRun(
        LanguageModel model, SequenceCache sequence, ReadOnlySpan<int> prompt, GenerationOptions options, Action<string>? onText = null,
        ReadOnlySpan<int> before = default, bool keepsCaches = false)
    {
        _scanner = new StopStringScanner(options.Stop);
        _decoder = model.Tokenizer?.CreateStream(skipSpecialTokens: true, options.ContinuesPrompt ? prompt : []);
        _onText = onText;
        Sampler sampler = new(options.Sampling, model.Config.VocabularySize, options.Constraint);
        sampler.Read(before);
        // The last new token is drawn but never read, so it needs no room.
        int room = sequence.Capacity - sequence.Length - prompt.Length + 1;
        if (options.Lookup && sequence.CanTakeBack && model.Transformer.Backend.StepTokens > 1)
        {
            _lookup = new PromptLookup(sequence.Capacity + 1);
            _lookup.Read(before);
        }

        Run = new GenerationRun(
            sequence, prompt, Math.Max(1, Math.Min(options.MaxNewTokens, room)), sampler, model.StopTokens, OnToken, _lookup)
        {
            LogProbabilities = options.LogProbabilities,
            KeepsCaches = keepsCaches,
        };
    }

    /// <summary>The run, to be added to a loop.</summary>
    public GenerationRun Run { get; }

    /// <summary>What came of it; asked for once, when the run has ended or is given up.</summary>
    public GenerationResult End()
    {
        TimeSpan total = Stopwatch.GetElapsedTime(_start);
        Show(_scanner.Push(_decoder?.Flush() ?? ""));
        Show(_scanner.Flush());
        return new GenerationResult(
            _text.ToString(), [.. Run.Output], Run.Finish == FinishReason.None ? FinishReason.Cancelled : Run.Finish,
            Run.PrefilledTokens, _firstToken ?? total, total - (_firstToken ?? total))
        {
            LogProbabilities = Run.Scores,
            Lookup = _lookup?.Counts,
        };
    }

    private bool OnToken(int token)
    {
        _firstToken ??= Stopwatch.GetElapsedTime(_start);
        if (_decoder is not null)
            Show(_scanner.Push(_decoder.Push(token)));
        return _scanner.Stopped;
    }

    private void Show(string piece)
    {
        if (piece.Length == 0)
            return;
        _ = _text.Append(piece);
        _onText?.Invoke(piece);
    }
}
