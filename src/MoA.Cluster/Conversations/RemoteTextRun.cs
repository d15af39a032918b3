using MoA.Engine.Generation;
using MoA.Serving;
using MoA.Serving.Scheduling;

namespace MoA.Cluster.Conversations;

/// <summary>A request for a text, written by some member.</summary>
internal sealed class RemoteTextRun(ClusterService service, string key, ConversationRequest request, GenerationRequest text)
    : RemoteRun<GenerationPiece, GenerationOutcome>(service, key, request)
{
    private volatile IReadOnlyList<TokenLogProbability> _ofPrompt = [];

    /// <summary>What the caller gets.</summary>
    public TextReply Reply => new RemoteReply(this);

    protected override byte[] Body(IReadOnlyList<int> written) => ConversationJson.Write(text with { Written = written });

    protected override GenerationPiece ReadPiece(byte[] body) => ConversationJson.Read<GenerationPiece>(body);

    protected override IReadOnlyList<int> TokensOf(GenerationPiece piece) => piece.Tokens;

    protected override GenerationOutcome ReadOutcome(byte[] body) => ConversationJson.Read<GenerationOutcome>(body);

    protected override bool IsCutOff(GenerationOutcome outcome) => outcome.Finish == FinishReason.Cancelled;

    protected override void TakePromptScores(byte[] body) => _ofPrompt = ConversationJson.Read<IReadOnlyList<TokenLogProbability>>(body);

    private sealed class RemoteReply(RemoteTextRun run) : TextReply
    {
        public override Task<GenerationOutcome> Outcome => run.Outcome;

        public override Task Started => run.Started;

        public override int PromptTokens => run.PromptTokens;

        public override int TokensRead => run.TokensRead;

        public override IReadOnlyList<TokenLogProbability> PromptLogProbabilities => run._ofPrompt;

        public override void Cancel() => run.Cancel();

        public override IAsyncEnumerator<GenerationPiece> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
            Replies.Read(run.Pieces, run.Cancel, cancellationToken);

        public override ValueTask DisposeAsync() => Replies.End(run.Cancel, run.Outcome);
    }
}
