using MoA.Engine.Configuration;

namespace MoA.Engine.Kernels;

/// <summary>The sizes of a layer's feed-forward network of experts.</summary>
/// <param name="Experts">Experts E of the layer.</param>
/// <param name="Used">Experts k that a row uses.</param>
/// <param name="HiddenSize">Inputs and outputs of an expert.</param>
/// <param name="IntermediateSize">Its width between the projections.</param>
internal readonly record struct ExpertShape(int Experts, int Used, int HiddenSize, int IntermediateSize)
{
    /// <summary>That of a layer, or null where it has one network.</summary>
    public static ExpertShape? Of(ModelConfig config, LayerDescription layer) => layer.FeedForward.Experts is { } experts
        ? new(experts.Count, experts.Used, config.HiddenSize, layer.FeedForward.IntermediateSize)
        : null;

    /// <summary>Those of a model, each once.</summary>
    public static IEnumerable<ExpertShape> Of(ModelConfig config) =>
        config.LayerDescriptions.Select(layer => Of(config, layer)).OfType<ExpertShape>().Distinct();
}
