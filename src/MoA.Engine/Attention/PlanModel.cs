namespace MoA.Engine.Attention;

/// <summary>The model that a plan was made for.</summary>
/// <param name="Name">Name of the model, or null.</param>
/// <param name="Layers">Number of layers.</param>
/// <param name="QueryHeads">Query heads of a layer.</param>
/// <param name="KeyValueHeads">KV heads of a layer; divides the query heads.</param>
internal sealed record PlanModel(string? Name, int Layers, int QueryHeads, int KeyValueHeads);
