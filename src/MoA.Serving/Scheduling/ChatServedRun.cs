using System.Threading.Channels;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Serving.Chat;
using MoA.Serving.Chat.Replies;
using MoA.Serving.Telemetry;

namespace MoA.Serving.Scheduling;

/// <summary>A request for an answer.</summary>
internal sealed class ChatServedRun : ServedRun
{
    private readonly Channel<ChatPiece> _pieces = Replies.NewChannel<ChatPiece>();
    private readonly TaskCompletionSource<ChatOutcome> _outcome = Replies.NewOutcome<ChatOutcome>();
    private readonly ConversationTokens _tokens;
    private readonly ReplyParser _parser;
    private readonly int _answerStart;
    private int _shown;

    public ChatServedRun(ChatReader reader, ChatPrompt prompt, int newTokens)
        : base(prompt.Request, prompt.Tokens, newTokens)
    {
        _tokens = reader.Tokens;
        _answerStart = prompt.AnswerStart;
        _parser = reader.Answer(prompt);
        Reply = new ChatServedReply(this);
    }

    /// <summary>What the caller gets.</summary>
    public ChatReply Reply { get; }

    protected override bool Read(int token)
    {
        _parser.Push(token);
        return _parser.IsComplete;
    }

    protected override void PassOver()
    {
        _ = _parser.Take();
        _shown = Run!.Output.Count;
    }

    protected override void Show(int tokens, IReadOnlyList<TokenLogProbability> scores)
    {
        ChatPiece piece = _parser.Take() with { LogProbabilities = scores };
        if (piece.IsEmpty)
            return;
        int[] written = new int[Run!.Output.Count - _shown];
        for (int i = 0; i < written.Length; i++)
            written[i] = Run.Output[_shown + i];
        _shown += written.Length;
        Show(piece with { Tokens = written });
    }

    protected override void Complete(FinishReason finish, Usage usage)
    {
        _parser.End();
        Show(_parser.Take());
        // A stop string is no part of the text, but was read.
        WrittenAnswer? answer = _parser.StopText is null && Run is not null ? _tokens.Note(Prompt, _answerStart, Run.Output) : null;
        ChatMessage message = _parser.Message;
        ChatFinish end = finish switch
        {
            FinishReason.Length => ChatFinish.Length,
            FinishReason.Cancelled => ChatFinish.Cancelled,
            _ => message.ToolCalls.Count > 0 ? ChatFinish.ToolCalls : ChatFinish.Stop,
        };
        usage = usage with { ReasoningTokens = _parser.ReasoningTokens };
        Telemetry?.End(RequestTelemetry.NameOf(end), usage);
        _ = _outcome.TrySetResult(new ChatOutcome(message, end, usage, _parser.StopText) { Answer = answer });
        _ = _pieces.Writer.TryComplete();
    }

    protected override void Break(Exception failure)
    {
        _ = _outcome.TrySetException(failure);
        _ = _pieces.Writer.TryComplete(failure);
    }

    private void Show(ChatPiece piece)
    {
        if (!piece.IsEmpty)
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
            Replies.Read(run._pieces.Reader, run.Cancel, cancellationToken);

        public override ValueTask DisposeAsync() => Replies.End(run.Cancel, run._outcome.Task);
    }
}
