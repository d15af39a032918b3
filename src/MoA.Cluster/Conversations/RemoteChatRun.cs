using MoA.Engine.Tokenization;
using MoA.Serving.Chat;
using MoA.Serving.Scheduling;

namespace MoA.Cluster.Conversations;

/// <summary>A request for an answer, written by some member.</summary>
internal sealed class RemoteChatRun(ClusterService service, string key, ConversationRequest request, ChatRequest chat)
    : RemoteRun<ChatPiece, ChatOutcome>(service, key, request)
{
    // Names of calls are drawn by the member that writes them; what callers were told first stays.
    private readonly List<string> _calls = [];

    /// <summary>What the caller gets.</summary>
    public ChatReply Reply => new RemoteReply(this);

    protected override byte[] Body(IReadOnlyList<int> written) => ConversationJson.Write(chat with { Written = written });

    protected override ChatPiece ReadPiece(byte[] body)
    {
        ChatPiece piece = ConversationJson.Read<ChatPiece>(body);
        _calls.AddRange(piece.ToolCalls.Where(call => call.Id is not null && call.Index == _calls.Count).Select(static call => call.Id!));
        return piece;
    }

    protected override IReadOnlyList<int> TokensOf(ChatPiece piece) => piece.Tokens;

    protected override ChatOutcome ReadOutcome(byte[] body)
    {
        ChatOutcome outcome = ConversationJson.Read<ChatOutcome>(body);
        ToolCall[] calls = [.. outcome.Message.ToolCalls.Select((call, index) => index < _calls.Count ? call with { Id = _calls[index] } : call)];
        return outcome with { Message = outcome.Message with { ToolCalls = calls } };
    }

    protected override bool IsCutOff(ChatOutcome outcome) => outcome.Finish == ChatFinish.Cancelled;

    private sealed class RemoteReply(RemoteChatRun run) : ChatReply
    {
        public override Task<ChatOutcome> Outcome => run.Outcome;

        public override Task Started => run.Started;

        public override int PromptTokens => run.PromptTokens;

        public override int TokensRead => run.TokensRead;

        public override void Cancel() => run.Cancel();

        public override IAsyncEnumerator<ChatPiece> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
            Replies.Read(run.Pieces, run.Cancel, cancellationToken);

        public override ValueTask DisposeAsync() => Replies.End(run.Cancel, run.Outcome);
    }
}
