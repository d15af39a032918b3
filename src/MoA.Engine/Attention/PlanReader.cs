using System.Text.Json;
using MoA.Engine.Attention.Policies;

namespace MoA.Engine.Attention;

/// <summary>Turns the JSON of a plan into a plan, or says in one line what is wrong with it.</summary>
internal sealed class PlanReader(string fileName)
{
    public PlanDocument Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
            throw Error($"holds {Kind(root)}", "an object with \"alphas\" and \"betas\"");
        if (root.TryGetProperty("format", out JsonElement format)
            && (format.ValueKind != JsonValueKind.String || format.GetString() is not (PlanFile.Format or PlanFile.ContentFormat)))
        {
            throw Error($"format {Shown(format)}", $"\"{PlanFile.Format}\" or \"{PlanFile.ContentFormat}\"; convert the plan with the version that wrote it");
        }

        int block = ReadBlock(root);
        HeadKind? headKind = ReadHeadKind(root);
        PlanModel? model = Member(root, "model") is JsonElement given ? ReadModel(given) : null;
        double[][] alphas = ReadTable(root, "alphas");
        double[][] betas = ReadTable(root, "betas");
        if (alphas.Length != betas.Length || alphas[0].Length != betas[0].Length)
        {
            throw Error(
                $"{alphas.Length}×{alphas[0].Length} alphas and {betas.Length}×{betas[0].Length} betas",
                "tables of the same shape");
        }

        headKind ??= model is null ? null
            : alphas[0].Length == model.QueryHeads ? HeadKind.Query : HeadKind.KeyValue;
        ElasticRule[][] rules =
        [
            .. alphas.Zip(betas, (row, other) => row.Zip(other, (alpha, beta) => new ElasticRule(alpha, beta) { Block = block }).ToArray()),
        ];
        PlanDocument document = new(
            new AttentionPlan(rules, headKind ?? HeadKind.Query),
            model,
            Member(root, "search") is JsonElement search ? ReadSearch(search) : null)
        {
            StatesHeadKind = headKind is not null,
            Scorer = ReadScorer(root),
        };
        if (model is not null)
            RequireShape(document.Plan, model);
        return document;
    }

    private int ReadBlock(JsonElement root)
    {
        int block = ElasticRule.BlockSize;
        if (Member(root, "blockSize") is JsonElement value && (block = Integer(value, "blockSize")) is int read && !ElasticRule.Blocks.Contains(read))
            throw Error($"\"blockSize\" {Shown(value)}", $"{string.Join(", ", ElasticRule.Blocks)}; other sizes are not supported");
        if (Member(root, "sinkTokens") is JsonElement sink && Integer(sink, "sinkTokens") != block)
            throw Error($"\"sinkTokens\" {Shown(sink)}", $"{block}, as \"blockSize\" says; other sizes are not supported");
        return block;
    }

    private string? ReadScorer(JsonElement root)
    {
        if (Member(root, "scorer") is not JsonElement value)
            return null;
        string scorer = (value.ValueKind == JsonValueKind.String ? value.GetString() : null) ?? "";
        // Names of settings go into messages of one line.
        ContentPlanReader.Check(scorer.Any(char.IsControl) ? "" : scorer, $"{fileName}: the plan has \"scorer\" {Shown(value)}");
        return scorer;
    }

    private HeadKind? ReadHeadKind(JsonElement root)
    {
        if (Member(root, "headKind") is not JsonElement value)
            return null;
        return (value.ValueKind == JsonValueKind.String ? value.GetString() : null) switch
        {
            "query" => HeadKind.Query,
            "keyValue" => HeadKind.KeyValue,
            _ => throw Error($"\"headKind\" {Shown(value)}", "\"query\" or \"keyValue\""),
        };
    }

    private PlanModel ReadModel(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw Error($"\"model\" as {Kind(value)}", "an object");
        string? name = Member(value, "name") is JsonElement text && text.ValueKind == JsonValueKind.String
            ? text.GetString()
            : null;
        PlanModel model = new(name, Count(value, "layers"), Count(value, "queryHeads"), Count(value, "keyValueHeads"));
        if (model.QueryHeads % model.KeyValueHeads != 0)
        {
            throw Error(
                $"{model.QueryHeads} query heads and {model.KeyValueHeads} KV heads",
                "a number of KV heads that divides the query heads");
        }

        return model;
    }

    private void RequireShape(AttentionPlan plan, PlanModel model)
    {
        int heads = plan.HeadKind == HeadKind.Query ? model.QueryHeads : model.KeyValueHeads;
        if (plan.Layers != model.Layers || plan.HeadsPerLayer != heads)
        {
            throw Error(
                $"rules for {plan.Layers} layers of {plan.HeadsPerLayer} heads",
                $"{model.Layers} layers of {heads}, as its \"model\" and \"headKind\" say");
        }
    }

    private double[][] ReadTable(JsonElement root, string name)
    {
        if (Member(root, name) is not JsonElement table)
            throw Error($"no \"{name}\"", "a list of numbers for every layer");
        if (table.ValueKind != JsonValueKind.Array || table.GetArrayLength() == 0)
            throw Error($"\"{name}\" as {Kind(table)}", "a list of numbers for every layer");
        double[][] rows = new double[table.GetArrayLength()][];
        int layer = 0;
        foreach (JsonElement row in table.EnumerateArray())
        {
            if (row.ValueKind != JsonValueKind.Array || row.GetArrayLength() == 0)
                throw Error($"\"{name}\" of layer {layer} as {Kind(row)}", "a list of numbers");
            rows[layer] = new double[row.GetArrayLength()];
            if (rows[layer].Length != rows[0].Length)
            {
                throw Error(
                    $"{rows[layer].Length} \"{name}\" in layer {layer} after {rows[0].Length} in layer 0",
                    "the same number in every layer");
            }

            int head = 0;
            foreach (JsonElement entry in row.EnumerateArray())
                rows[layer][head] = Finite(entry, $"{name}[{layer}][{head++}]");
            layer++;
        }

        return rows;
    }

    private PlanSearch ReadSearch(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw Error($"\"search\" as {Kind(value)}", "an object");
        List<PlanSearchLength> lengths = [];
        if (Member(value, "lengths") is JsonElement list)
        {
            if (list.ValueKind != JsonValueKind.Array)
                throw Error($"\"search.lengths\" as {Kind(list)}", "a list");
            foreach (JsonElement item in list.EnumerateArray())
            {
                if (item.ValueKind != JsonValueKind.Object)
                    throw Error($"an entry of \"search.lengths\" as {Kind(item)}", "an object");
                lengths.Add(new PlanSearchLength(
                    Count(item, "length"),
                    OptionalNumber(item, "densityBound"),
                    OptionalNumber(item, "density") ?? throw Error("no \"density\" in \"search.lengths\"", "a number"),
                    OptionalNumber(item, "predictedLoss")));
            }
        }

        return new PlanSearch
        {
            Lengths = lengths,
            MaxRulesPerLayer = OptionalCount(value, "maxRulesPerLayer"),
            ValidationLength = OptionalCount(value, "validationLength"),
            ValidationLoss = OptionalNumber(value, "validationLoss"),
        };
    }

    private static JsonElement? Member(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private int Count(JsonElement element, string name) =>
        OptionalCount(element, name) ?? throw Error($"no \"{name}\"", "a whole number above 0");

    private int? OptionalCount(JsonElement element, string name)
    {
        if (Member(element, name) is not JsonElement value)
            return null;
        int count = Integer(value, name);
        return count > 0 ? count : throw Error($"\"{name}\" {count}", "a whole number above 0");
    }

    private int Integer(JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number)
            ? number
            : throw Error($"\"{name}\" as {Shown(value)}", "a whole number");

    private double? OptionalNumber(JsonElement element, string name) =>
        Member(element, name) is JsonElement value ? Finite(value, name) : null;

    private double Finite(JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && double.IsFinite(number)
            ? number
            : throw Error($"\"{name}\" as {Shown(value)}", "a finite number");

    private static string Kind(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array ? $"a list of {value.GetArrayLength()}" : Shown(value);

    private static string Shown(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        // The raw text keeps line breaks escaped, and the message one line.
        _ => value.GetRawText().Length <= 40 ? value.GetRawText() : "a text of many characters",
    };

    private InvalidInputException Error(string read, string expected) =>
        new($"{fileName}: the plan has {read}; expected {expected}.");
}
