using MoA.Engine.Tokenization.Normalizing;
using MoA.Engine.Tokenization.Patterns;
using MoA.Engine.Tokenization.PreTokenizing;

namespace MoA.Engine.Tokenization;

/// <summary>
/// The ways of splitting text that <c>tokenizer.ggml.pre</c> names. The expressions are those of the named models'
/// tokenizers; several split one after the other.
/// </summary>
internal sealed record GgufPreTokenizers
{
    /// <summary>How GPT-2 splits.</summary>
    public const string Gpt2Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    private const string Contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private const string Llama3Pattern = Contractions +
        @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Qwen2Pattern = Contractions +
        @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string CapitalsThenSmall =
        @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+";
    private const string CapitalsPerhapsSmall =
        @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*";
    private const string TekkenPattern = CapitalsThenSmall + "|" + CapitalsPerhapsSmall +
        @"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Gpt4OPattern = CapitalsThenSmall + Contractions + "?|" + CapitalsPerhapsSmall + Contractions +
        @"?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string DeepSeekLetters =
        @"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-" +
        "\u1F7Dᾀ-ᾴᾶ-ᾼ\u1FBEῂ-ῄῆ-ῌῐ-\u1FD3ῖ-\u1FDBῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u2126ℨ\u212A-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ" +
        "𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+";
    private const string DeepSeekIdeographs = "[一-龥ࠀ-一가-\uD7FF]+";

    private static readonly GgufPreTokenizers[] Known =
    [
        new()
        {
            Names = ["gpt-2", "phi-2", "gigachat", "mellum", "modern-bert", "mpt", "olmo", "jais", "trillion", "exaone4"],
            Patterns = [Gpt2Pattern],
        },
        new()
        {
            Names = ["llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral"],
            Patterns = [Llama3Pattern],
            IgnoresMerges = true,
            AddsBos = true,
        },
        new() { Names = ["dbrx", "smaug-bpe", "chatglm-bpe", "glm4"], Patterns = [Llama3Pattern] },
        new()
        {
            Names = ["qwen2", "deepseek-r1-qwen", "megrez"],
            Patterns = [Qwen2Pattern],
            Normalizer = new UnicodeNormalizer(compatibility: false, composes: true),
        },
        new() { Names = ["stablelm2", "hunyuan", "solar-open", "grok-2"], Patterns = [Qwen2Pattern] },
        new()
        {
            Names = ["starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b"],
            Patterns = [@"\p{N}", Gpt2Pattern],
        },
        new()
        {
            Names = ["deepseek-llm"],
            Patterns = ["[\r\n]", DeepSeekLetters, @"\s?[!-/:-~！-／：-～‘-‟　-。]+", @"\s+$", DeepSeekIdeographs, @"\p{N}+"],
        },
        new()
        {
            Names = ["deepseek-coder"],
            Patterns = ["[\r\n]", @"\s?\p{L}+", @"\s?\p{P}+", DeepSeekIdeographs, @"\p{N}"],
        },
        new()
        {
            Names = ["deepseek-v3"],
            Patterns =
            [
                @"\p{N}{1,3}",
                "[一-龥぀-ゟ゠-ヿ]+",
                @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+" +
                @"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            ],
        },
        new()
        {
            Names = ["falcon"],
            Patterns = [@"[\p{P}\$\+<=>\^~\|`]+", Gpt2Pattern, "[0-9][0-9][0-9]"],
        },
        new() { Names = ["tekken"], Patterns = [TekkenPattern], IgnoresMerges = true, AddsBos = true },
        new() { Names = ["gpt-4o", "llama4"], Patterns = [Gpt4OPattern] },
        new()
        {
            Names = ["default"],
            Patterns = [@"[\p{P}\$\+<=>\^~\|]+", Gpt2Pattern, @"\p{N}+", "[0-9][0-9][0-9]"],
        },
    ];

    /// <summary>The names in <c>tokenizer.ggml.pre</c>.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>Each splits the pieces that the one before left.</summary>
    public required IReadOnlyList<string> Patterns { get; init; }

    /// <summary>Rewrites the text before; null leaves it.</summary>
    public Normalizer? Normalizer { get; init; }

    /// <summary>Whether a word that is a token is taken whole, even where the merges would not get there.</summary>
    public bool IgnoresMerges { get; init; }

    /// <summary>Whether a text begins with the BOS token unless the file says otherwise.</summary>
    public bool AddsBos { get; init; }

    /// <summary>Every name, for messages.</summary>
    public static string AllNames => string.Join(", ", Known.SelectMany(known => known.Names));

    /// <summary>The way of splitting with a name; null if it is not known.</summary>
    public static GgufPreTokenizers? Find(string name) => Known.FirstOrDefault(known => known.Names.Contains(name));

    /// <summary>The name for the patterns that a tokenizer splits by, one after the other; null if they have none.</summary>
    public static string? NameOf(IReadOnlyList<string> patterns, bool ignoresMerges) =>
        Known.FirstOrDefault(known => known.Patterns.SequenceEqual(patterns) && known.IgnoresMerges == ignoresMerges)?.Names[0];

    /// <summary>A pre-tokenizer that splits so and writes bytes as characters.</summary>
    public PreTokenizer Create() => new SequencePreTokenizer(
    [
        .. Patterns.Select(pattern => new SplitPreTokenizer(new Pattern(pattern), SplitBehavior.Isolated, invert: false)),
        new ByteLevelPreTokenizer(addPrefixSpace: false, splitByPattern: false),
    ]);
}
