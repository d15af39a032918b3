using MoA.Engine;
using MoA.Engine.Configuration;

namespace MoA.Gpu;

/// <summary>Which models a device has operations for, by what their layers are.</summary>
internal static class DeviceModel
{
    /// <summary>Refuses a model that the device has no operations for, and says for what.</summary>
    /// <exception cref="InvalidInputException">There is something that it cannot do.</exception>
    public static void Check(string device, ModelConfig config)
    {
        foreach ((string what, bool isThere) in Missing(config))
        {
            if (isThere)
                throw new InvalidInputException($"{device}: {what} runs on the processor only; leave --device out");
        }
    }

    private static (string What, bool IsThere)[] Missing(ModelConfig config)
    {
        return
        [
            ($"RoPE that turns part of a head, or by the length of the text ({config.Rope?.Scaling.Describe()}),",
                config.RotaryDimensions != config.HeadSize || !config.TurnsAlike(1, int.MaxValue)),
            ("a feed-forward network of experts", Any(layer => layer.FeedForward.Experts is not null)),
            ("an activation other than SiLU", Any(layer => layer.FeedForward.Activation != Activation.Silu)),
            ("a norm behind attention or feed-forward", Any(layer => layer.Norms != NormPlacement.Before)),
            ("a soft cap on attention's scores", Any(layer => layer.AttentionSoftCap is not null)),
            ("attention with sinks", Any(layer => layer.HasSinks)),
            ("a residual stream with scaled branches", Any(layer => layer.ResidualScale != 1)),
            ("a scaled embedding", config.EmbeddingScale != 1),
            ("a scale or a soft cap on logits", config.LogitScale != 1 || config.LogitSoftCap is not null),
        ];

        bool Any(Func<LayerDescription, bool> isSo) => config.LayerDescriptions.Any(isSo);
    }
}
