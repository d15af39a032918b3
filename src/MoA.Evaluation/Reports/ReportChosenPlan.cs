using System.Text.Json.Serialization;
using MoA.Engine.Attention;

namespace MoA.Evaluation.Reports;

/// <summary>The rules of the plan that the search hands over, and what they keep.</summary>
/// <param name="HeadKind">Whether a head below is a query head or a KV head.</param>
/// <param name="Alphas">[layers][heads]: constant part of the span in tokens.</param>
/// <param name="Betas">[layers][heads]: share of the sequence length in the span.</param>
/// <param name="Spans">By length in tokens, [layers][heads]: rows kept, sink included.</param>
/// <param name="Densities">By length in tokens: mean density of the plan; in (0, 1].</param>
public sealed record ReportChosenPlan(
    [property: JsonConverter(typeof(HeadKindJsonConverter))] HeadKind HeadKind,
    double[][] Alphas,
    double[][] Betas,
    IReadOnlyDictionary<int, int[][]> Spans,
    IReadOnlyDictionary<int, double> Densities);
