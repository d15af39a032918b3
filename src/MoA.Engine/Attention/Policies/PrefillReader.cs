using MoA.Engine.Attention.Prefill;
using MoA.Engine.Configuration;

namespace MoA.Engine.Attention.Policies;

/// <summary>Reads prefill policies from their settings.</summary>
internal static class PrefillReader
{
    private const string VerticalSlash = "vertical-slash", AShape = "a-shape", BlockSparse = "block-sparse";
    private const int MostTokens = 1_000_000_000;

    /// <summary>A file of MInference's.</summary>
    public static readonly PolicySetting Patterns = PolicySetting.Path("patterns", "a best_pattern.json of MInference or of moa prefill search");

    private static readonly PolicySetting Pattern = PolicySetting.Word("pattern", $"all heads' pattern without a file ({VerticalSlash})", VerticalSlash, AShape, BlockSparse);
    private static readonly PolicySetting Vertical = PolicySetting.Whole("vertical", 1, MostTokens, "columns that stay (1000)");
    private static readonly PolicySetting Slash = PolicySetting.Whole("slash", 1, MostTokens, "diagonals that stay (6096)");
    private static readonly PolicySetting Initial = PolicySetting.Whole("init", 0, MostTokens, "first tokens that stay (128)");
    private static readonly PolicySetting Local = PolicySetting.Whole("local", 1, MostTokens, "recent tokens that stay (3968)");
    private static readonly PolicySetting Last = PolicySetting.Whole("last", 0, MostTokens, "tokens at the prompt's end that see everything (100)");
    private static readonly PolicySetting Blocks = PolicySetting.Whole("blocks", 1, MostTokens, $"blocks of {BlockSparse} heads (100)");
    private static readonly PolicySetting Piece = PolicySetting.Whole(
        "piece", ElasticRule.BlockSize, MostTokens, $"tokens at a time that columns are chosen for, a multiple of {ElasticRule.BlockSize} ({PrefillPolicy.DefaultPiece})");

    private static readonly PolicySetting Gamma = PolicySetting.Number("gamma", 0, 1, "share of the attention that is covered (0.9)");
    private static readonly PolicySetting Tau = PolicySetting.Number("tau", 0, 1, "distance of estimates up to which blocks are chosen by their means (0.1)");
    private static readonly PolicySetting Least = PolicySetting.Whole("min", 1, MostTokens, "tokens of columns and of diagonals that stay at least (1)");
    private static readonly PolicySetting Most = PolicySetting.Whole("max", 1, MostTokens, "tokens of columns and of diagonals that stay at most (any number)");
    private static readonly PolicySetting Block = PolicySetting.Word("block", "tokens of a block (128)", "128", "64", "256");
    private static readonly PolicySetting Threshold = PolicySetting.Number("threshold", 0, 1, "share of the sums that is reached (0.9)");
    private static readonly PolicySetting Stride = PolicySetting.Word("stride", "tokens from antidiagonal to antidiagonal (8)", "8", "4", "16", "32", "64");

    /// <summary>All prefill policies, in the order of the documentation.</summary>
    public static IReadOnlyList<PrefillDescriptor> All { get; } =
    [
        new("minference", ReadMInference, Patterns, Pattern, Vertical, Slash, Initial, Local, Blocks, Piece),
        new(
            "flexprefill",
            static (settings, _) => new PrefillPolicy(
                settings.Name,
                new CoveragePattern(
                    settings.Number(Gamma, 0.9), settings.Number(Tau, 0.1), settings.Whole(Least, 1), settings.Whole(Most, MostTokens), Number(settings, Block)),
                ReadPiece(settings)),
            Gamma, Tau, Least, Most, Block, Piece),
        new(
            "xattention",
            static (settings, _) => new PrefillPolicy(
                settings.Name, new AntidiagonalPattern(settings.Number(Threshold, 0.9), Number(settings, Stride), Number(settings, Block))),
            Threshold, Stride, Block),
        new(
            "tri-shape",
            static (settings, _) => new PrefillPolicy(
                settings.Name, new StreamPattern(settings.Whole(Initial, 128), settings.Whole(Local, 3968), settings.Whole(Last, 100))),
            Initial, Local, Last),
    ];

    /// <summary>The prefill policy of a name, or null.</summary>
    public static PrefillDescriptor? Find(string name) => All.FirstOrDefault(policy => policy.Name == name);

    /// <summary>Reads a prefill policy: <c>NAME[:key=value,…]</c>.</summary>
    /// <exception cref="InvalidInputException">The settings cannot be used.</exception>
    public static PrefillPolicy Read(string text, ModelConfig config)
    {
        PolicySettings settings = new(text);
        PrefillDescriptor descriptor = Find(settings.Name)!;
        PrefillPolicy policy = descriptor.Create(settings, config);
        settings.RequireNoMore(descriptor.Settings);
        policy.Check(config);
        return policy;
    }

    private static PrefillPolicy ReadMInference(PolicySettings settings, ModelConfig config)
    {
        int blocks = settings.Whole(Blocks, 100), piece = ReadPiece(settings);
        if (settings.Path(Patterns) is string file)
            return new PrefillPolicy(settings.Name, PatternFile.Read(file, config, blocks), piece);
        HeadPattern pattern = settings.Word(Pattern) switch
        {
            AShape => new StreamPattern(settings.Whole(Initial, 128), settings.Whole(Local, 3968)),
            BlockSparse => new PooledBlocksPattern(blocks),
            _ => new VerticalSlashPattern(
                settings.Whole(Vertical, PatternFile.Default.Vertical), settings.Whole(Slash, PatternFile.Default.Slash)),
        };
        return new PrefillPolicy(settings.Name, pattern, piece);
    }

    private static int ReadPiece(PolicySettings settings) => settings.Whole(Piece, PrefillPolicy.DefaultPiece) is int tokens && tokens % ElasticRule.BlockSize == 0
        ? tokens
        : throw settings.Error($"expected a multiple of {ElasticRule.BlockSize} as {Piece.Key}");

    private static int Number(PolicySettings settings, PolicySetting setting) =>
        int.Parse(settings.Word(setting), System.Globalization.CultureInfo.InvariantCulture);
}
