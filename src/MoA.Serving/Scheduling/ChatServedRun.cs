using System.Text;
using System.Threading.Channels;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Serving.Chat;
using MoA.Serving.Telemetry;

namespace MoA.Serving.Scheduling;

/// <summary>A request for an answer.</summary>
internal sealed class ChatServedRun : ServedRun
{
    private readonly Channel<ChatPiece> _pieces = Replies.NewChannel<ChatPiece>();
    private readonly TaskCompletionSource<ChatOutcome> _outcome = Replies.NewOutcome<ChatOutcome>();
    private readonly StringBuilder _text = new();
    private readonly StopStringScanner _scanner;
    private readonly StreamingDecoder _decoder;
    private string _new = "";

    public ChatServedRun(ChatReader reader, ChatRequest chat, GenerationRequest request, int[] prompt, int newTokens)
        : base(request, prompt, newTokens)
    {
        _scanner = new StopStringScanner(chat.Stop);
        _decoder = reader.Model.RequireTokenizer().CreateStream(skipSpecialTokens: true);
        Reply = new ChatServedReply(this);
    }

    /// <summary>What the caller gets.</summary>
    public ChatReply Reply { get; }

    protected override bool Read(int token)
    {
        _new += _scanner.Push(_decoder.Push(token));
        return _scanner.Stopped;
    }

    protected override void Show(int tokens, IReadOnlyList<TokenLogProbability> scores)
    {
        Show(new ChatPiece { Text = _new, LogProbabilities = scores });
        _new = "";
    }

    protected override void Complete(FinishReason finish, Usage usage)
    {
        Show(new ChatPiece { Text = _scanner.Push(_decoder.Flush()) + _scanner.Flush() });
        ChatFinish end = finish switch
        {
            FinishReason.Length => ChatFinish.Length,
            FinishReason.Cancelled => ChatFinish.Cancelled,
            _ => ChatFinish.Stop,
        };
        Telemetry?.End(RequestTelemetry.NameOf(end), usage);
        _ = _outcome.TrySetResult(new ChatOutcome(new ChatMessage("assistant", _text.ToString()), end, usage, _scanner.StoppedBy));
        _ = _pieces.Writer.TryComplete();
    }

    protected override void Break(Exception failure)
    {
        _ = _outcome.TrySetException(failure);
        _ = _pieces.Writer.TryComplete(failure);
    }

    private void Show(ChatPiece piece)
    {
        if (piece.IsEmpty)
            return;
        _ = _text.Append(piece.Text);
        _ = _pieces.Writer.TryWrite(piece);
    }

    private sealed class ChatServedReply(ChatServedRun run) : ChatReply
    {
        public override Task<ChatOutcome> Outcome => run._outcome.Task;

        public override Task Started => run.Started;

        public override int PromptTokens => run.Prompt.Length;

        public override int TokensRead => run.TokensRead;

        public override void Cancel() => run.Cancel();

        public override IAsyncEnumerator<ChatPiece> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
            Replies.Read(run._pieces.Reader, run, cancellationToken);

        public override ValueTask DisposeAsync() => Replies.End(run, run._outcome.Task);
    }
}
