namespace MoA.Server.Http;

/// <summary>Texts that are written for one request; they end with it.</summary>
internal sealed class ReplySet<TReply> : IAsyncDisposable
    where TReply : IAsyncDisposable
{
    private readonly List<TReply> _all = [];

    public IReadOnlyList<TReply> All => _all;

    public void Add(TReply reply) => _all.Add(reply);

    public async ValueTask DisposeAsync()
    {
        foreach (TReply reply in _all)
            await reply.DisposeAsync();
    }
}
