using System.Globalization;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tokenization;

namespace MoA.Cli.Commands;

/// <summary><c>moa model info</c>: what a model holds, checked as it would be before a run.</summary>
internal sealed class ModelInfoCommand : CliCommand
{
    public ModelInfoCommand(Streams streams)
        : base("info", "Says what a model holds, after checking all of it: shapes, numbers, tokenizer, chat template.", streams)
    {
        Examples =
        [
            "moa model info",
            "moa model info --model ./Llama-3.2-1B-Instruct --json",
            "moa model info --model llama-3.2-1b-q4_k.gguf",
        ];
        ModelOptions.AddModelTo(this);
    }

    protected override void Run(CommandContext context)
    {
        string path = ModelOptions.ModelPath(context);
        using LoadedModel model = ModelFile.Load(
            path, ModelOptions.WeightType(context), GlobalOptions.ReadThreads(context) ?? 0, context.Cancellation);
        Tokenizer? tokenizer = Tokenizer.Exists(path) ? Tokenizer.Load(path) : null;
        ChatTemplate? template = tokenizer is null ? null : ChatTemplate.Load(path, context.Get(ModelOptions.ChatTemplate), model.Name);
        ModelConfig config = model.Config;
        ElementType cacheType = ModelOptions.CacheType(context);
        long kvBytes = SequenceCache.EstimateBytes(config, new DensePolicy(), config.MaxPositions, cacheType);
        long parameters = model.Weights.Parameters;
        (ElementType Type, int Tensors, long Bytes)[] formats = [.. model.Weights.All.GroupBy(weight => weight.Type)
            .Select(group => (group.Key, group.Count(), group.Sum(weight => weight.Bytes))).OrderBy(format => format.Key)];
        WeightRoom room = WeightRoom.Of(model.Weights, config, ComputeBackend.ProcessorPassTokens, cacheBytes: 0);
        string types = string.Join(", ", formats.Select(format => format.Type.Name()));
        if (context.Json)
        {
            context.WriteJson(writer =>
            {
                writer.WriteString("name", model.Name);
                writer.WriteString("architecture", config.Architecture.ToString());
                writer.WriteNumber("layers", config.Layers);
                writer.WriteNumber("queryHeads", config.QueryHeads);
                writer.WriteNumber("keyValueHeads", config.KeyValueHeads);
                writer.WriteNumber("headSize", config.HeadSize);
                writer.WriteNumber("hiddenSize", config.HiddenSize);
                writer.WriteNumber("intermediateSize", config.IntermediateSize);
                writer.WriteNumber("vocabularySize", config.VocabularySize);
                writer.WriteNumber("maxPositions", config.MaxPositions);
                writer.WriteNumber("parameters", parameters);
                writer.WriteNumber("weightBytes", model.Weights.Bytes);
                writer.WriteString("weightTypes", types);
                writer.WriteObjects("weightFormats", formats, static (writer, format) =>
                {
                    writer.WriteString("type", format.Type.Name());
                    writer.WriteNumber("tensors", format.Tensors);
                    writer.WriteNumber("bytes", format.Bytes);
                });
                writer.WriteNumber("kvBytesAtFullContext", kvBytes);
                writer.WriteStartObject("mmapAuto");
                writer.WriteBoolean("copies", room.CopyBytes > 0 && room.IsAmple);
                writer.WriteNumber("copyBytes", room.CopyBytes);
                writer.WriteNumber("activationBytes", room.WorkspaceBytes);
                writer.WriteNumber("availableBytes", room.AvailableBytes);
                writer.WriteNumber("mostCacheBytes", Math.Max(0, room.SpareBytes));
                writer.WriteEndObject();
                writer.WriteBoolean("tokenizer", tokenizer is not null);
                writer.WriteBoolean("chatTemplate", template is not null);
                writer.WriteString("chatTemplateChoice", template?.Choice);
            });
            return;
        }

        Line("model", $"{model.Name} ({config.Architecture})");
        Line("layers", $"{config.Layers} of {config.QueryHeads} query heads, {config.KeyValueHeads} KV heads, head size {config.HeadSize}");
        Line("widths", $"hidden {config.HiddenSize}, feed-forward {config.IntermediateSize}, vocabulary {config.VocabularySize}");
        Line("context", $"{config.MaxPositions} tokens{(config.Rope is { } rope ? $", RoPE theta {rope.Theta}, {rope.Scaling.Describe()}" : "")}");
        int?[] windows = [.. config.LayerDescriptions.Select(layer => layer.Window)];
        if (windows.OfType<int>().Distinct().ToArray() is { Length: > 0 } sizes)
            Line("windows", $"sliding window of {string.Join(", ", sizes)} tokens in {windows.OfType<int>().Count()} of {config.Layers} layers");

        Line("weights", $"{parameters:N0} parameters, {model.Weights.Bytes / 1048576.0:N1} MiB as {types}");
        foreach ((ElementType type, int tensors, long bytes) in formats)
            Line("", $"{type.Name(),-4} {tensors,5} tensors, {bytes / 1048576.0,10:N1} MiB");
        Line("memory", MmapOption.Describe(room));
        Line("KV caches", $"{kvBytes / 1048576.0:N1} MiB dense at {config.MaxPositions} tokens ({cacheType.Name()})");
        Line("tokenizer", tokenizer is null ? "none: takes tokens only" : $"{tokenizer.VocabularySize} tokens");
        Line("chat", template switch
        {
            null => "no chat template",
            { IsGuess: true } => $"no chat template of its own: {template.Choice}, which its name calls for",
            { Choice: string choice } => $"the chat template {choice}",
            _ => "has a chat template",
        });

        void Line(string name, string text) =>
            context.Output.WriteLine($"{name,-10} {text}");
    }
}
