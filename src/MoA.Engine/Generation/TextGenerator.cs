using MoA.Engine.KvCache;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Generation;

/// <summary>Continues one sequence and streams its text; for one caller at a time.</summary>
internal sealed class TextGenerator
{
    private readonly UseGuard _use = new("The generator is", typeof(TextGenerator));
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
    /// <param name="sequence">The caches, with room for the prompt; no more new tokens are written than they have room for.</param>
    /// <param name="prompt">Tokens to add.</param>
    /// <param name="options">What to write.</param>
    /// <param name="onText">Sees the text as it comes.</param>
    /// <param name="before">Tokens that the sequence holds already; penalties on repetition see them.</param>
    /// <param name="cancellation">Checked between forward passes, and between the layers of a pass that reads the prompt.</param>
    /// <exception cref="InvalidOperationException">Another caller is using the generator or the model, or what sees the text asks
    /// for more of it.</exception>
    /// <exception cref="ObjectDisposedException">The model or the sequence was disposed.</exception>
    public GenerationResult Run(
        SequenceCache sequence,
        ReadOnlySpan<int> prompt,
        GenerationOptions options,
        Action<string>? onText = null,
        ReadOnlySpan<int> before = default,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        using UseGuard.Use use = _use.TakeAlone();
        TextRun text = new(_model, sequence, prompt, options, onText, before);
        _loop.Add(text.Run);
        try
        {
            while (text.Run.Finish == FinishReason.None)
            {
                cancellation.ThrowIfCancellationRequested();
                _ = _loop.Step(cancellation);
            }
        }
        finally
        {
            _ = _loop.Remove(text.Run);
        }

        return text.End();
    }
}
