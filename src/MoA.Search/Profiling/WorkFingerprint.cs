using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;

namespace MoA.Search.Profiling;

/// <summary>
/// Tells one piece of profiling work from another: a hash of the model's name, shape and constants, of all its weights, of the
/// length, of the blocks unless they have 64 tokens, of what a plan keeps or by which scores it is chosen, and of the items' tokens and loss positions in their order. Work that was interrupted is only gone on with under the
/// same fingerprint.
/// </summary>
internal static class WorkFingerprint
{
    /// <summary>The fingerprint as hexadecimal digits.</summary>
    public static string Of(LoadedModel model, int length, IReadOnlyList<ProfileItem> items, int block = ElasticRule.BlockSize, AttentionPolicy? policy = null)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        ModelConfig config = model.Config;
        // The record prints its values in the culture's form, which the product fixes as invariant; lists need spelling
        // out.
        Add(hash, "moa-profile/3");
        Add(hash, model.Name);
        Add(hash, (config with { LayerDescriptions = [], EosTokenIds = [] }).ToString());
        foreach (LayerDescription layer in config.LayerDescriptions)
        {
            Add(hash, (layer with { Rope = null }).ToString());
            Add(hash, layer.Rope is { } rope ? Rope(config, rope, length) : "");
        }

        Add(hash, length.ToString(CultureInfo.InvariantCulture));
        if (block != ElasticRule.BlockSize)
            Add(hash, $"blocks of {block}");
        if (policy is not null)
            Add(hash, $"under {policy.Describe(config, length)}");
        Add(hash, model.Weights.Fingerprint);
        foreach (ProfileItem item in items)
        {
            Add(hash, item.Tokens);
            Add(hash, item.LossPositions);
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static string Rope(ModelConfig config, RopeSettings rope, int length) => string.Join(' ', Transformer.RopeFrequencies(config, rope, length)
        .Append(rope.Scaling.AttentionFactor).Select(number => number.ToString("R", CultureInfo.InvariantCulture)));

    private static void Add(IncrementalHash hash, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Add(hash, [bytes.Length]);
        hash.AppendData(bytes);
    }

    private static void Add(IncrementalHash hash, ReadOnlySpan<int> numbers)
    {
        byte[] bytes = new byte[(numbers.Length + 1) * sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, numbers.Length);
        for (int i = 0; i < numbers.Length; i++)
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan((i + 1) * sizeof(int)), numbers[i]);
        hash.AppendData(bytes);
    }
}
