using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;

namespace MoA.Cli.Commands;

/// <summary><c>moa model info</c>: what a model holds and will need, before it is loaded.</summary>
internal sealed class ModelInfoCommand : CliCommand
{
    private static readonly int[] DefaultLengths = [2048, 8192, 32_768, 131_072];

    private readonly Option<string?> _lengths = new("--lengths")
    {
        Description = "Lengths in tokens for which caches are reckoned (default: 2048, 8192, 32768, 131072 as far as the context goes, and the context)",
        HelpName = "N,N,…",
    };

    private readonly Option<bool> _check = new("--check")
    {
        Description = "Reads every weight as a run does when it loads the model, and fails where it would",
    };

    public ModelInfoCommand(Streams streams)
        : base("info", "Says what a model holds, what caches and memory it will need, whether it fits this machine, and what of it is not supported; from " +
            "its configuration and the headers of its files.", streams)
    {
        Examples =
        [
            "moa model info",
            "moa model info --model ./Llama-3.2-1B-Instruct --json",
            "moa model info --model org/name:Q4_K_M --plan plan.json --lengths 8192,32768 --kv q8_0",
            "moa model info --model llama-3.2-1b-q4_k.gguf --check",
        ];
        ModelOptions.AddModelTo(this);
        ModelOptions.AddPolicyTo(this);
        Options.Add(_lengths);
        Options.Add(_check);
    }

    protected override void Run(CommandContext context)
    {
        string path = ModelOptions.ModelPath(context);
        ElementType? weights = ModelOptions.WeightType(context);
        if (context.Get(_check))
            ModelFile.Load(path, weights, GlobalOptions.ReadThreads(context) ?? 0, context.Cancellation).Dispose();
        _ = GlobalOptions.ReadThreads(context);
        ModelSurvey model = ModelSurvey.Read(path, weights, context.Get(ModelOptions.ChatTemplate));
        Needs? needs = model.Config is ModelConfig config ? Reckon(context, model, config) : null;
        if (context.Json)
            context.WriteJson(writer => WriteJson(writer, model, needs));
        else
            WriteText(context.Output, model, needs);
    }

    private Needs Reckon(CommandContext context, ModelSurvey model, ModelConfig config)
    {
        ElementType type = ModelOptions.CacheType(context);
        AttentionPolicy policy = ModelOptions.ReadPolicy(context, config);
        int[] lengths = context.Get(_lengths) is string text
            ? Lists.Lengths("--lengths", text)
            : [.. DefaultLengths.Where(length => length < config.MaxPositions), config.MaxPositions];
        if (lengths[^1] > config.LongestText)
            throw new InvalidInputException($"--lengths {lengths[^1]}: beyond the model's context of {config.MaxPositions} tokens");
        return new Needs(
            type, policy.Name, 2L * config.Layers * config.KeyValueHeads * type.RowBytes(config.HeadSize),
            SequenceCache.EstimateBytes(config, new DensePolicy(), config.MaxPositions, type),
            [.. lengths.Select(length => new CacheNeed(
                length, SequenceCache.EstimateBytes(config, new DensePolicy(), length, type), SequenceCache.EstimateBytes(config, policy, length, type),
                policy.Density(config, length)))],
            model.Room);
    }

    private static void WriteJson(Utf8JsonWriter writer, ModelSurvey model, Needs? needs)
    {
        ModelOutline shape = model.Outline;
        writer.WriteString("name", model.Name);
        writer.WriteBoolean("supported", model.IsSupported);
        writer.WriteStartArray("problems");
        foreach (string problem in model.Problems)
            writer.WriteStringValue(problem);
        writer.WriteEndArray();
        writer.WriteString("architecture", shape.Architecture);
        Size("layers", shape.Layers);
        Size("queryHeads", shape.QueryHeads);
        Size("keyValueHeads", shape.KeyValueHeads);
        Size("headSize", shape.HeadSize);
        Size("hiddenSize", shape.HiddenSize);
        Size("intermediateSize", shape.IntermediateSize);
        ExpertDescription? experts = model.Config?.LayerDescriptions.Select(layer => layer.FeedForward.Experts).FirstOrDefault(experts => experts is not null);
        Size("experts", experts?.Count);
        Size("expertsUsed", experts?.Used);
        Size("vocabularySize", shape.VocabularySize);
        Size("maxPositions", shape.MaxPositions);
        writer.WriteNumber("parameters", model.Parameters);
        if (model.ActiveParameters is long active)
            writer.WriteNumber("activeParameters", active);
        else
            writer.WriteNull("activeParameters");
        writer.WriteNumber("weightBytes", model.WeightBytes);
        writer.WriteString("weightTypes", string.Join(", ", model.Formats.Select(format => format.Type)));
        writer.WriteObjects("weightFormats", model.Formats, static (writer, format) =>
        {
            writer.WriteString("type", format.Type);
            writer.WriteNumber("tensors", format.Tensors);
            writer.WriteNumber("parameters", format.Parameters);
            writer.WriteNumber("bytes", format.Bytes);
            writer.WriteBoolean("read", format.IsRead);
        });
        if (needs is not null)
            WriteNeeds(writer, needs);
        writer.WriteBoolean("tokenizer", model.Tokenizer is not null);
        writer.WriteBoolean("chatTemplate", model.ChatTemplate is not null);
        writer.WriteString("chatTemplateChoice", model.ChatTemplate?.Choice);

        void Size(string name, int? value)
        {
            if (value is int known)
                writer.WriteNumber(name, known);
            else
                writer.WriteNull(name);
        }
    }

    private static void WriteNeeds(Utf8JsonWriter writer, Needs needs)
    {
        writer.WriteString("kv", needs.Type.Name());
        writer.WriteNumber("kvBytesPerToken", needs.BytesPerToken);
        writer.WriteNumber("kvBytesAtFullContext", needs.FullContextBytes);
        writer.WriteString("policy", needs.Policy);
        writer.WriteObjects("kvCaches", needs.Caches, (writer, cache) =>
        {
            writer.WriteNumber("length", cache.Length);
            writer.WriteNumber("denseBytes", cache.DenseBytes);
            writer.WriteNumber("bytes", cache.Bytes);
            writer.WriteNumber("bytesPerToken", (double)cache.Bytes / cache.Length);
            writer.WriteNumber("density", cache.Density);
            writer.WriteString("fits", needs.Fit(cache.Bytes));
        });
        if (needs.Room is not WeightRoom room)
            return;
        writer.WriteStartObject("mmapAuto");
        writer.WriteBoolean("copies", room.CopyBytes > 0 && room.IsAmple);
        writer.WriteNumber("copyBytes", room.CopyBytes);
        writer.WriteNumber("activationBytes", room.WorkspaceBytes);
        writer.WriteNumber("availableBytes", room.AvailableBytes);
        writer.WriteNumber("mostCacheBytes", Math.Max(0, room.SpareBytes));
        writer.WriteEndObject();
    }

    private static void WriteText(TextWriter output, ModelSurvey model, Needs? needs)
    {
        ModelOutline shape = model.Outline;
        Line("model", $"{model.Name} ({shape.Architecture ?? "of an unknown architecture"})");
        Line("layers", $"{Known(shape.Layers)} of {Known(shape.QueryHeads)} query heads, {Known(shape.KeyValueHeads)} KV heads, head size {Known(shape.HeadSize)}");
        Line("widths", $"hidden {Known(shape.HiddenSize)}, feed-forward {Known(shape.IntermediateSize)}, vocabulary {Known(shape.VocabularySize)}");
        foreach (string experts in (model.Config?.LayerDescriptions ?? []).Where(layer => layer.FeedForward.Experts is not null)
            .GroupBy(layer => layer.FeedForward, (kind, layers) => $"{kind.Experts!.Count} of width {kind.IntermediateSize} in {layers.Count()} of {shape.Layers} layers, of which a token uses {kind.Experts.Used}"))
        {
            Line("experts", experts);
        }

        Line("context", model.Config is ModelConfig config
            ? $"{config.MaxPositions} tokens{(config.Rope is { } rope ? $", RoPE theta {rope.Theta}, {rope.Scaling.Describe()}" : "")}"
            : $"{Known(shape.MaxPositions)} tokens");
        int[] windows = [.. (model.Config?.LayerDescriptions ?? []).Select(layer => layer.Window).OfType<int>()];
        if (windows.Length > 0)
            Line("windows", $"sliding window of {string.Join(", ", windows.Distinct())} tokens in {windows.Length} of {shape.Layers} layers");
        Line("weights", $"{model.Parameters:N0} parameters{Active(model)}, {MiB(model.WeightBytes)} as {string.Join(", ", model.Formats.Select(format => format.Type))}");
        foreach (StoredFormat format in model.Formats)
            Line("", $"{format.Type,-4} {format.Tensors,5} tensors, {MiB(format.Bytes),14}{(format.IsRead ? "" : ", not read")}");
        if (needs is not null)
            WriteNeeds(Line, needs);
        Line("tokenizer", model.Tokenizer is null ? "none: takes tokens only" : $"{model.Tokenizer.VocabularySize} tokens");
        Line("chat", model.ChatTemplate switch
        {
            null => "no chat template",
            { IsGuess: true } template => $"no chat template of its own: {template.Choice}, which its name calls for",
            { Choice: string choice } => $"the chat template {choice}",
            _ => "has a chat template",
        });
        foreach (string problem in model.Problems)
            Line("not run", problem);

        void Line(string name, string text) => output.WriteLine($"{name,-10} {text}");
    }

    private static void WriteNeeds(Action<string, string> line, Needs needs)
    {
        if (needs.Room is WeightRoom room)
            line("memory", MmapOption.Describe(room));
        line("KV caches", $"{needs.BytesPerToken / 1024.0:N1} KiB a token, dense ({needs.Type.Name()})");
        foreach (CacheNeed cache in needs.Caches)
        {
            string under = needs.Policy == DensePolicy.CommandName ? ""
                : string.Create(CultureInfo.InvariantCulture, $", {MiB(cache.Bytes)} under {needs.Policy} (density {cache.Density:F3})");
            line("", $"{cache.Length,7} tokens: {MiB(cache.DenseBytes)} dense{under}{Words(needs.Fit(cache.Bytes))}");
        }

        static string Words(string? fit) => fit switch
        {
            null => "",
            Needs.Copied => "; fits with a copy of the weights",
            Needs.Mapped => "; fits with the weights mapped",
            _ => "; does not fit",
        };
    }

    private static string Known(int? value) => value is int known ? known.ToString(CultureInfo.InvariantCulture) : "?";

    private static string Active(ModelSurvey model) => model.ActiveParameters is long active && active != model.Parameters
        ? string.Create(CultureInfo.InvariantCulture, $", of which a token uses {active:N0}")
        : "";

    private static string MiB(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:N1} MiB");

    /// <summary>Caches at a length.</summary>
    private sealed record CacheNeed(int Length, long DenseBytes, long Bytes, double Density);

    /// <summary>What caches take, and what there is.</summary>
    private sealed record Needs(ElementType Type, string Policy, long BytesPerToken, long FullContextBytes, IReadOnlyList<CacheNeed> Caches, WeightRoom? Room)
    {
        public const string Copied = "copied", Mapped = "mapped", No = "no";

        /// <summary>Whether one sequence runs beside the weights in the memory that is available now; null where they are not known.</summary>
        public string? Fit(long cacheBytes) => Room is not WeightRoom room ? null
            : room with { CacheBytes = cacheBytes } is { IsAmple: true } ? Copied
            : (room with { CacheBytes = cacheBytes }).IsEnoughWithoutCopy ? Mapped
            : No;
    }
}
