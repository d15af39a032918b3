using System.Globalization;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Numerics;

namespace MoA.Engine.KvCache;

/// <summary>What caches in a file belong to: a model, a policy and a format of rows.</summary>
/// <param name="Model">The model's fingerprint.</param>
/// <param name="Config">Its shape.</param>
/// <param name="Policy">Which rows stay: by their positions.</param>
/// <param name="Type">Format of the rows.</param>
internal sealed record SessionOwner(string Model, ModelConfig Config, AttentionPolicy Policy, ElementType Type);

/// <summary>
/// How files of caches are laid out (docs/formats.md): safetensors with two small tensors, that say what there is, before the keys and values of all heads.
/// </summary>
internal static class SessionFormat
{
    public const string Name = "moa-session/1";

    public const string FormatKey = "format", ModelKey = "model", PolicyKey = "policy", SpansKey = "spans", TypeKey = "kv", CapacityKey = "capacity",
        RowsKey = "rows", ChecksumKey = "checksum";

    public const string Heads = "head.states", Tokens = "head.tokens", Keys = "rows.keys", Values = "rows.values";

    /// <summary>Numbers that say what a head holds.</summary>
    public const int HeadNumbers = 4;

    /// <summary>The metadata, but for the checksum.</summary>
    public static Dictionary<string, string> Describe(SessionOwner owner, int capacity, string rowsHash) => new()
    {
        [FormatKey] = Name,
        [ModelKey] = owner.Model,
        [PolicyKey] = owner.Policy.FullName,
        [SpansKey] = owner.Policy.Identity(owner.Config, capacity),
        [TypeKey] = owner.Type.Name(),
        [CapacityKey] = capacity.ToString(CultureInfo.InvariantCulture),
        [RowsKey] = rowsHash,
    };

    /// <summary>A hash over all of the metadata but itself, in the order of the keys, and over what heads hold and the tokens.</summary>
    public static string Checksum(IReadOnlyDictionary<string, string> metadata, ReadOnlySpan<int> heads, ReadOnlySpan<int> tokens)
    {
        XxHash128 hash = new();
        foreach ((string key, string value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            if (key != ChecksumKey)
                hash.Append(Encoding.UTF8.GetBytes($"{key}={value}\n"));
        }

        hash.Append(MemoryMarshal.AsBytes(heads));
        hash.Append(MemoryMarshal.AsBytes(tokens));
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    /// <summary>The dtype of rows as safetensors has it, and the elements of one.</summary>
    public static (string DType, long Elements) Row(ElementType type, int headSize) => type switch
    {
        ElementType.F32 => ("F32", headSize),
        ElementType.BF16 => ("BF16", headSize),
        _ => ("U8", type.RowBytes(headSize)),
    };
}
