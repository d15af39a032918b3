namespace MoA.Gpu.Benchmarks;

/// <summary>How large everything is: on a card as the paper has it, on the emulated device as little as shows that it runs.</summary>
internal sealed record CardSizes
{
    /// <summary>A shape with as many query heads as KV heads, as <c>--shape</c> takes it.</summary>
    public required string Model { get; init; }

    /// <summary>A shape of grouped-query attention.</summary>
    public required string GroupedModel { get; init; }

    /// <summary>Tokens of prompts and of answers.</summary>
    public required IReadOnlyList<(int Prompt, int Generated)> Protocol { get; init; }

    /// <summary>Bytes of the device that the protocol may take.</summary>
    public required long MemoryLimit { get; init; }

    /// <summary>Sequences of a batch at most.</summary>
    public int MostSequences { get; init; } = 512;

    /// <summary>Steps that are timed at each of three contexts.</summary>
    public required int Steps { get; init; }

    public required int LongPrompt { get; init; }

    public required int LongestPrompt { get; init; }

    public required IReadOnlyList<int> ProfiledLengths { get; init; }

    /// <summary>Contexts at which decode attention is measured, and KV heads of all sequences together.</summary>
    public required IReadOnlyList<(int Rows, int Heads)> DecodeAttention { get; init; }

    public required int PrefillTokens { get; init; }

    public required int PrefillHeads { get; init; }

    /// <summary>Rows, outputs and inputs of products.</summary>
    public required IReadOnlyList<(int Rows, int Outputs, int Inputs)> Products { get; init; }

    public required int GreedyTokens { get; init; }

    /// <summary>The head's size of attention that is measured by itself.</summary>
    public required int HeadSize { get; init; }

    public static CardSizes Card { get; } = new()
    {
        Model = "vicuna-7b,context=1048576",
        GroupedModel = "llama-3-8b,context=1048576",
        Protocol = [(3072, 1024), (6144, 2048), (12288, 4096)],
        MemoryLimit = 80L << 30,
        Steps = 12,
        LongPrompt = 131072,
        LongestPrompt = 262144,
        ProfiledLengths = [2048, 4096, 8192],
        DecodeAttention = [(8192, 512), (65536, 128)],
        PrefillTokens = 8192,
        PrefillHeads = 32,
        Products = [(8192, 8192, 8192), (2048, 11008, 4096), (512, 4096, 4096), (64, 11008, 4096), (32, 4096, 4096)],
        GreedyTokens = 200,
        HeadSize = 128,
    };

    public static CardSizes Tiny { get; } = new()
    {
        Model = "hidden=32,layers=2,heads=2,intermediate=32,vocabulary=40,context=4096",
        GroupedModel = "hidden=32,layers=1,heads=2,kv-heads=1,intermediate=32,vocabulary=40,context=4096",
        Protocol = [(12, 4)],
        MemoryLimit = 1 << 20,
        MostSequences = 2,
        Steps = 1,
        LongPrompt = 70,
        LongestPrompt = 80,
        ProfiledLengths = [64],
        DecodeAttention = [(128, 1)],
        PrefillTokens = 64,
        PrefillHeads = 1,
        Products = [(32, 16, 16)],
        GreedyTokens = 2,
        HeadSize = 16,
    };
}
