using System.Runtime.InteropServices;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Tokenization;
using MoA.Search.Profiling;

namespace MoA.Search.Units;

/// <summary>The influence of every block of attention on the loss of one item.</summary>
internal sealed class InfluenceUnit : IUnitHandler
{
    private const string Name = "influence";

    /// <inheritdoc/>
    public string Kind => Name;

    /// <summary>The unit of an item.</summary>
    /// <param name="item">The item.</param>
    /// <param name="longest">The longest item that the same workspace would take on one machine.</param>
    /// <param name="block">Tokens in a block.</param>
    /// <param name="policy">The plan under which the influence is taken, or one by content, in the order of whose scores it is summed; null for none.</param>
    /// <param name="length">The length in tokens that the plan's rules are for.</param>
    public static WorkUnit Of(ProfileItem item, int longest, int block = ElasticRule.BlockSize, AttentionPolicy? policy = null, int length = 1)
    {
        ArgumentNullException.ThrowIfNull(item);
        bool[] marks = new bool[item.Tokens.Length];
        foreach (int position in item.LossPositions)
            marks[position + 1] = true;
        return new WorkUnit(Name, UnitFormat.Write(writer =>
        {
            writer.Write7BitEncodedInt(longest);
            writer.Write7BitEncodedInt(block);
            writer.WriteTokens(item.Tokens);
            writer.WriteMarks(marks);
            writer.Write(item.Origin);
            writer.Write7BitEncodedInt(length);
            writer.WritePolicy(policy ?? AttentionPolicy.Dense);
        }), $"the influence of {item.Origin}");
    }

    /// <inheritdoc/>
    public byte[] Run(LanguageModel model, ReadOnlyMemory<byte> payload, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(model);
        (ProfileItem item, int longest, int block, AttentionPolicy policy, int length) =
            UnitFormat.Read(payload, "unit of influence", reader => ReadItem(reader, model.Config));
        ComputeBackend backend = model.Transformer.Backend;
        ProfilerMemory memory = ProfilerMemory.Of(model.Loaded, backend, longest, longest, block, policy as ContentPlanPolicy);
        string? temporaryFolder = memory.Spills(null, backend, longest, longest) ? Path.GetTempPath() : null;
        using InfluenceProfiler profiler = new(model.Loaded, backend, longest, temporaryFolder)
        {
            Block = block,
            Spans = (policy as PlanPolicy)?.Resolve(model.Config, length),
            Content = policy as ContentPlanPolicy,
        };
        return Write(profiler.Profile(item, cancellation), item.Origin);
    }

    /// <summary>Reads the result of a unit.</summary>
    /// <param name="result">The bytes.</param>
    /// <param name="item">The item.</param>
    /// <param name="config">The model.</param>
    /// <param name="block">Tokens in a block.</param>
    /// <exception cref="InvalidInputException">It is no such result.</exception>
    public static ItemInfluence ReadResult(ReadOnlyMemory<byte> result, ProfileItem item, ModelConfig config, int block = ElasticRule.BlockSize)
    {
        ArgumentNullException.ThrowIfNull(item);
        ArgumentNullException.ThrowIfNull(config);
        return UnitFormat.Read(result, "result of influence", reader =>
        {
            double loss = reader.ReadFinite();
            int blocks = (item.Length + block - 1) / block;
            float[][] layers = new float[config.Layers][];
            foreach (ref float[] layer in layers.AsSpan())
            {
                layer = new float[config.QueryHeads * blocks * blocks];
                for (int row = 0; row < config.QueryHeads * blocks; row++)
                {
                    Span<float> seen = layer.AsSpan(row * blocks, row % blocks + 1);
                    reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(seen));
                    if (seen.ContainsAnyExceptInRange(0f, float.MaxValue))
                        throw new FormatException("an influence below 0 or not finite");
                }
            }

            return new ItemInfluence(loss, blocks, layers);
        });
    }

    // A query sees no block behind its own: these are left out.
    private static byte[] Write(ItemInfluence influence, string origin)
    {
        int blocks = influence.Blocks;
        long bytes = sizeof(double) + influence.Layers.Sum(layer => layer.Length / blocks / blocks * (blocks * (blocks + 1L) / 2) * sizeof(float));
        if (bytes > Array.MaxLength)
        {
            throw new InvalidInputException(
                $"{origin}: its influence is {bytes >> 20} MiB, and members send up to {Array.MaxLength >> 20} MiB; profile shorter lengths, or this one without --cluster");
        }

        byte[] result = new byte[bytes];
        MemoryMarshal.Write(result, influence.Loss);
        int written = sizeof(double);
        foreach (float[] layer in influence.Layers)
        {
            for (int row = 0; row < layer.Length / blocks; row++)
            {
                ReadOnlySpan<byte> seen = MemoryMarshal.AsBytes(layer.AsSpan(row * blocks, row % blocks + 1));
                seen.CopyTo(result.AsSpan(written));
                written += seen.Length;
            }
        }

        return result;
    }

    private static (ProfileItem Item, int Longest, int Block, AttentionPolicy Policy, int Length) ReadItem(BinaryReader reader, ModelConfig config)
    {
        int longest = reader.ReadWithin(1, int.MaxValue), block = reader.ReadBlock();
        int[] tokens = reader.ReadTokens();
        bool[] marks = reader.ReadMarks(tokens.Length);
        AnswerSpan[] answers = [.. Enumerable.Range(0, marks.Length).Where(i => marks[i]).Select(i => new AnswerSpan(i, i + 1))];
        ProfileItem item = new(tokens, answers, reader.ReadString());
        // All items of a length have more than half of it.
        if (item.LossPositions.IsEmpty || item.Length > longest || longest >= 2L * item.Length)
            throw new FormatException($"an item of {item.Length} tokens, {item.LossPositions.Length} of them predicted, among items of up to {longest}");
        int length = reader.ReadWithin(1, int.MaxValue);
        return (item, longest, block, reader.ReadPolicy(config), length);
    }
}
