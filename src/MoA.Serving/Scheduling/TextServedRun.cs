using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Serving.Telemetry;

namespace MoA.Serving.Scheduling;

/// <summary>A request for text.</summary>
internal sealed class TextServedRun : ServedRun
{
    private readonly Channel<GenerationPiece> _pieces = Replies.NewChannel<GenerationPiece>();
    private readonly TaskCompletionSource<GenerationOutcome> _outcome = Replies.NewOutcome<GenerationOutcome>();
    private readonly StringBuilder _text = new();
    private readonly StopStringScanner _scanner;
    private readonly StreamingDecoder? _decoder;
    private string _new = "";
    private volatile IReadOnlyList<TokenLogProbability> _ofPrompt = [];

    public TextServedRun(LanguageModel model, GenerationRequest request, int[] prompt, int newTokens)
        : base(request, prompt, newTokens)
    {
        _scanner = new StopStringScanner(request.Stop);
        _decoder = model.Tokenizer?.CreateStream(!request.ShowsSpecialTokens, request.ContinuesPrompt ? prompt : []);
        Reply = new TextServedReply(this);
    }

    /// <summary>What the caller gets.</summary>
    public TextReply Reply { get; }

    protected override bool Read(int token)
    {
        if (_decoder is not null)
            _new += _scanner.Push(_decoder.Push(token));
        return _scanner.Stopped;
    }

    protected override void PassOver()
    {
        _ = _text.Append(_new);
        _new = "";
    }

    protected override void Show(int tokens, IReadOnlyList<TokenLogProbability> scores)
    {
        int[] written = new int[tokens];
        for (int i = 0; i < tokens; i++)
            written[i] = Run!.Output[Run.Output.Count - tokens + i];
        _ = _text.Append(_new);
        NotePrompt();
        _ = _pieces.Writer.TryWrite(new GenerationPiece(_new, written, scores));
        _new = "";
    }

    protected override void Complete(FinishReason finish, Usage usage)
    {
        string rest = _scanner.Push(_decoder?.Flush() ?? "") + _scanner.Flush();
        NotePrompt();
        if (rest.Length > 0)
        {
            _ = _text.Append(rest);
            _ = _pieces.Writer.TryWrite(new GenerationPiece(rest, [], []));
        }

        Telemetry?.End(RequestTelemetry.NameOf(finish), usage);
        _ = _outcome.TrySetResult(new GenerationOutcome(_text.ToString(), [.. Run?.Output ?? []], finish, usage));
        _ = _pieces.Writer.TryComplete();
    }

    protected override void Break(Exception failure)
    {
        _ = _outcome.TrySetException(failure);
        _ = _pieces.Writer.TryComplete(failure);
    }

    // Nothing changes there any more once the prompt has been read.
    private void NotePrompt()
    {
        if (Run is { PromptScores.Count: > 0 } run)
            _ofPrompt = run.PromptScores;
    }

    private sealed class TextServedReply(TextServedRun run) : TextReply
    {
        public override Task<GenerationOutcome> Outcome => run._outcome.Task;

        public override Task Started => run.Started;

        public override int PromptTokens => run.Prompt.Length;

        public override int TokensRead => run.TokensRead;

        public override IReadOnlyList<TokenLogProbability> PromptLogProbabilities => run._ofPrompt;

        public override void Cancel() => run.Cancel();

        public override IAsyncEnumerator<GenerationPiece> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
            Replies.Read(run._pieces.Reader, run.Cancel, cancellationToken);

        public override ValueTask DisposeAsync() => Replies.End(run.Cancel, run._outcome.Task);
    }
}
