using MoA.Engine.Attention;
using MoA.Engine.Attention.Prefill;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Configuration;

namespace MoA.Search.Units;

/// <summary>Policies in payloads of units: the name, then what the policy was made from.</summary>
internal static class PolicyFormat
{
    // Plans with content inside go by the name of plans.
    private const string ContentPlan = PlanPolicy.CommandName + ":scorer";

    /// <summary>Writes a policy.</summary>
    public static void WritePolicy(this BinaryWriter writer, AttentionPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(policy);
        writer.WritePrefill(policy.Prefill);
        writer.Write(policy is ContentPlanPolicy ? ContentPlan : policy is PlanPolicy ? PlanPolicy.CommandName : policy.Name);
        switch (policy)
        {
            case DensePolicy:
                break;
            case PlanPolicy plan:
                WritePlan(writer, plan);
                break;
            case ContentPlanPolicy content:
                WritePlan(writer, content.Positional);
                writer.WriteScorer(content.Scorer);
                writer.Write7BitEncodedInt(content.Sink);
                writer.Write7BitEncodedInt(content.Recent);
                writer.Write7BitEncodedInt(content.PieceTokens);
                break;
            case StreamingLlmPolicy streaming:
                WriteRule(writer, streaming.Rule);
                break;
            case H2oPolicy h2o:
                WriteRule(writer, h2o.Budget);
                writer.Write(((AttentionSumScorer)h2o.Scorer).RecentShare);
                break;
            case SnapKvPolicy snap:
                WriteRule(writer, snap.Budget);
                writer.WriteScorer(snap.Scorer);
                WriteEvery(writer, snap);
                break;
            case PyramidKvPolicy pyramid:
                WriteRule(writer, pyramid.Budget);
                writer.WriteScorer(pyramid.Scorer);
                writer.Write7BitEncodedInt(pyramid.Beta);
                WriteEvery(writer, pyramid);
                break;
            case TovaPolicy tova:
                WriteRule(writer, tova.Budget);
                break;
            case KeyDiffPolicy differences:
                WriteRule(writer, differences.Budget);
                WriteEvery(writer, differences);
                break;
            case ExpectedAttentionPolicy expected:
                WriteRule(writer, expected.Budget);
                writer.WriteScorer(expected.Scorer);
                WriteEvery(writer, expected);
                break;
            case KvZipPolicy zip:
                WriteRule(writer, zip.Budget);
                writer.Write7BitEncodedInt((int)zip.Level);
                writer.Write7BitEncodedInt(((RepetitionScorer)zip.Scorer).Chunk);
                break;
            case AdaKvPolicy shared:
                WriteRule(writer, shared.Budget);
                writer.Write(shared.Floor);
                writer.WriteScorer(shared.Scorer);
                WriteEvery(writer, shared);
                break;
            case FastGenPolicy { Scorer: RecoveryScorer recovery }:
                writer.Write(recovery.Recovery);
                writer.Write(recovery.HeavyShare);
                writer.Write(recovery.RecentShare);
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
        PrefillPolicy? prefill = reader.ReadPrefill(config);
        AttentionPolicy policy = reader.ReadString() switch
        {
            DensePolicy.CommandName => new DensePolicy(),
            PlanPolicy.CommandName => ReadPlan(reader, config),
            ContentPlan => new ContentPlanPolicy(
                ReadPlan(reader, config).Plan, reader.ReadScorer(), reader.ReadWithin(0, int.MaxValue), reader.ReadWithin(1, int.MaxValue), ReadBlocks(reader)),
            StreamingLlmPolicy.CommandName => new StreamingLlmPolicy(ReadRule(reader)),
            H2oPolicy.CommandName => new H2oPolicy(ReadRule(reader), reader.ReadFinite()),
            SnapKvPolicy.CommandName => new SnapKvPolicy(ReadRule(reader), reader.ReadVotes()) { Every = ReadEvery(reader) },
            PyramidKvPolicy.CommandName => new PyramidKvPolicy(ReadRule(reader), reader.ReadVotes(), reader.ReadWithin(1, int.MaxValue)) { Every = ReadEvery(reader) },
            TovaPolicy.CommandName => new TovaPolicy(ReadRule(reader)),
            KeyDiffPolicy.CommandName => new KeyDiffPolicy(ReadRule(reader)) { Every = ReadEvery(reader) },
            ExpectedAttentionPolicy.CommandName => new ExpectedAttentionPolicy(
                ReadRule(reader), reader.ReadScorer() as ExpectedAttentionScorer ?? throw new FormatException("another scorer than expected attention"))
            { Every = ReadEvery(reader) },
            KvZipPolicy.CommandName => new KvZipPolicy(
                ReadRule(reader), (KvZipLevel)reader.ReadWithin(0, (int)KvZipLevel.Head), reader.ReadWithin(1, int.MaxValue)),
            AdaKvPolicy.CommandName => ReadShared(reader),
            FastGenPolicy.CommandName => new FastGenPolicy(new RecoveryScorer(reader.ReadFinite(), reader.ReadFinite(), reader.ReadFinite())),
            InfLlmPolicy.CommandName => new InfLlmPolicy(ReadRule(reader), reader.ReadFinite(), reader.ReadWithin(1, ElasticRule.BlockSize)),
            (TwoClassPolicy.DuoName or TwoClassPolicy.RazorName) and string name => ReadHeads(reader, name, config),
            _ => throw new FormatException("no policy of that name"),
        };
        _ = policy.Resolve(config, 1); // refuses a model that the policy cannot run on
        return prefill is null ? policy : policy.With(prefill);
    }

    private static void WriteRule(BinaryWriter writer, ElasticRule rule)
    {
        writer.Write(rule.Alpha);
        writer.Write(rule.Beta);
    }

    private static ElasticRule ReadRule(BinaryReader reader) => new(reader.ReadFinite(), reader.ReadFinite());

    private static int ReadBlocks(BinaryReader reader) => reader.ReadWithin(1, int.MaxValue) is int tokens && tokens % ElasticRule.BlockSize == 0
        ? tokens
        : throw new FormatException("no whole blocks of tokens");

    private static void WriteEvery(BinaryWriter writer, EvictionPolicy policy) => writer.Write7BitEncodedInt(policy.Every ?? 0);

    private static int? ReadEvery(BinaryReader reader) => reader.ReadWithin(0, int.MaxValue) is > 0 and int tokens ? tokens : null;

    private static void WritePlan(BinaryWriter writer, PlanPolicy policy)
    {
        AttentionPlan plan = policy.Plan;
        writer.Write(policy.Name);
        writer.Write(plan.HeadKind == HeadKind.KeyValue);
        writer.Write7BitEncodedInt(plan.Block);
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
        int block = reader.ReadBlock();
        ElasticRule[][] rules = new ElasticRule[config.Layers][];
        foreach (ref ElasticRule[] layer in rules.AsSpan())
        {
            layer = new ElasticRule[kind == HeadKind.KeyValue ? config.KeyValueHeads : config.QueryHeads];
            foreach (ref ElasticRule rule in layer.AsSpan())
                rule = ReadRule(reader) with { Block = block };
        }

        return new PlanPolicy(new AttentionPlan(rules, kind), name);
    }

    private static AdaKvPolicy ReadShared(BinaryReader reader)
    {
        ElasticRule budget = ReadRule(reader);
        double floor = reader.ReadFinite();
        return floor is >= 0 and <= 1 ? new AdaKvPolicy(budget, reader.ReadScorer(), floor) { Every = ReadEvery(reader) } : throw new FormatException($"{floor} where a share is expected");
    }

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
