using MoA.Engine.Models;

namespace MoA.Engine.Tests.Models;

/// <summary>Logits of a pass in an array of their own.</summary>
internal static class PassLogits
{
    public static float[] Of(Transformer transformer, ForwardBatch batch, params ReadOnlySpan<int> rows)
    {
        float[] logits = new float[rows.Length * transformer.Config.VocabularySize];
        transformer.Logits(batch, rows, logits);
        return logits;
    }
}
