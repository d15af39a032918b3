using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using MoA.Tests;

namespace MoA.Serving.Tests;

/// <summary>What the thread that runs the model allocates on the managed heap while texts are being written: their pieces, and nothing for a step.</summary>
public sealed class AllocationTests
{
    private const int From = 100, To = 300;

    // A piece (48 bytes) with its list of tokens (32) and its text (about 32), which is decoded by way of bytes and characters (about 100) and copied
    // into the outcome; places in queues. A log-probability takes 40 and its places in lists 50.
    [Theory]
    [InlineData(1, null, 310)]
    [InlineData(1, 0, 420)]
    [InlineData(8, null, 310)]
    public async Task A_token_allocates_no_more_than_its_piece(int streams, int? logProbabilities, int mostBytes)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(1); // all tokens are drawn by the model's thread then
        using LanguageModel model = LanguageModel.Load(RepositoryFiles.DemoModel, backend);
        await using ModelService service = new(model, new ServiceOptions { CacheType = ElementType.F32, CacheBytes = 64 << 20 });
        Watch[] watches = [.. Enumerable.Range(0, streams).Select(_ => new Watch())];
        await Task.WhenAll(watches.Select(async (watch, stream) =>
        {
            await using TextReply reply = service.Generate(new GenerationRequest
            {
                Prompt = [1 + stream],
                MaxNewTokens = 2 * To, // none ends while others are watched
                LogProbabilities = logProbabilities,
                Constraint = watch,
            });
            await foreach (GenerationPiece _ in reply)
            {
            }
        }));
        Assert.InRange(watches[^1].Bytes / (double)(streams * (To - From)), 100, mostBytes);
    }

    /// <summary>Forbids nothing and looks on.</summary>
    private sealed class Watch : TokenConstraint
    {
        private int _tokens;
        private long _before;

        /// <summary>What the thread has allocated from one token to another.</summary>
        public long Bytes { get; private set; }

        public override void Allow(Span<ulong> allowed) => allowed.Fill(ulong.MaxValue);

        public override void Accept(int token)
        {
            _tokens++;
            if (_tokens == From)
                _before = GC.GetAllocatedBytesForCurrentThread();
            else if (_tokens == To)
                Bytes = GC.GetAllocatedBytesForCurrentThread() - _before;
        }
    }
}
