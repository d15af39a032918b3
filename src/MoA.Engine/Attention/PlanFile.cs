using System.Text.Json;
using MoA.Engine.Files;

namespace MoA.Engine.Attention;

/// <summary>
/// Reads and writes plans as JSON: the product's format <c>moa-plan/1</c> (docs/formats.md) and the research code's, an
/// object with nothing but <c>alphas</c> and <c>betas</c>.
/// </summary>
internal static class PlanFile
{
    /// <summary>What the member <c>format</c> says of plans that name a scorer, which what reads the other alone must not run without it.</summary>
    public const string ContentFormat = "moa-plan/2";

    /// <summary>What the member <c>format</c> says.</summary>
    public const string Format = "moa-plan/1";

    /// <summary>Reads a plan of either format.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidInputException">The file cannot be read or is not a plan that can be used.</exception>
    public static PlanDocument Load(string path) => Parse(InputFile.ReadBytes(path), path);

    /// <summary>Reads a plan of either format from its JSON text.</summary>
    /// <param name="utf8">The text.</param>
    /// <param name="fileName">Name for messages.</param>
    /// <exception cref="InvalidInputException">The text is not a plan that can be used.</exception>
    public static PlanDocument Parse(ReadOnlyMemory<byte> utf8, string fileName)
    {
        ReadOnlyMemory<byte> text = utf8.Span.StartsWith("\uFEFF"u8) ? utf8[3..] : utf8;
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return new PlanReader(fileName).Read(document.RootElement);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new InvalidInputException($"{fileName}: not JSON ({exception.Message})", exception);
        }
    }

    /// <summary>A plan as JSON text in the product's format.</summary>
    /// <param name="document">The plan.</param>
    public static byte[] ToUtf8(PlanDocument document)
    {
        ArgumentNullException.ThrowIfNull(document);
        using MemoryStream text = new();
        using (Utf8JsonWriter writer = new(text))
            PlanWriter.Write(writer, document);
        return text.ToArray();
    }

    /// <summary>Writes a plan in the product's format.</summary>
    /// <param name="path">The file; replaced if it is there.</param>
    /// <param name="document">The plan.</param>
    /// <exception cref="InvalidInputException">No file can be made there.</exception>
    public static void Save(string path, PlanDocument document)
    {
        ArgumentNullException.ThrowIfNull(document);
        Write(path, writer => PlanWriter.Write(writer, document));
    }

    /// <summary>Writes the rules alone, as the research code reads them.</summary>
    /// <param name="path">The file; replaced if it is there.</param>
    /// <param name="plan">The rules.</param>
    /// <exception cref="InvalidInputException">No file can be made there.</exception>
    public static void SaveResearch(string path, AttentionPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        if (plan.Block != ElasticRule.BlockSize)
        {
            throw new InvalidInputException(
                $"{path}: the plan counts in blocks of {plan.Block} tokens and the research code in {ElasticRule.BlockSize}; search one with --block {ElasticRule.BlockSize}");
        }

        Write(path, writer => PlanWriter.WriteResearch(writer, plan));
    }

    private static void Write(string path, Action<Utf8JsonWriter> write) => WholeFile.Write(path, stream =>
    {
        using Utf8JsonWriter writer = new(stream);
        write(writer);
    });
}
