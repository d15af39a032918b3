using System.Globalization;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Engine.Attention;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tokenization;

namespace MoA.Cli.Commands;

/// <summary><c>moa model info</c>: what a model folder holds, checked as it would be before a run.</summary>
internal sealed class ModelInfoCommand : CliCommand
{
    public ModelInfoCommand(Streams streams)
        : base("info", "Says what a model folder holds, after checking all of it: shapes, numbers, tokenizer, chat template.", streams)
    {
        Examples = ["moa model info", "moa model info --model ./Llama-3.2-1B-Instruct --json"];
        ModelOptions.AddTo(this);
    }

    protected override void Run(CommandContext context)
    {
        string path = ModelOptions.ModelPath(context);
        using LoadedModel model = HuggingFaceFolder.Load(path);
        Tokenizer? tokenizer = Tokenizer.Exists(path) ? Tokenizer.Load(path) : null;
        bool hasTemplate = tokenizer is not null && ChatTemplate.Load(path) is not null;
        ModelConfig config = model.Config;
        ElementType cacheType = ModelOptions.CacheType(context);
        long kvBytes = SequenceCache.EstimateBytes(config, new DensePolicy(), config.MaxPositions, cacheType);
        long parameters = model.Weights.Parameters;
        string types = string.Join(", ", model.Weights.ElementTypes.Select(type => type.Name()));
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
                writer.WriteNumber("kvBytesAtFullContext", kvBytes);
                writer.WriteBoolean("tokenizer", tokenizer is not null);
                writer.WriteBoolean("chatTemplate", hasTemplate);
            });
            return;
        }

        Line("model", $"{model.Name} ({config.Architecture})");
        Line("layers", $"{config.Layers} of {config.QueryHeads} query heads, {config.KeyValueHeads} KV heads, head size {config.HeadSize}");
        Line("widths", $"hidden {config.HiddenSize}, feed-forward {config.IntermediateSize}, vocabulary {config.VocabularySize}");
        Line("context", $"{config.MaxPositions} tokens, RoPE theta {config.RopeTheta}, scaling {config.RopeScaling}");
        if (Enumerable.Range(0, config.Layers).Any(layer => config.SlidingWindow(layer) is not null))
        {
            Line("windows", $"sliding window of {string.Join(", ", Enumerable.Range(0, config.Layers)
                .Select(config.SlidingWindow).OfType<int>().Distinct())} tokens in some or all layers");
        }

        Line("weights", $"{parameters:N0} parameters, {model.Weights.Bytes / 1048576.0:N1} MiB as {types}");
        Line("KV caches", $"{kvBytes / 1048576.0:N1} MiB dense at {config.MaxPositions} tokens ({cacheType.Name()})");
        Line("tokenizer", tokenizer is null ? "none: takes tokens only" : $"{tokenizer.VocabularySize} tokens");
        Line("chat", hasTemplate ? "has a chat template" : "no chat template");

        void Line(string name, string text) =>
            context.Output.WriteLine($"{name,-10} {text}");
    }
}
