using System.Text.Json;

namespace MoA.Engine.Attention;

/// <summary>Writes plans as JSON.</summary>
internal static class PlanWriter
{
    public static void Write(Utf8JsonWriter writer, PlanDocument document)
    {
        writer.WriteStartObject();
        writer.WriteString("format", document.Scorer is null ? PlanFile.Format : PlanFile.ContentFormat);
        if (document.Scorer is not null)
            writer.WriteString("scorer", document.Scorer);
        if (document.Model is PlanModel model)
        {
            writer.WriteStartObject("model");
            if (model.Name is not null)
                writer.WriteString("name", model.Name);
            writer.WriteNumber("layers", model.Layers);
            writer.WriteNumber("queryHeads", model.QueryHeads);
            writer.WriteNumber("keyValueHeads", model.KeyValueHeads);
            writer.WriteEndObject();
        }

        if (document.StatesHeadKind)
            writer.WriteString("headKind", document.Plan.HeadKind == HeadKind.Query ? "query" : "keyValue");
        writer.WriteNumber("blockSize", document.Plan.Block);
        writer.WriteNumber("sinkTokens", document.Plan.Block);
        WriteRules(writer, document.Plan);
        if (document.Search is not null)
            WriteSearch(writer, document.Search);
        writer.WriteEndObject();
    }

    public static void WriteResearch(Utf8JsonWriter writer, AttentionPlan plan)
    {
        writer.WriteStartObject();
        WriteRules(writer, plan);
        writer.WriteEndObject();
    }

    private static void WriteRules(Utf8JsonWriter writer, AttentionPlan plan)
    {
        WriteTable(writer, "alphas", plan, rule => rule.Alpha);
        WriteTable(writer, "betas", plan, rule => rule.Beta);
    }

    private static void WriteTable(
        Utf8JsonWriter writer, string name, AttentionPlan plan, Func<ElasticRule, double> value)
    {
        writer.WriteStartArray(name);
        for (int layer = 0; layer < plan.Layers; layer++)
        {
            writer.WriteStartArray();
            for (int head = 0; head < plan.HeadsPerLayer; head++)
                writer.WriteNumberValue(value(plan[layer, head]));
            writer.WriteEndArray();
        }

        writer.WriteEndArray();
    }

    private static void WriteSearch(Utf8JsonWriter writer, PlanSearch search)
    {
        writer.WriteStartObject("search");
        writer.WriteStartArray("lengths");
        foreach (PlanSearchLength length in search.Lengths)
        {
            writer.WriteStartObject();
            writer.WriteNumber("length", length.Length);
            WriteOptional(writer, "densityBound", length.DensityBound);
            writer.WriteNumber("density", length.Density);
            WriteOptional(writer, "predictedLoss", length.PredictedLoss);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        WriteOptional(writer, "maxRulesPerLayer", search.MaxRulesPerLayer);
        WriteOptional(writer, "validationLength", search.ValidationLength);
        WriteOptional(writer, "validationLoss", search.ValidationLoss);
        writer.WriteEndObject();
    }

    private static void WriteOptional(Utf8JsonWriter writer, string name, double? value)
    {
        if (value is double number)
            writer.WriteNumber(name, number);
    }
}
