using System.CommandLine;
using System.Globalization;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Prefill;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Search.Calibration;
using MoA.Search.Pipeline;
using MoA.Search.Prefill;

namespace MoA.Cli.Commands;

/// <summary><c>moa prefill search</c>: the pattern of each head for the prefill policy minference.</summary>
internal sealed class PrefillSearchCommand : CliCommand
{
    private const int DefaultItems = 3;

    private readonly Option<string?> _data = new("--data", "-d")
    {
        Description = "Conversations, texts or tokens (.jsonl, one item a line) to search on (default: generated conversations with long dependencies)",
        HelpName = "FILE",
    };

    private readonly Option<int?> _length = new("--length")
    {
        Description = $"Tokens of a text: of generated ones, and of --data the first of each (default: what the model's context holds, up to {PatternSearch.WholeLength})",
        HelpName = "N",
    };

    private readonly Option<int?> _items = new("--items") { Description = $"Texts (default: {DefaultItems})", HelpName = "N" };

    private readonly Option<double?> _scale = new("--scale")
    {
        Description = $"What the numbers of MInference's candidates are multiplied by (default: --length over {PatternSearch.WholeLength}, at most 1)",
        HelpName = "X",
    };

    private readonly Option<int?> _piece = new("--piece")
    {
        Description = $"Tokens at a time for which columns and diagonals are chosen, as the policy is to run (default: {PrefillPolicy.DefaultPiece})",
        HelpName = "N",
    };

    private readonly Option<string> _out = new("--out", "-o") { Description = "File to write", HelpName = "FILE", DefaultValueFactory = _ => "best_pattern.json" };

    public PrefillSearchCommand(Streams streams)
        : base("search", "Searches each head's pattern for the prefill policy minference, as MInference does: texts are read with full attention, and the pattern is taken " +
            "under which fewest outputs of the head are off by more than 0.005. Writes MInference's best_pattern.json.", streams)
    {
        Examples = ["moa prefill search --length 2048 --out patterns.json", "moa prefill search --model ./llama.gguf --data texts.jsonl --length 16384"];
        Options.Add(_data);
        Options.Add(_length);
        Options.Add(_items);
        Options.Add(_scale);
        Options.Add(_piece);
        Options.Add(_out);
        ModelOptions.AddTo(this);
    }

    protected override void Run(CommandContext context)
    {
        using ComputeBackend backend = ModelOptions.CreateBackend(context);
        using LanguageModel model = ModelOptions.Load(context, backend);
        int length = context.Get(_length) ?? Math.Min(model.Config.LongestText, PatternSearch.WholeLength), items = context.Get(_items) ?? DefaultItems;
        if (length < 2 || length > model.Config.LongestText)
            throw new InvalidInputException($"--length {length}: expected 2 to {model.Config.LongestText}, the model's context");
        if (items < 1)
            throw new InvalidInputException($"--items {items}: expected at least 1");
        double scale = context.Get(_scale) ?? PatternSearch.ScaleOf(length);
        if (scale is not (> 0 and <= 1000))
            throw new InvalidInputException(string.Create(CultureInfo.InvariantCulture, $"--scale {scale}: expected a number above 0 and up to 1000"));
        int piece = context.Get(_piece) ?? PrefillPolicy.DefaultPiece;
        if (piece < ElasticRule.BlockSize || piece % ElasticRule.BlockSize != 0)
            throw new InvalidInputException($"--piece {piece}: expected a multiple of {ElasticRule.BlockSize}");
        int[][] texts = Texts(context, model, length, items);
        (HeadPattern Pattern, long Score)[][] patterns = context.WithProgress(
            progress => PatternSearch.Run(model, texts, scale, piece, progress, context.Cancellation));
        string file = context.Get(_out)!;
        PatternFile.Write(file, patterns);
        int blocks = PatternSearch.BlocksOf(scale);
        bool needsBlocks = blocks != PatternSearch.PublishedBlocks && patterns.SelectMany(layer => layer).Any(head => head.Pattern is PooledBlocksPattern);
        string policy = $"minference:patterns={file}{(needsBlocks ? $",blocks={blocks}" : "")}{(piece == PrefillPolicy.DefaultPiece ? "" : $",piece={piece}")}";
        (HeadPattern Pattern, int Heads)[] counts =
        [.. patterns.SelectMany(layer => layer).CountBy(head => head.Pattern).Select(pair => (pair.Key, pair.Value))];
        if (context.Json)
            WriteJson(context, file, policy, texts, counts);
        else
            WriteText(context, counts);
        context.Note($"moa: wrote {file}; run it with --policy {policy}");
    }

    private int[][] Texts(CommandContext context, LanguageModel model, int length, int items)
    {
        if (context.Get(_data) is string data)
        {
            int[][] read = [.. CalibrationStep.Read(model, data).Select(item => item.Tokens[..Math.Min(length, item.Tokens.Length)]).Where(tokens => tokens.Length > 1).Take(items)];
            return read.Length > 0 ? read : throw new InvalidInputException($"{data}: no item of two tokens or more");
        }

        QuestionEncoder questions = new(model);
        ItemEncoder encoder = new(model);
        return
        [
            .. CalibrationMix.Create(CalibrationSplit.Calibration, [length], items, context.Get(GlobalOptions.Seed) ?? 0, questions.CreateCounter(0))
                .Select(item => encoder.Encode(questions.Document(item.Conversation)).Tokens),
        ];
    }

    private static void WriteText(CommandContext context, IEnumerable<(HeadPattern Pattern, int Heads)> counts)
    {
        foreach ((HeadPattern pattern, int heads) in counts.OrderByDescending(count => count.Heads))
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{heads,6} heads  {Words(pattern)}"));
    }

    private static void WriteJson(
        CommandContext context, string file, string policy, int[][] texts, IReadOnlyList<(HeadPattern Pattern, int Heads)> counts) =>
        context.WriteJson(writer =>
        {
            writer.WriteString("file", file);
            writer.WriteString("policy", policy);
            writer.WriteNumber("texts", texts.Length);
            writer.WriteNumber("tokens", texts.Sum(text => (long)text.Length));
            writer.WriteObjects("patterns", counts, (writer, count) =>
            {
                writer.WriteString("pattern", Words(count.Pattern));
                writer.WriteNumber("heads", count.Heads);
            });
        });

    private static string Words(HeadPattern pattern) => pattern switch
    {
        StreamPattern stream => $"stream_llm {stream.Initial} {stream.Local}",
        VerticalSlashPattern slash => $"vertical_and_slash {slash.Vertical} {slash.Slash}",
        PooledBlocksPattern blocks => $"block_sparse {blocks.Blocks}",
        _ => pattern.ToString(),
    };
}
