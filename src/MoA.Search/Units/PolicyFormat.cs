using MoA.Engine.Attention;
using MoA.Engine.Configuration;

namespace MoA.Search.Units;

/// <summary>Policies in payloads of units: the name, then what the policy was made from.</summary>
internal static class PolicyFormat
{
    /// <summary>Writes a policy.</summary>
    public static void WritePolicy(this BinaryWriter writer, AttentionPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(policy);
        writer.Write(policy is PlanPolicy ? PlanPolicy.CommandName : policy.Name);
        switch (policy)
        {
            case DensePolicy:
                break;
            case PlanPolicy plan:
                WritePlan(writer, plan);
                break;
            case StreamingLlmPolicy streaming:
                WriteRule(writer, streaming.Rule);
                break;
            case H2oPolicy h2o:
                WriteRule(writer, h2o.Budget);
                writer.Write(h2o.RecentShare);
                break;
            case SnapKvPolicy snap:
                WriteVotes(writer, snap);
                break;
            case PyramidKvPolicy pyramid:
                WriteVotes(writer, pyramid);
                writer.Write7BitEncodedInt(pyramid.Beta);
                break;
            case InfLlmPolicy infLlm:
                WriteRule(writer, infLlm.Budget);
                writer.Write(infLlm.LocalShare);
                writer.Write7BitEncodedInt(infLlm.Representatives);
                break;
            case TwoClassPolicy heads:
                WriteHeads(writer, heads);
                break;
            default:
                throw new NotSupportedException($"Policy {policy.Name} has no form in units of work.");
        }
    }

    /// <summary>Reads a policy for a model.</summary>
    /// <exception cref="FormatException">There is no policy, or not one for the model.</exception>
    public static AttentionPolicy ReadPolicy(this BinaryReader reader, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(config);
        AttentionPolicy policy = reader.ReadString() switch
        {
            DensePolicy.CommandName => new DensePolicy(),
            PlanPolicy.CommandName => ReadPlan(reader, config),
            StreamingLlmPolicy.CommandName => new StreamingLlmPolicy(ReadRule(reader)),
            H2oPolicy.CommandName => new H2oPolicy(ReadRule(reader), reader.ReadFinite()),
            SnapKvPolicy.CommandName => new SnapKvPolicy(ReadRule(reader), reader.ReadWithin(1, ElasticRule.BlockSize), ReadPooling(reader)),
            PyramidKvPolicy.CommandName => new PyramidKvPolicy(
                ReadRule(reader), reader.ReadWithin(1, ElasticRule.BlockSize), ReadPooling(reader), reader.ReadWithin(1, int.MaxValue)),
            InfLlmPolicy.CommandName => new InfLlmPolicy(ReadRule(reader), reader.ReadFinite(), reader.ReadWithin(1, ElasticRule.BlockSize)),
            (TwoClassPolicy.DuoName or TwoClassPolicy.RazorName) and string name => ReadHeads(reader, name, config),
            _ => throw new FormatException("no policy of that name"),
        };
        _ = policy.Resolve(config, 1); // refuses a model that the policy cannot run on
        return policy;
    }

    private static void WriteRule(BinaryWriter writer, ElasticRule rule)
    {
        writer.Write(rule.Alpha);
        writer.Write(rule.Beta);
    }

    private static ElasticRule ReadRule(BinaryReader reader) => new(reader.ReadFinite(), reader.ReadFinite());

    private static void WritePlan(BinaryWriter writer, PlanPolicy policy)
    {
        AttentionPlan plan = policy.Plan;
        writer.Write(policy.Name);
        writer.Write(plan.HeadKind == HeadKind.KeyValue);
        for (int layer = 0; layer < plan.Layers; layer++)
        {
            for (int head = 0; head < plan.HeadsPerLayer; head++)
                WriteRule(writer, plan[layer, head]);
        }
    }

    private static PlanPolicy ReadPlan(BinaryReader reader, ModelConfig config)
    {
        string name = reader.ReadString();
        HeadKind kind = reader.ReadBoolean() ? HeadKind.KeyValue : HeadKind.Query;
        ElasticRule[][] rules = new ElasticRule[config.Layers][];
        foreach (ref ElasticRule[] layer in rules.AsSpan())
        {
            layer = new ElasticRule[kind == HeadKind.KeyValue ? config.KeyValueHeads : config.QueryHeads];
            foreach (ref ElasticRule rule in layer.AsSpan())
                rule = ReadRule(reader);
        }

        return new PlanPolicy(new AttentionPlan(rules, kind), name);
    }

    private static void WriteVotes(BinaryWriter writer, EvictionPolicy policy)
    {
        WriteRule(writer, policy.Budget);
        writer.Write7BitEncodedInt(policy.ObservedQueries!.Value);
        writer.Write(policy.Pooling.Kind == PoolingKind.Average);
        writer.Write7BitEncodedInt(policy.Pooling.Width);
    }

    private static ScorePooling ReadPooling(BinaryReader reader) =>
        new(reader.ReadBoolean() ? PoolingKind.Average : PoolingKind.Maximum, reader.ReadWithin(1, 1023));

    private static void WriteHeads(BinaryWriter writer, TwoClassPolicy policy)
    {
        WriteRule(writer, policy.Streaming);
        writer.Write(policy.DensityBound is not null);
        writer.Write(policy.DensityBound ?? policy.RetrievalShare);
        foreach (int rank in policy.Ranks.SelectMany(layer => layer))
            writer.Write7BitEncodedInt(rank);
    }

    private static TwoClassPolicy ReadHeads(BinaryReader reader, string name, ModelConfig config)
    {
        ElasticRule streaming = ReadRule(reader);
        bool ofDensity = reader.ReadBoolean();
        double size = reader.ReadFinite();
        if (size is not (>= 0 and <= 1))
            throw new FormatException($"{size} where a share is expected");
        double[][] scores = new double[config.Layers][];
        foreach (ref double[] layer in scores.AsSpan())
        {
            // Only the order counts: a head of the first rank has the largest score.
            layer = [.. Enumerable.Range(0, config.KeyValueHeads).Select(_ => -(double)reader.ReadWithin(0, int.MaxValue))];
        }

        return ofDensity ? TwoClassPolicy.OfDensity(name, scores, streaming, size) : TwoClassPolicy.OfRetrievalShare(name, scores, streaming, size);
    }
}
