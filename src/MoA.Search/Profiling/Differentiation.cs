using MoA.Engine;
using MoA.Engine.Configuration;

namespace MoA.Search.Profiling;

/// <summary>Which models have a backward pass, by what their layers are.</summary>
internal static class Differentiation
{
    /// <summary>Refuses a model of which something has no backward pass, and says what.</summary>
    /// <exception cref="InvalidInputException">There is such a thing.</exception>
    public static void Check(string model, ModelConfig config)
    {
        foreach ((string what, bool isThere) in Missing(config))
        {
            if (isThere)
                throw new InvalidInputException($"{model}: has {what}, which profiling cannot differentiate; choose another model");
        }
    }

    private static (string What, bool IsThere)[] Missing(ModelConfig config)
    {
        return
        [
            ("feed-forward networks of experts", Any(layer => layer.FeedForward.Experts is not null)),
            ("an activation other than SiLU", Any(layer => layer.FeedForward.Activation != Activation.Silu)),
            ("norms behind attention or feed-forward", Any(layer => layer.Norms != NormPlacement.Before)),
            ("a scale of its own for attention's scores", Any(layer => layer.AttentionScale is not null)),
            ("a soft cap on attention's scores", Any(layer => layer.AttentionSoftCap is not null)),
            ("attention with sinks", Any(layer => layer.HasSinks)),
            ("a residual stream with scaled branches", Any(layer => layer.ResidualScale != 1)),
            ("a scale or a soft cap on logits", config.LogitScale != 1 || config.LogitSoftCap is not null),
        ];

        bool Any(Func<LayerDescription, bool> isSo) => config.LayerDescriptions.Any(isSo);
    }
}
