using System.Diagnostics;
using System.Text;
using MoA.Engine.KvCache;
using MoA.Engine.Tokenization;

namespace MoA.Engine.Generation;

/// <summary>Continues one sequence and streams its text.</summary>
public sealed class TextGenerator
{
    private readonly LanguageModel _model;
    private readonly GenerationLoop _loop;

    /// <summary>A generator over a model.</summary>
    public TextGenerator(LanguageModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        _loop = new GenerationLoop(model.Transformer);
    }

    /// <summary>Prefills the prompt onto the sequence and writes until it ends.</summary>
    /// <param name="sequence">The caches, with room for prompt and new tokens.</param>
    /// <param name="prompt">Tokens to add.</param>
    /// <param name="options">What to write.</param>
    /// <param name="onText">Sees the text as it comes.</param>
    /// <param name="before">Tokens that the sequence holds already; penalties on repetition see them.</param>
    /// <param name="cancellation">Checked between forward passes.</param>
    public GenerationResult Run(
        SequenceCache sequence,
        ReadOnlySpan<int> prompt,
        GenerationOptions options,
        Action<string>? onText = null,
        ReadOnlySpan<int> before = default,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        StringBuilder text = new();
        StopStringScanner scanner = new(options.Stop);
        StreamingDecoder? decoder = _model.Tokenizer?.CreateStream(
            skipSpecialTokens: true, options.ContinuesPrompt ? prompt : []);
        Sampler sampler = new(options.Sampling, _model.Config.VocabularySize);
        sampler.Read(before);
        GenerationRun run = new(sequence, prompt, options.MaxNewTokens, sampler, _model.StopTokens, OnToken);
        long start = Stopwatch.GetTimestamp();
        TimeSpan? firstToken = null;
        _loop.Add(run);
        try
        {
            while (run.Finish == FinishReason.None)
            {
                cancellation.ThrowIfCancellationRequested();
                _ = _loop.Step();
                if (firstToken is null && run.Output.Count > 0)
                    firstToken = Stopwatch.GetElapsedTime(start);
            }
        }
        finally
        {
            _ = _loop.Remove(run);
        }

        TimeSpan total = Stopwatch.GetElapsedTime(start);
        Show(scanner.Push(decoder?.Flush() ?? ""));
        Show(scanner.Flush());
        return new GenerationResult(
            text.ToString(), [.. run.Output], run.Finish, prompt.Length, firstToken ?? total, total - (firstToken ?? total));

        bool OnToken(int token)
        {
            if (decoder is not null)
                Show(scanner.Push(decoder.Push(token)));
            return scanner.Stopped;
        }

        void Show(string piece)
        {
            if (piece.Length == 0)
                return;
            _ = text.Append(piece);
            onText?.Invoke(piece);
        }
    }
}
