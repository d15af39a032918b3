using MoA.Engine.Tests.Files;

namespace MoA.Engine.Tests.Models.Loading;

/// <summary>A whole model of one layer, hidden size 32, two heads of 16 and 8 tokens, to be damaged one fault at a time.</summary>
internal static class TinyGguf
{
    private static readonly (string Name, int Rows, int Columns)[] Shapes =
    [
        ("token_embd.weight", 8, 32), ("blk.0.attn_norm.weight", 0, 32), ("blk.0.attn_q.weight", 32, 32),
        ("blk.0.attn_k.weight", 32, 32), ("blk.0.attn_v.weight", 32, 32), ("blk.0.attn_output.weight", 32, 32),
        ("blk.0.ffn_norm.weight", 0, 32), ("blk.0.ffn_gate.weight", 64, 32), ("blk.0.ffn_up.weight", 64, 32),
        ("blk.0.ffn_down.weight", 32, 64), ("output_norm.weight", 0, 32),
    ];

    public static GgufBytes Create(
        Action<Dictionary<string, float[]>>? change = null, Action<Dictionary<string, object>>? changeKeys = null)
    {
        Dictionary<string, object> keys = new()
        {
            ["general.architecture"] = "llama",
            ["llama.context_length"] = 128u,
            ["llama.embedding_length"] = 32u,
            ["llama.block_count"] = 1u,
            ["llama.feed_forward_length"] = 64u,
            ["llama.attention.head_count"] = 2u,
            ["llama.attention.layer_norm_rms_epsilon"] = 1e-5f,
        };
        changeKeys?.Invoke(keys);
        Dictionary<string, float[]> tensors = Shapes.ToDictionary(
            shape => shape.Name, shape => Enumerable.Range(0, Math.Max(shape.Rows, 1) * shape.Columns).Select(i => i % 7 * 0.01f).ToArray());
        change?.Invoke(tensors);
        GgufBytes bytes = new();
        foreach ((string key, object value) in keys)
        {
            _ = value switch
            {
                string text => bytes.Add(key, text),
                uint number => bytes.Add(key, number),
                float number => bytes.Add(key, number),
                bool flag => bytes.Add(key, flag),
                int[] numbers => bytes.Add(key, numbers),
                long number => bytes.Add(key, 11, BitConverter.GetBytes(number)),
                _ => throw new ArgumentException(key, nameof(changeKeys)),
            };
        }

        foreach ((string name, float[] values) in tensors)
        {
            (_, int rows, int columns) = Shapes.FirstOrDefault(shape => shape.Name == name);
            bytes.AddTensor(name, rows == 0 ? [(ulong)values.Length] : [(ulong)columns, (ulong)(values.Length / columns)], values);
        }

        return bytes;
    }
}
