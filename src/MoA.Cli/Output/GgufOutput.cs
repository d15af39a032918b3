using System.CommandLine;
using System.CommandLine.Completions;
using MoA.Engine;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;

namespace MoA.Cli.Output;

/// <summary>What the commands that write GGUF files have in common.</summary>
internal static class GgufOutput
{
    /// <summary>The formats, for help and messages.</summary>
    public static string TypeNames => string.Join(", ", ElementTypes.All.Select(type => type.Name()));

    /// <summary>The formats, as a shell offers them.</summary>
    public static IEnumerable<CompletionItem> TypeChoices => ElementTypes.All.Select(type => new CompletionItem(type.Name()));

    public static Option<string> CreateOption() => new("--out", "-o")
    {
        Description = "File to write; replaced if it exists",
        HelpName = "FILE.gguf",
        Required = true,
    };

    public static ElementType? ReadType(string? name) => name is null ? null : ElementTypes.Parse(name) ??
        throw new InvalidInputException($"--weights {name}: expected one of {TypeNames}");

    public static void Report(CommandContext context, ConversionResult result)
    {
        if (context.Json)
        {
            context.WriteJson(writer =>
            {
                writer.WriteString("file", result.File);
                writer.WriteNumber("bytes", result.Bytes);
                writer.WriteStartObject("tensors");
                foreach ((ElementType type, int count) in result.Tensors.OrderBy(pair => pair.Key))
                    writer.WriteNumber(type.Name(), count);
                writer.WriteEndObject();
                writer.WriteObjects("fallbacks", result.Fallbacks, static (writer, fallback) =>
                {
                    writer.WriteString("tensor", fallback.Tensor);
                    writer.WriteString("type", fallback.Type.Name());
                });
                writer.WriteStartArray("notes");
                foreach (string note in result.Notes)
                    writer.WriteStringValue(note);
                writer.WriteEndArray();
            });
            return;
        }

        string types = string.Join(", ", result.Tensors.OrderBy(pair => pair.Key).Select(pair => $"{pair.Value} {pair.Key.Name()}"));
        context.Output.WriteLine($"{result.File}: {result.Bytes / 1048576.0:N1} MiB, tensors: {types}");
        foreach (IGrouping<ElementType, string> fallback in result.Fallbacks.GroupBy(item => item.Type, item => item.Tensor))
        {
            context.Output.WriteLine($"as {fallback.Key.Name()}, since their rows do not fill whole blocks: " +
                $"{fallback.Count()} matrices ({string.Join(", ", fallback.Take(4))}{(fallback.Count() > 4 ? ", …" : "")})");
        }

        foreach (string note in result.Notes)
            context.Output.WriteLine($"note: {note}");
    }
}
