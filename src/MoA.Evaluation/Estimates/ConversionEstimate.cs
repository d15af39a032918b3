using System.Globalization;
using MoA.Engine.Models.Loading;

namespace MoA.Evaluation.Estimates;

/// <summary>What the writing of a model file would take.</summary>
internal static class ConversionEstimate
{
    /// <summary>Reckons.</summary>
    public static RunEstimate Of(ConversionPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        string target = string.Create(CultureInfo.InvariantCulture, $"{plan.Result.File} ({plan.Result.Bytes / 1048576.0:N1} MiB)");
        return new RunEstimate
        {
            Memory = [new EstimatedMemory("weights that are read, mapped", plan.SourceBytes), new EstimatedMemory("pieces under way", plan.PieceBytes)],
            Times = [new EstimatedTime("write", plan.Seconds, $"{plan.Result.Tensors.Values.Sum()} matrices and their vectors")],
            Files = [target],
            Basis = "what the first tensors after the embedding took just now, without the disk: reading and writing come on top",
        };
    }
}
